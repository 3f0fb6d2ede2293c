"""From the folder of an experiment to what its report says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json
from mdfnet.evaluation import score as scoring
from mdfnet.experiments.cell_data import arranged, open_data
from mdfnet.experiments.cells import Cell, cells_of
from mdfnet.experiments.shift import shift_of
from mdfnet.experiments.state import SETTINGS, collect, folder_of, is_done, read_plan
from mdfnet.experiments.summary import Mean, ScoreKey, alarms, by_replicate, growth, summarize
from mdfnet.metrics.froc import RATES
from mdfnet.models.config import Config
from mdfnet.report.contents import DatasetCard
from mdfnet.report.experiment.contents import ExperimentReport, FindingDiscrimination
from mdfnet.report.experiment.explain_cells import read_explanation
from mdfnet.report.runs import people

T = TypeVar("T")

#: What is reported beside the plan's measure.
FURTHER = ("AP@IoU=0.25", "AP@IoU=0.5", "AP@IoBB=0.5", "AR@IoU=0.5", "FROC@IoBB=0.5", "AUROC", "AUPRC", "ECE@IoBB=0.5")

#: Sensitivity at the usual rates of false alarms.
SENSITIVITIES = tuple(f"sensitivity@IoBB=0.5,FP={rate:g}" for rate in RATES)


def read_experiment(
    out: Path, title: str | None = None, command: str = "", draws: int | None = None
) -> ExperimentReport:
    """All that the experiment of a folder has shown so far; its title is by default the plan's question, or its name.

    ``draws`` is the number of replicates of the bootstrap over patients, and of permutations.

    Raises:
        UserError: It is no experiment, none of its cells is done, or its data are not where they were.
    """
    plan, results = read_plan(out), collect(out)
    measures = list(dict.fromkeys([plan.measure, *FURTHER, *SENSITIVITIES]))
    rows = summarize(plan, results, out, measures, draws or scoring.REPLICATES)
    if not rows:
        fix = "do it first: mdfnet experiment, with this folder as --out"
        raise UserError("no seed of this experiment is done yet", where=out, fix=fix)
    done = [cell for cell in cells_of(plan) if is_done(out, cell)]
    first = done[0]
    dataset = arranged(open_data(plan, first.seed, out), plan, first)
    images = {result["cell"]["size"]: result["images"] for result in results}
    largest = max(images, key=lambda size: images[size]["train"])
    whole = [cell for cell in done if cell.size == largest]
    scores = by_replicate(plan, results, [plan.measure])
    return ExperimentReport(
        title=title or plan.question or plan.name,
        plan=plan,
        rows=tuple(rows),
        growth=growth(plan, results),
        sees={cell.arm: _sees(out, cell) for cell in done},
        images=images,
        dataset=DatasetCard.of(dataset),
        people=people(dataset.split("test"), dataset.schema),
        scores={arm: scores.get(ScoreKey(plan.measure, "test", largest, "all", arm), {}) for arm in plan.arms},
        reliability=_by_arm(out, whole, _reliability),
        calibrated=_by_arm(out, whole, _calibrated),
        discriminations={arm: one for arm, one in _by_arm(out, whole, _discriminations).items() if one},
        alarms=(*alarms(row for row in rows if row.measure == plan.measure), *shift_of(plan)),
        left=len(cells_of(plan)) - len(done),
        environment={"command": command, **results[-1]["versions"]},
    )


def _sees(out: Path, cell: Cell) -> str:
    """What the models of an arm look at."""
    settings = read_json(folder_of(out, cell) / SETTINGS)
    names = settings["features"]
    values = f"{len(names)} clinical value{'s' if len(names) != 1 else ''}: {', '.join(names)}"
    if settings["clinical_only"]:
        return f"no image, {values}"
    return f"images and {values}" if Config.model_validate(settings["config"]).fused else "images alone"


def _by_arm(out: Path, cells: Sequence[Cell], of: Callable[[Sequence[Path]], T]) -> dict[str, T]:
    """What ``of`` makes of the folders of each arm's cells."""
    arms = dict.fromkeys(cell.arm for cell in cells)
    return {arm: of([folder_of(out, cell) for cell in cells if cell.arm == arm]) for arm in arms}


#: What each bin of a reliability curve has.
_BINS = ("detections", "score", "hits")


def _reliability(folders: Sequence[Path]) -> dict[str, dict[str, list[float]]]:
    """The bins of all seeds put together: boxes added, scores and hits averaged over boxes."""
    parts = [scoring.read_details(folder / "test")["reliability"]["IoBB"] for folder in folders]
    pooled = {}
    for finding in parts[0]:
        boxes, *means = (np.array([part[finding][key] for part in parts], float) for key in _BINS)
        with np.errstate(invalid="ignore"):
            means = [(boxes * np.nan_to_num(mean)).sum(0) / boxes.sum(0) for mean in means]
        values = [boxes.sum(0).astype(int), *means]
        pooled[finding] = {key: value.tolist() for key, value in zip(_BINS, values, strict=True)}
    return pooled


def _calibrated(folders: Sequence[Path]) -> dict[str, Mean]:
    """Over seeds; nothing where temperatures were not fitted."""
    parts = [scoring.read_details(folder / "test") for folder in folders]
    if any("calibrated" not in part for part in parts):
        return {}
    names = [*parts[0]["evaluation"]["classes"]["names"], "all"]
    values = np.array([part["calibrated"]["ECE"] for part in parts], float)
    return {name: Mean.of(column[~np.isnan(column)].tolist()) for name, column in zip(names, values.T, strict=True)}


def _discriminations(folders: Sequence[Path]) -> tuple[FindingDiscrimination, ...]:
    """Over the seeds that were explained."""
    found = list(filter(None, map(read_explanation, folders)))
    result = []
    for number, one in enumerate(found[0]["importance"] if found else ()):
        values = np.array([part["importance"][number]["discrimination"]["value"] for part in found], float)
        means = tuple(Mean.of(column[~np.isnan(column)].tolist()) for column in values.T)
        result.append(FindingDiscrimination(one["finding"], tuple(found[0]["features"]), means, one["images"]))
    return tuple(result)
