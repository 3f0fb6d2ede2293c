"""From scored runs to a report: which films to show, what to say about each model."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import torch

from mdfnet.checkpoint import versions
from mdfnet.data.dataset import Dataset
from mdfnet.data.images import read_study_film
from mdfnet.model import Model
from mdfnet.report.contents import DatasetCard, FilmExample, ModelResult, Report
from mdfnet.report.record import describe
from mdfnet.scoring import Scored
from mdfnet.training.callbacks import read_history

#: Films shown in a report.
FILMS = 6
FILMS_NOTE = (
    "The first films of the split with findings, two for each number of classes on them, in the order of the dataset: "
    "not chosen by how well they came out."
)


def report_of(
    title: str,
    scored: Sequence[Scored],
    models: Sequence[Model],
    runs: Sequence[Path],
    dataset: Dataset,
    split: str,
    command: str,
) -> Report:
    """A report on one or more models scored on the same films; the first is the reference."""
    results = [_result(*parts) for parts in zip(scored, models, runs, strict=True)]
    environment = {
        "command": command,
        "seed": ", ".join(str(model.config.train.seed) for model in models),
        **versions(),
        "hardware": f"{os.cpu_count()} cores, {platform.machine()}, {_accelerator()}",
    }
    return Report(
        title=title,
        models=tuple(results),
        dataset=DatasetCard.of(dataset),
        split=split,
        films=[_example(study_index, scored, dataset) for study_index in _shown(scored[0])],
        films_note=FILMS_NOTE,
        environment=environment,
    )


def _result(scored: Scored, model: Model, run: Path) -> ModelResult:
    history = read_history(run / "history.csv") if (run / "history.csv").is_file() else []
    watched = model.config.train.monitor
    curve = [{"epoch": row["epoch"] + 1, "train_loss": row["loss"], "val_ap": row[watched]} for row in history]
    return ModelResult(
        name=scored.name,
        evaluation=scored.evaluation,
        curve=curve,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        config=model.config.to_yaml(),
        intervals=scored.intervals["AP@IoU=0.5"][:-1],
        overlaps=[(row["threshold"], row["AP"][-1]) for row in scored.sweep["IoU"]],
    )


def _shown(scored: Scored) -> list[int]:
    """Indices of films worth showing: with findings, of different variety, chosen without looking at detections."""
    by_variety: dict[int, list[int]] = {}
    for index, study in enumerate(scored.studies):
        by_variety.setdefault(len(set(study.target.labels.tolist())), []).append(index)
    chosen = [index for variety, indices in sorted(by_variety.items()) if variety for index in indices[:2]]
    rest = [index for variety, indices in sorted(by_variety.items()) if variety for index in indices[2:]]
    return sorted((chosen + rest)[:FILMS])


def _example(index: int, scored: Sequence[Scored], dataset: Dataset) -> FilmExample:
    study, detections = scored[0].studies[index], {one.name: one.detections[index] for one in scored}
    use = next((found.record for found in detections.values() if found.record is not None), None)
    return FilmExample(
        id=study.id,
        film=read_study_film(study),
        target=study.target,
        detections=detections,
        record=describe(dataset.schema, study.clinical, use),
    )


def _accelerator() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
