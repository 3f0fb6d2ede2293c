"""A model scored on a split: detections, evaluation, intervals, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.clinical.use import count_uses
from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json, without_nan, write_text
from mdfnet.core.former_names import with_current_keys
from mdfnet.core.types import Classes, Detections, Sample
from mdfnet.evaluation.prediction_files import write_annotations, write_coco, write_csv, write_uses
from mdfnet.metrics.bootstrap import draws, interval, replicate, share_interval
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.details import calibrated, froc_curves, mistakes_by_class, reliabilities, roc_curves, sweep
from mdfnet.metrics.evaluation import Evaluation, evaluation_of
from mdfnet.metrics.groups import Group, Grouping, by_group
from mdfnet.metrics.measures import COUNTS, MEASURES, Matched, measure
from mdfnet.metrics.mistakes import count_mistakes
from mdfnet.models.operating_points import Operating, PointResult, point_results

REPLICATES = 1000  #: Replicates of the bootstrap over patients, unless asked for others
CLINICAL = "clinical.json"  #: How the records were used, in an evaluation's folder


@dataclass(frozen=True)
class Scored:
    """What one model found on a set of images, and how well that agrees with the ground truth.

    Args:
        name: What the model is called, such as "fused".
        classes: The findings.
        samples: The images.
        image_ids: What the dataset's ``annotations.json`` calls them, in the same order.
        detections: One per image, in image pixels, in main memory.
        draws: Replicates of the bootstrap over patients.
        operating: The model's operating points and calibration, if it has any.
        groupings: How the images are sorted into groups of patients.
        second_reading: What :func:`mdfnet.evaluation.reader_agreement.compare_readings` found, if there is one.
    """

    name: str
    classes: Classes
    samples: tuple[Sample, ...]
    image_ids: tuple[int | str, ...]
    detections: tuple[Detections, ...]
    draws: int = REPLICATES
    operating: Operating | None = None
    groupings: tuple[Grouping, ...] = ()
    second_reading: Mapping[str, Any] | None = None

    @cached_property
    def patients(self) -> tuple[str, ...]:
        """Patient of each image."""
        return tuple(sample.patient for sample in self.samples)

    @cached_property
    def cases(self) -> Cases:
        """Detections and targets laid out flat, for further scoring."""
        targets, ids = [sample.target for sample in self.samples], [sample.id for sample in self.samples]
        return Cases.of(self.detections, targets, len(self.classes), ids)

    @cached_property
    def matched(self) -> Matched:
        """The same, matched."""
        return Matched.of(self.cases)

    @cached_property
    def evaluation(self) -> Evaluation:
        """All measures."""
        return evaluation_of(self.cases, self.matched, self.classes, max_detections=100)

    @cached_property
    def replicates(self) -> dict[str, Array]:
        """Every measure and count under the bootstrap over patients, ``[replicates, classes + 1]``; last the mean.

        The same patients are drawn for every model on the same images, so differences of replicates are paired.
        """
        names = (*MEASURES, *COUNTS)
        return replicate(lambda rows: measure(self.matched, names, rows), draws(self.patients, self.draws))

    @cached_property
    def intervals(self) -> dict[str, list[tuple[float, float]]]:
        """95 % interval of every measure and count, per class and, last, of the mean or sum over classes."""
        return {
            name: self._interval(name, values) for name, values in measure(self.matched, tuple(self.replicates)).items()
        }

    @cached_property
    def sweep(self) -> dict[str, list[dict[str, Any]]]:
        """AP and AR by the smallest overlap that counts as a hit, see :func:`mdfnet.metrics.details.sweep`."""
        return sweep(self.cases, self.patients, self.draws)

    @cached_property
    def points(self) -> list[PointResult]:
        """What the model's operating points give on these images."""
        if self.operating is None:
            return []
        return point_results(self.operating, self.matched.iobb, self.classes, self.patients, self.draws)

    @cached_property
    def details(self) -> dict[str, Any]:
        """Curves, reliability and kinds of errors as plain data, see :mod:`mdfnet.metrics.details`."""
        names = self.classes.names
        result = {
            "froc": froc_curves(self.matched, names),
            "roc": roc_curves(self.matched, names),
            "reliability": reliabilities(self.matched, names),
            "mistakes": mistakes_by_class(count_mistakes(self.cases), names),
        }
        if self.operating is not None:
            temperatures = [self.operating.temperatures[name] for name in names]
            result["calibrated"] = calibrated(self.matched, temperatures, names, self.patients, self.draws)
        return result

    @cached_property
    def groups(self) -> list[Group]:
        """The measures by group of patients, see :func:`mdfnet.metrics.groups.by_group`."""
        return by_group(self.matched, self.patients, self.groupings, replicates=self.draws)

    def _interval(self, name: str, values: Array) -> list[tuple[float, float]]:
        if name in COUNTS:
            limits = interval(self.replicates[name])
        else:
            boxes = self.matched.iou.truths.sum(0)
            limits = share_interval(values, self.replicates[name], np.append(boxes, boxes.sum()))
        return list(zip(*(limit.tolist() for limit in limits), strict=True))


def write_scored(scored: Scored, folder: str | Path, about: Mapping[str, Any]) -> None:
    """Write what was found and what it is worth, for this program and for others.

    ``evaluation.json``, ``predictions.json`` (COCO), ``predictions.csv``, ``clinical.json``,
    ``annotations.csv`` and ``images.csv``. ``predictions.json`` has the image ids of the dataset's
    ``annotations.json``, so that COCO tools read them together. The tables are all that a comparison with another model
    needs.

    Args:
        scored: What to write.
        folder: Where.
        about: JSON-able facts: model, dataset, split, versions.
    """
    folder, ids = Path(folder), [sample.id for sample in scored.samples]
    content = {
        "about": dict(about),
        "clinical": count_uses(found.record for found in scored.detections),
        "evaluation": scored.evaluation.to_dict(),
        "replicates": scored.draws,
        "intervals": scored.intervals,
        "operating_points": [vars(point) for point in scored.points],
        "sweep": scored.sweep,
        **scored.details,
    }
    if scored.second_reading is not None:
        content["second_reading"] = scored.second_reading
    if scored.groupings:
        content["groups"] = [group.to_dict() for group in scored.groups]
    write_text(folder / "evaluation.json", json.dumps(without_nan(content), indent=1, allow_nan=False))
    write_coco(folder / "predictions.json", scored.image_ids, scored.detections, scored.classes)
    write_csv(folder / "predictions.csv", ids, scored.detections, scored.classes)
    write_uses(folder / CLINICAL, ids, scored.detections)
    write_annotations(folder, scored.samples, scored.classes)


def read_evaluation(path: str | Path) -> tuple[dict[str, Any], Evaluation]:
    """Read ``evaluation.json``, or the folder that holds it: what it is about, and the scores."""
    path = Path(path) / "evaluation.json" if Path(path).is_dir() else Path(path)
    content = with_current_keys(read_json(path))
    try:
        return content["about"], Evaluation.from_dict(content["evaluation"])
    except (KeyError, TypeError):
        fix = "give a folder that 'mdfnet evaluate' wrote"
        raise UserError("not an evaluation", where=path, fix=fix) from None
    except UserError as error:
        raise error.at(path) from None


def read_details(path: str | Path) -> dict[str, Any]:
    """All parts of such a file, see :func:`write_scored`; raises what :func:`read_evaluation` does."""
    read_evaluation(path)  # says what is wrong with it
    path = Path(path) / "evaluation.json" if Path(path).is_dir() else Path(path)
    content: dict[str, Any] = with_current_keys(read_json(path))
    return content
