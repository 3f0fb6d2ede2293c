"""``mdfnet experiment`` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdfnet.core.csv_tables import read_table
from mdfnet.experiments.plan import protocols

#: Arms that train nothing.
PLAN = """
name: records
question: What does the age tell?
reference: all
seeds: 3
arms:
  all: {clinical_only: true}
  age: {clinical_only: true, only: [age]}
"""


@pytest.fixture
def plan(tmp_path) -> Path:
    (tmp_path / "mine.yaml").write_text(PLAN, encoding="utf-8")
    return tmp_path / "mine.yaml"


def test_list_names_every_protocol(program):
    answer = program("experiment", "list")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == protocols()


def test_an_experiment_and_its_report(program, plan, phantom_set, tmp_path):
    answer = program("experiment", plan, "--data", phantom_set, "--out", tmp_path / "out")
    assert answer.code == 0, answer.err
    for words in ("1/6  all-seed-0", "What does the age tell?", "AP@IoU=0.5, test images", "reference"):
        assert words in answer.out
    again = program("experiment", "report", tmp_path / "out", "--by-finding", "--measure", "AP@IoBB=0.5")
    assert again.code == 0 and "AP@IoBB=0.5, test images" in again.out and "Consolidation" in again.out
    rows = [row for row in read_table(tmp_path / "out" / "report.csv") if row["finding"] == "all"]
    told = [(row["arm"], row["seeds"], row["compared with"]) for row in rows]
    assert told == [("all", "3", ""), ("age", "3", "all")]
    assert rows[1]["in words"] in ("higher than all", "lower than all", "not shown")
    written = program("report", tmp_path / "out", "--out", tmp_path / "report", "--title", "Ages")
    assert written.code == 0, written.err
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<h1>Ages</h1>" in page and "“age” sees no image, 1 clinical value: age." in page
    assert (tmp_path / "report" / "tables" / "arms.csv").is_file()
    for words, why in (
        (["experiment", "explain", tmp_path / "out"], "no fused model is done yet"),
        (["report", tmp_path / "out", "--name", "x"], "an experiment is reported by itself"),
    ):
        refused = program(*words)
        assert refused.code == 2 and refused.err.count("\n") == 1 and why in refused.err


def test_a_dry_run_leaves_nothing(program, phantom_set, tmp_path, quick):
    options = ["--data", phantom_set, "--out", tmp_path / "out", "--dry-run", "--arm", "both", "seeds=2", *quick]
    answer = program("experiment", "ablation", *options)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["none-seed-0", "both-seed-0", "none-seed-1", "both-seed-1"]
    assert lines[4].startswith("4 of 4 cells are left, about ")
    assert not (tmp_path / "out").exists()


def test_slurm_tasks_do_cells_and_the_report_finds_them(program, plan, phantom_set, tmp_path):
    out = tmp_path / "out"
    options = ["--data", phantom_set, "--out", out, "--engine", "slurm", "--slurm=--qos=night"]
    answer = program("experiment", plan, *options)
    assert answer.out.splitlines() == [f"next: sbatch {out}/experiment.sbatch", f"then: mdfnet experiment report {out}"]
    assert "#SBATCH --qos=night" in (out / "experiment.sbatch").read_text()
    assert program("experiment", "cell", out, "age-seed-1").code == 0
    report = program("experiment", "report", out)
    assert "5 of 6 cells are not done" in report.out and len(read_table(out / "report.csv").rows) > 0


def test_a_failed_cell_is_named_and_the_others_are_done(program, plan, phantom_set, tmp_path):
    wild = "  wild: {config: tiny, set: {lr: 1.0e+30, size: 64, clip: null, epochs: 3}}\n"
    plan.write_text(PLAN.replace("seeds: 3", "seeds: 1") + wild, encoding="utf-8")
    answer = program("experiment", plan, "--data", phantom_set, "--out", tmp_path / "out")
    assert answer.code == 2 and answer.err.count("\n") == 1
    for words in ("1 of 3 cells failed: wild-seed-0", "the loss is not finite", "the same command tries them again"):
        assert words in answer.err
    assert "failed: wild-seed-0: " in answer.out and "1 of 3 cells are not done" in answer.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["abblation"], "no protocol or YAML file 'abblation'; did you mean 'ablation'?", id="misspelled"),
        pytest.param(["ablation"], "the experiment 'ablation' has no data; give a dataset folder", id="no data"),
        pytest.param(["ablation", "epoch=3", "--data", "DATA"], "arm 'none': unknown key 'epoch'", id="unknown key"),
        pytest.param(["report", "nowhere"], "nowhere: no experiment here", id="report of nothing"),
        pytest.param(["cell", "nowhere", "x"], "nowhere: no experiment here", id="cell of nothing"),
        pytest.param(["explain", "nowhere"], "nowhere: no experiment here", id="explanation of nothing"),
        pytest.param(["ablation", "--data", "DATA", "folds=99"], "99 folds of 24 patients", id="too many folds"),
    ],
)
def test_refused_in_one_line(words, said, program, phantom_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = program("experiment", *(str(phantom_set) if word == "DATA" else word for word in words))
    assert answer.code == 2 and answer.err.count("\n") == 1 and said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_the_published_tables_need_no_data(program):
    answer = program("experiment", "paper", "--published")
    assert answer.code == 0
    for figure in ("70.3607", "31.685 / 54.7619", "231/53/49", "12.08 points"):
        assert figure in answer.out
