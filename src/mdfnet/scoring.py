"""A model scored on a split: detections, evaluation, intervals, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet import checkpoint
from mdfnet.clinical.use import count_uses
from mdfnet.data.dataset import Dataset, image_ids
from mdfnet.errors import UserError
from mdfnet.files import read_json, replacing
from mdfnet.inference import detect_films
from mdfnet.metrics.average_precision import average_precision, mean_over_classes
from mdfnet.metrics.bootstrap import interval, patient_weights, replicate
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.evaluation import Evaluation, evaluate
from mdfnet.metrics.matching import match
from mdfnet.model import Model
from mdfnet.predictions import write_coco, write_csv
from mdfnet.types import Classes, Detections, Study

#: Replicates of the bootstrap over patients.
REPLICATES = 1000

#: The model that ships with the package, trained on synthetic films; ``scripts/make_demo_model.py`` makes it.
DEMO_MODEL = Path(__file__).parent / "demo_model"

#: Overlaps of the sweep that reports show.
SWEEP = tuple(np.round(np.arange(0.1, 1.0, 0.05), 2).tolist())


@dataclass(frozen=True)
class Scored:
    """What one model found on a set of films, and how well that agrees with what was marked.

    Args:
        name: What the model is called, such as "fused".
        classes: The findings.
        studies: The films.
        image_ids: What the dataset's ``annotations.json`` calls them, in the same order.
        detections: One per film, in film pixels, in main memory.
        evaluation: Their scores.
    """

    name: str
    classes: Classes
    studies: tuple[Study, ...]
    image_ids: tuple[int | str, ...]
    detections: tuple[Detections, ...]
    evaluation: Evaluation

    @cached_property
    def cases(self) -> Cases:
        """Detections and targets laid out flat, for further scoring."""
        targets, ids = [study.target for study in self.studies], [study.id for study in self.studies]
        return Cases.of(self.detections, targets, len(self.classes), ids)

    @cached_property
    def replicates(self) -> np.ndarray:
        """AP at IoU 0.5 under the bootstrap over patients, ``[replicates, classes + 1]``; last the mean."""
        matches = match(self.cases, thresholds=(0.5,))

        def score(weights: np.ndarray) -> np.ndarray:
            per_class = average_precision(matches, weights)[0]
            return np.append(per_class, mean_over_classes(per_class))

        return replicate(score, patient_weights([study.patient for study in self.studies], REPLICATES))

    @cached_property
    def intervals(self) -> list[tuple[float, float]]:
        """95 % interval of AP at IoU 0.5 per class, and of the mean over classes."""
        return list(zip(*(bound.tolist() for bound in interval(self.replicates)), strict=True))

    @cached_property
    def sweep(self) -> list[tuple[float, float]]:
        """Mean AP over classes by the smallest IoU that counts as a hit."""
        per_class = average_precision(match(self.cases, thresholds=SWEEP))
        return [(overlap, float(mean_over_classes(row))) for overlap, row in zip(SWEEP, per_class, strict=True)]


def score(model: Model, dataset: Dataset, split: str, *, name: str, boxed_only: bool = False) -> Scored:
    """Run a model on a split and score it. The model never sees what was marked.

    Args:
        model: Its classes must be the dataset's, and its clinical features the dataset's.
        dataset, split: Which films.
        name: What to call the model.
        boxed_only: Leave out films without findings.

    Raises:
        UserError: Model and dataset do not fit, there are no such films, or one cannot be read.
    """
    check_fit(model, dataset)
    studies = tuple(study for study in dataset.split(split) if len(study.target) or not boxed_only)
    if not studies:
        raise UserError(f"no film of the split {split!r} has a finding", where=dataset.folder, fix="leave out --boxed")
    known = image_ids(dataset)
    detections = tuple(detect_films(model, studies))
    targets, ids = [study.target for study in studies], [study.id for study in studies]
    evaluation = evaluate(detections, targets, dataset.classes, films=ids)
    return Scored(name, dataset.classes, studies, tuple(known[one] for one in ids), detections, evaluation)


def check_fit(model: Model, dataset: Dataset) -> None:
    """Whether a model can be scored on a dataset.

    Raises:
        UserError: Classes or clinical features differ.
    """
    if model.classes.names != dataset.classes.names:
        found, known = ", ".join(dataset.classes.names), ", ".join(model.classes.names)
        raise UserError(f"the dataset's classes ({found}) are not the model's ({known})", where=dataset.folder)
    if model.schema.features != dataset.schema.features:
        pairs = zip_longest(dataset.schema.features, model.schema.features)
        odd = next(ours or theirs for ours, theirs in pairs if ours != theirs)
        what = f"the dataset's clinical schema {dataset.schema.name!r} is not the model's {model.schema.name!r}"
        fix = "import the dataset with the model's schema"
        raise UserError(f"{what}: they differ in {odd.name!r}", where=dataset.folder, fix=fix)


def write_scored(scored: Scored, folder: str | Path, about: Mapping[str, Any]) -> None:
    """Write ``evaluation.json``, ``predictions.json`` (COCO) and ``predictions.csv``.

    ``predictions.json`` has the image ids of the dataset's ``annotations.json``, so that COCO tools read them together.

    Args:
        scored: What to write.
        folder: Where.
        about: JSON-able facts: model, dataset, split, versions.
    """
    folder, ids = Path(folder), [study.id for study in scored.studies]
    content = {
        "about": dict(about),
        "clinical": count_uses(found.record for found in scored.detections),
        "intervals": scored.intervals,
        "evaluation": scored.evaluation.to_dict(),
    }
    with replacing(folder / "evaluation.json") as draft:
        draft.write_text(json.dumps(_plain(content), indent=1, allow_nan=False), encoding="utf-8")
    write_coco(folder / "predictions.json", scored.image_ids, scored.detections, scored.classes)
    write_csv(folder / "predictions.csv", ids, scored.detections, scored.classes)


def read_evaluation(path: str | Path) -> tuple[dict[str, Any], Evaluation]:
    """Read ``evaluation.json``, or the folder that holds it: what it is about, and the scores.

    Raises:
        UserError: There is none, or it is no evaluation.
    """
    path = Path(path) / "evaluation.json" if Path(path).is_dir() else Path(path)
    content = read_json(path)
    try:
        return content["about"], Evaluation.from_dict(content["evaluation"])
    except (KeyError, TypeError):
        fix = "give a folder that 'mdfnet evaluate' wrote"
        raise UserError("not an evaluation", where=path, fix=fix) from None
    except UserError as error:
        raise error.at(path) from None


def find_model(path: str | Path) -> Path:
    """The folder of a model: itself, the best model of a run, or the shipped ``demo``.

    Raises:
        UserError: There is none.
    """
    path = Path(path)
    for folder in (path, path / "model"):
        if (folder / checkpoint.CARD).is_file():
            return folder
    if str(path) == "demo":
        return DEMO_MODEL
    fix = "give a run's folder, a model's folder, or 'demo' for the shipped one"
    raise UserError("no model here", where=path, fix=fix)


def _plain(value: Any) -> Any:
    """JSON has no NaN: null."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
