"""Where cells run: one after the other here, on a Ray cluster, or as an array of SLURM jobs.

All machines must see the experiment's folder under the same path. On a cluster a cell has one CPU thread by default;
here it has those that torch takes.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError
from mdfnet.core.files import write_text
from mdfnet.experiments.cells import Cell
from mdfnet.experiments.plan import Plan
from mdfnet.experiments.state import cell_named, read_plan
from mdfnet.experiments.work import run_cell

Done = tuple[Cell, str | None]  #: A finished cell and its error, if it failed
Log = Callable[[str], None]

SCRIPT = "experiment.sbatch"  #: The script that `write_slurm` writes


def run_here(plan: Plan, cells: Sequence[Cell], out: Path, threads: int | None, log: Log) -> Iterator[Done]:
    """One after the other, in this process."""
    use_threads(threads)
    for number, cell in enumerate(cells, 1):
        log(f"{number}/{len(cells)}  {cell.name}")
        yield cell, run_cell(plan, cell, out, log)


def run_on_ray(
    plan: Plan, cells: Sequence[Cell], out: Path, threads: int | None, log: Log, address: str | None = None
) -> Iterator[Done]:
    """As many at a time as the cluster has room for; a cell takes ``threads`` CPUs, and a GPU if there is any.

    The address "local" starts a cluster on this machine; so does none, unless RAY_ADDRESS is set.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports its use to its makers unless told not to
    try:
        ray: Any = import_module("ray")  # its own types are incomplete
    except ImportError:
        raise UserError("--engine ray needs Ray", fix="pip install 'mdfnet[ray]'") from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, include_dashboard=False, log_to_driver=False)
        except (ConnectionError, ValueError) as error:
            raise UserError(f"no Ray cluster: {str(error).splitlines()[0]}", fix="start one with 'ray start'") from None
    gpus = int(ray.cluster_resources().get("GPU", 0) > 0)
    remote = ray.remote(num_cpus=threads or 1, num_gpus=gpus, max_retries=2)(run_named)
    waiting = {remote.remote(str(out.resolve()), cell.name, threads or 1): cell for cell in cells}
    while waiting:
        (ready,), _ = ray.wait(list(waiting), num_returns=1)
        cell = waiting.pop(ready)
        try:
            failed: str | None = ray.get(ready)
        except ray.exceptions.RayError as error:
            failed = f"the worker was lost: {str(error).splitlines()[0]}"
        log(f"{len(cells) - len(waiting)}/{len(cells)}  {cell.name}: {failed or 'done'}")
        yield cell, failed


def run_named(out: str, name: str, threads: int | None = None, log: Log = lambda line: None) -> str | None:
    """Do the cell with this name of an experiment's folder: the work of Ray's workers and SLURM's tasks."""
    use_threads(threads)
    plan = read_plan(out)
    return run_cell(plan, cell_named(plan, name), Path(out), log)


def write_slurm(cells: Sequence[Cell], out: Path, threads: int | None, options: Sequence[str] = ()) -> Path:
    """Write a script for ``sbatch``: an array of jobs, task ``i`` does the ``i``-th of these cells.

    The script names the cells, so that an experiment that grows later does not move its tasks. A job that is killed or
    requeued resumes where it was. Options are lines for SLURM, such as ``--gres=gpu:1`` or ``--time=12:00:00``.
    """
    out, threads = out.resolve(), threads or 1
    settings = [f"--job-name={out.name}", f"--array=0-{len(cells) - 1}", f"--cpus-per-task={threads}", "--requeue",
                f"--output={out}/slurm-%A_%a.log", "--open-mode=append", *options]  # fmt: skip
    program = f"{shlex.quote(sys.executable)} -m mdfnet"
    lines = ["#!/bin/bash", *(f"#SBATCH {option}" for option in settings), "", "set -euo pipefail", "cells=("]
    lines += [*(f"  {shlex.quote(cell.name)}" for cell in cells), ")"]
    place = f'{shlex.quote(str(out))} "${{cells[$SLURM_ARRAY_TASK_ID]}}" --threads {threads}'
    lines += [f"exec {program} experiment cell {place}", ""]
    write_text(out / SCRIPT, "\n".join(lines))
    return out / SCRIPT


def use_threads(threads: int | None) -> None:
    """Limit the CPU threads of this process; None leaves them as they are."""
    if threads:
        import torch

        torch.set_num_threads(threads)
