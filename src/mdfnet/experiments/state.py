"""The folder of an experiment, from which a killed one is resumed.

``experiment.yaml``  the plan
``data.json``        fingerprints of the data it started with
``cells/NAME/``      a cell: ``cell.json`` (its settings), ``run/``, ``test/``, ``result.json`` once it is done,
                     ``error.txt`` if it failed, ``explanation/`` once it is explained
``results.jsonl``    one line for each cell that is done
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json, without_nan, write_text
from mdfnet.experiments.cells import Cell, cells_of
from mdfnet.experiments.plan import Plan, load_plan

PLAN, DATA, RESULTS, CELLS = "experiment.yaml", "data.json", "results.jsonl", "cells"
SETTINGS, RESULT, ERROR = "cell.json", "result.json", "error.txt"
EXPLANATION = "explanation"


def folder_of(out: Path, cell: Cell) -> Path:
    return out / CELLS / cell.name


def is_done(out: Path, cell: Cell) -> bool:
    return (folder_of(out, cell) / RESULT).is_file()


def error_of(out: Path, cell: Cell) -> str | None:
    """Why a cell failed the last time, in one line; None if it did not."""
    path = folder_of(out, cell) / ERROR
    return path.read_text(encoding="utf-8").strip().splitlines()[-1] if path.is_file() else None


def check_data(out: Path, fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Check that a folder is an experiment's or new, and that the data are those it started with.

    From the fingerprint of each dataset by its name; gives all of them, earlier ones included.
    """
    path = out / DATA
    if not path.is_file():
        if out.exists() and (not out.is_dir() or any(file.name != "data" for file in out.iterdir())):
            raise UserError("the folder holds something that is no experiment", where=out, fix="name another --out")
        return dict(fingerprints)
    before = read_json(path)
    for name, fingerprint in fingerprints.items():
        if before.get(name, fingerprint) != fingerprint:
            what = f"{name} have changed since this experiment began"
            raise UserError(what, where=out, fix="name another --out for them, or put the old ones back")
    return {**before, **fingerprints}


def begin(plan: Plan, out: Path, fingerprints: Mapping[str, str]) -> None:
    """Note the plan and the fingerprints of the data."""
    for name, text in ((DATA, json.dumps(dict(fingerprints), indent=1)), (PLAN, plan.to_yaml())):
        write_text(out / name, text)


def is_experiment(out: Path) -> bool:
    return (out / PLAN).is_file()


def read_plan(out: str | Path) -> Plan:
    if not is_experiment(Path(out)):
        fix = "give the --out of 'mdfnet experiment'"
        raise UserError(f"no experiment here: {PLAN} is missing", where=out, fix=fix)
    return load_plan(Path(out) / PLAN)


def collect(out: Path) -> list[dict[str, Any]]:
    """All results, each also a line of ``results.jsonl``; lines of cells that other processes did are added.

    A cell's ``result.json`` is what counts; a line that a kill cut short is written again.
    """
    results = read_results(out / RESULTS)
    known = {Cell(**result["cell"]) for result in results}
    for file in sorted((out / CELLS).glob(f"*/{RESULT}")):
        result = read_json(file)
        if Cell(**result["cell"]) not in known:
            append(out / RESULTS, result)
            results.append(result)
    return results


def read_results(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``results.jsonl``; one that was cut short is left out."""
    results = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        with suppress(json.JSONDecodeError):
            results.append(json.loads(line))
    return results


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line in one write, on a line of its own even after one that was cut short."""
    whole = not path.is_file() or path.read_bytes()[-1:] in (b"\n", b"")
    with path.open("a", encoding="utf-8") as file:
        file.write(("" if whole else "\n") + json.dumps(without_nan(line), allow_nan=False) + "\n")


def cell_named(plan: Plan, name: str) -> Cell:
    for cell in cells_of(plan):
        if cell.name == name:
            return cell
    raise UserError(f"the experiment has no cell {name!r}", fix="--dry-run lists them")
