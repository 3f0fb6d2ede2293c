"""Ray and SLURM do the very cells that this machine would do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mdfnet.experiments.engines import run_named, run_on_ray, write_slurm
from mdfnet.experiments.plan import load_plan
from mdfnet.experiments.run import finish, prepare
from mdfnet.experiments.state import RESULTS, is_done, read_results


@pytest.fixture
def plan(quick, tmp_path):
    """Six cells that train nothing."""
    path = tmp_path / "records.yaml"
    path.write_text("name: records\nreference: all\nseeds: 3\narms:\n  all: {clinical_only: true}\n"
                    "  age, alone: {clinical_only: true, only: [age]}\n", encoding="utf-8")  # fmt: skip
    return quick(path)


def scores(out) -> list:
    return sorted(
        (line["cell"]["arm"], line["cell"]["seed"], str(line["scores"])) for line in read_results(out / RESULTS)
    )


def test_slurm_task_i_does_cell_i_and_no_other(plan, tmp_path):
    experiment = prepare(plan, tmp_path / "out")
    script = write_slurm(experiment.left, experiment.out, 2, ["--time=1:00:00"])
    text = script.read_text()
    for line in ("#SBATCH --array=0-5", "#SBATCH --cpus-per-task=2", "#SBATCH --requeue", "#SBATCH --time=1:00:00"):
        assert line in text.splitlines()
    assert all(line.startswith("#SBATCH") for line in text.split("\n\n")[0].splitlines()[1:])  # sbatch reads no further
    # Instead of the program, something that shows its arguments.
    text = text.replace(f"exec {sys.executable} -m mdfnet", "printf '%s\\n'")
    for index, cell in enumerate(experiment.cells):
        done = subprocess.run(["bash", "-c", text], env={**os.environ, "SLURM_ARRAY_TASK_ID": str(index)},
                              capture_output=True, text=True, check=True)  # fmt: skip
        expected = ["experiment", "cell", str(experiment.out.resolve()), cell.name, "--threads", "2"]
        assert done.stdout.splitlines() == expected


def test_slurm_leaves_out_what_is_done(plan, tmp_path):
    experiment = prepare(plan, tmp_path / "out")
    first, *others = experiment.cells
    assert run_named(str(experiment.out), first.name) is None
    assert is_done(experiment.out, first) and not any(is_done(experiment.out, cell) for cell in others)
    script = write_slurm(experiment.left, experiment.out, None).read_text()
    assert "--array=0-4" in script and first.name not in script and all(cell.name in script for cell in others)


def test_cells_done_elsewhere_are_collected(plan, do, tmp_path):
    do(plan, tmp_path / "here")
    experiment = prepare(plan, tmp_path / "there")
    for cell in reversed(experiment.cells):  # tasks of an array end in any order
        run_named(str(experiment.out), cell.name)
    finish(lambda plan, cells, out: [], experiment)
    assert scores(tmp_path / "there") == scores(tmp_path / "here") and len(scores(tmp_path / "here")) == 6


def test_two_ray_workers_do_what_this_machine_does(plan, do, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="NEEDS RAY: pip install 'mdfnet[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # or a busy machine starves them
    do(plan, tmp_path / "here")
    said = []
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        experiment = prepare(plan, tmp_path / "ray")
        failed = finish(lambda plan, cells, out: run_on_ray(plan, cells, out, 1, said.append), experiment)
    finally:
        ray.shutdown()
    assert failed == {} and len(said) == 6 and said[-1].startswith("6/6")
    assert scores(tmp_path / "ray") == scores(tmp_path / "here")


def test_ray_that_is_not_there_is_said(plan, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Exception, match=r"--engine ray needs Ray; pip install 'mdfnet\[ray\]'"):
        list(run_on_ray(load_plan("ablation"), [], tmp_path, None, print))
