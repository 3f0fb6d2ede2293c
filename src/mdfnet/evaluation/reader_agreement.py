"""A second reading of images that a model was scored on: how well readers agree, as a yardstick for the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.core.arrays import Array
from mdfnet.core.csv_tables import read_table
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Sample, Target
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.names import DESCRIPTION
from mdfnet.evaluation.score import Scored
from mdfnet.metrics.agreement import OVERLAPS, Readings, agreement
from mdfnet.metrics.bootstrap import draws, interval, replicate, share_interval
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.froc import sensitivity_at
from mdfnet.metrics.matching import Matches, match
from mdfnet.metrics.weights import share

_COLUMNS = ("x1", "y1", "x2", "y2")


def compare_readings(scored: Scored, path: Path) -> dict[str, Any]:
    """How a second reading agrees with the first, and the model with the first on the same images.

    Args:
        scored: The model's findings, and the first reading.
        path: The second: a dataset folder whose images have the same names, or a CSV with image_id, label, x1, y1, x2,
            y2 in the same pixels. A CSV says nothing of images without a row: those were not read, as far as it goes.

    Returns:
        Plain data. ``images``; ``unknown``: labels of the second reading that are no class, with their number;
        ``overlaps``: by overlap one row per finding and one for all, with ``boxes`` of the first reading, what
        :func:`mdfnet.metrics.agreement.agreement` gives, and ``model_sensitivity``: the model's at as many false
        positives per image and finding; each with its ``_interval``.
    """
    second, unknown = read_reading(path, scored.classes, scored.samples)
    rows = [i for i, sample in enumerate(scored.samples) if sample.id in second]
    samples = [scored.samples[i] for i in rows]
    first, other = [sample.target for sample in samples], [second[sample.id] for sample in samples]
    cases = Cases.of(
        [scored.detections[i] for i in rows], first, len(scored.classes), [sample.id for sample in samples]
    )
    patients = [sample.patient for sample in samples]
    overlaps = {}
    for overlap, threshold in OVERLAPS:
        readings = Readings.of(first, other, len(scored.classes), overlap=overlap, threshold=threshold)
        overlaps[f"{overlap} {threshold:g}"] = _rows(readings, cases, (overlap.lower(), threshold), scored, patients)
    return {"images": len(rows), "unknown": dict(unknown), "overlaps": overlaps}


def _rows(
    readings: Readings, cases: Cases, overlap: tuple[str, float], scored: Scored, patients: Sequence[str]
) -> list[dict[str, Any]]:
    matches = match(cases, overlap=overlap[0], thresholds=overlap[1:])

    def measured(weights: Array | None) -> dict[str, Array]:
        values = agreement(readings, weights)
        return values | {"model_sensitivity": _model(matches, weights, rates)}

    rates = agreement(readings)["false_positives_per_image"][:-1]
    here, many = measured(None), replicate(measured, draws(patients, scored.draws))
    boxes = np.append(matches.truths.sum(0), matches.truths.sum())
    findings = zip((*scored.classes.names, "all"), boxes.tolist(), strict=True)
    result: list[dict[str, Any]] = [{"finding": name, "boxes": count} for name, count in findings]
    for name, values in here.items():
        in_share = name not in ("false_positives_per_image", "kappa")
        limits = share_interval(values, many[name], boxes) if in_share else interval(many[name])
        for row, value, pair in zip(result, values.tolist(), np.stack(limits, 1).tolist(), strict=True):
            row |= {name: value, f"{name}_interval": pair}
    return result


def _model(matches: Matches, weights: Array | None, rates: Array) -> Array:
    """The model's sensitivity at each class's own rate, and of all together."""
    at = sensitivity_at(matches, weights, threshold=matches.thresholds[0], rates=tuple(rates.tolist()))
    own = np.diagonal(at, axis1=-2, axis2=-1)
    marked = matches.truths.sum(0) if weights is None else weights @ matches.truths
    every = share(np.nansum(own * marked, -1), marked.sum(-1))
    return np.concatenate([own, every[..., None]], axis=-1)


def read_reading(path: Path, classes: Classes, samples: Sequence[Sample]) -> tuple[dict[str, Target], Counter[str]]:
    """A second reading: image -> annotations of the classes, and how often other labels occur."""
    annotations = _read_folder(path) if (path / DESCRIPTION).is_file() else _read_csv(path)
    unknown: Counter[str] = Counter()
    second = {}
    for image, boxes in annotations.items():
        known = [(box, classes.label(label)) for label, box in boxes if label in classes.names]
        unknown.update(label for label, _ in boxes if label not in classes.names)
        second[image] = Target.of([box for box, _ in known], [label for _, label in known])
    if not any(sample.id in second for sample in samples):
        what = f"a reading of none of the {len(samples)} images, such as {samples[0].id!r}"
        raise UserError(what, where=path, fix="name images as the dataset does")
    return second, unknown


def _read_folder(path: Path) -> dict[str, list[tuple[str, Any]]]:
    dataset = read_dataset(path)
    return {
        sample.id: [
            (dataset.classes.name(label), box)
            for label, box in zip(sample.target.labels, sample.target.boxes, strict=True)
        ]
        for sample in dataset.samples
    }


def _read_csv(path: Path) -> dict[str, list[tuple[str, Any]]]:
    table = read_table(path)
    table.require("image_id", "label", *_COLUMNS)
    annotations: dict[str, list[tuple[str, Any]]] = {}
    for row in table:
        image = annotations.setdefault(row["image_id"], [])
        if not row["label"]:  # an image that was read, without a finding
            continue
        try:
            box = [float(row.decimal(column)) for column in _COLUMNS]
        except ValueError:
            raise UserError("a corner is not a number", where=row.where, fix="give x1, y1, x2, y2 in pixels") from None
        if not (box[0] <= box[2] and box[1] <= box[3]):
            raise UserError(f"box {box} is not x1 <= x2, y1 <= y2", where=row.where)
        image.append((row["label"], box))
    return annotations
