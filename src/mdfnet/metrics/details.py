"""What stands behind the measures, as plain data for reports: curves, bins, kinds of errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mdfnet.core.arrays import Array
from mdfnet.metrics.average_precision import average_precision, average_recall, mean_over_classes
from mdfnet.metrics.bootstrap import draws, replicate, share_interval
from mdfnet.metrics.calibration import at_temperature, reliability
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.froc import RATES, froc
from mdfnet.metrics.images import roc
from mdfnet.metrics.matching import Matches, match
from mdfnet.metrics.measures import OVERLAPS, Matched, measure
from mdfnet.metrics.mistakes import SIZES, Mistakes

#: Overlaps of the sweep: 0 (any box of the class on the image will do) to 1, as the paper's figure.
SWEEP = tuple(np.linspace(0, 1, 21).round(2).tolist())


def sweep(cases: Cases, patients: Sequence[str], replicates: int) -> dict[str, list[dict[str, Any]]]:
    """AP and AR by the smallest overlap that counts as a hit.

    By overlap, ``IoU`` and ``IoBB``, one row per threshold: ``threshold``, ``AP`` and ``AR`` (one per class and the
    mean), ``AP_interval`` and ``AR_interval`` (95 %, of the mean).
    """
    return {
        name: _swept(match(cases, overlap=overlap, thresholds=SWEEP), patients, replicates)
        for name, overlap in OVERLAPS.items()
    }


def _swept(matches: Matches, patients: Sequence[str], replicates: int) -> list[dict[str, Any]]:
    scores = {"AP": average_precision, "AR": average_recall}

    def means(weights: Array) -> dict[str, Array]:
        return {name: mean_over_classes(score(matches, weights)) for name, score in scores.items()}

    many = replicate(means, draws(patients, replicates))
    rows: list[dict[str, Any]] = [{"threshold": one} for one in SWEEP]
    for name, score in scores.items():
        values = score(matches)
        every = mean_over_classes(values)
        limits = np.stack(share_interval(every, many[name], matches.truths.sum()), axis=1)
        for row, of_classes, mean, pair in zip(rows, values, every, limits, strict=True):
            row |= {name: [*of_classes.tolist(), float(mean)], f"{name}_interval": pair.tolist()}
    return rows


def froc_curves(matched: Matched, classes: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """FROC by overlap and class: the points at which the sensitivity rises, with their thresholds, and the usual rates.

    Overlap -> class -> ``thresholds``, ``false_positives`` per image and ``sensitivity``, and ``at``: for each of the
    rates 1/8 to 8 the threshold that keeps it (None where no score does), with what it gives.
    """
    return {
        name: {label: _curve(matches, k) for k, label in enumerate(classes, start=1)}
        for name, matches in (("IoU", matched.iou), ("IoBB", matched.iobb))
    }


def _curve(matches: Matches, label: int) -> dict[str, Any]:
    curve = froc(matches, label)
    rises = np.flatnonzero(np.diff(curve.sensitivity, prepend=0) > 0)
    if len(curve.thresholds) and not np.isnan(curve.sensitivity[0]):
        rises = np.union1d(rises, [len(curve.thresholds) - 1])
    at: list[dict[str, float | None]] = []
    for rate in RATES:
        point, given = curve.at(rate), (curve.thresholds, curve.false_positives, curve.sensitivity)
        threshold, alarms, sensitivity = (float(one[point]) for one in given) if point >= 0 else (None, 0.0, 0.0)
        at.append({"rate": rate, "threshold": threshold, "false_positives": alarms, "sensitivity": sensitivity})
    return {name: values[rises].tolist() for name, values in vars(curve).items()} | {"at": at}


def roc_curves(matched: Matched, classes: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Is the finding on the image at all, by class: the corners of the ROC curve."""
    marked = matched.iou.truths > 0
    result = {}
    for k, label in enumerate(classes):
        curve = np.stack(roc(matched.image_scores[:, k], marked[:, k]))
        turns = np.append(np.flatnonzero(np.abs(np.diff(curve, 2)).sum(0) > 1e-12) + 1, len(curve[0]) - 1)
        corners = curve[:, np.append(0, turns)]
        result[label] = dict(zip(("false_positive_rate", "sensitivity"), corners.tolist(), strict=True))
    return result


def reliabilities(matched: Matched, classes: Sequence[str]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Reliability diagrams by overlap and class: ``detections``, mean ``score`` and share of ``hits`` of each bin."""
    return {
        name: {
            label: {key: values.tolist() for key, values in vars(reliability(matches, k)).items()}
            for k, label in enumerate(classes, start=1)
        }
        for name, matches in (("IoU", matched.iou), ("IoBB", matched.iobb))
    }


def calibrated(
    matched: Matched, temperatures: Sequence[float], classes: Sequence[str], patients: Sequence[str], replicates: int
) -> dict[str, Any]:
    """Calibration at IoBB 0.5 once scores have been put to the temperatures of their classes, with 95 % intervals.

    ``temperatures``; ``ECE`` and ``ECE_intervals``, per class and, last, of the mean; ``reliability`` by class.
    """
    scores = at_temperature(matched.iobb.score, np.asarray(temperatures)[matched.iobb.label - 1])
    after = replace(matched, iobb=replace(matched.iobb, score=scores))
    name = "ECE@IoBB=0.5"
    many = replicate(lambda rows: measure(after, (name,), rows), draws(patients, replicates))[name]
    value, boxes = measure(after, (name,))[name], matched.iobb.truths.sum(0)
    limits = share_interval(value, many, np.append(boxes, boxes.sum()))
    return {
        "temperatures": list(temperatures),
        "ECE": value.tolist(),
        "ECE_intervals": np.stack(limits, axis=1).tolist(),
        "reliability": reliabilities(after, classes)["IoBB"],
    }


def mistakes_by_class(mistakes: Mistakes, classes: Sequence[str]) -> dict[str, Any]:
    """Errors counted, by class and size of box, with the sizes' borders."""
    tables = {**mistakes.counts, "truths": mistakes.truths, "hits": mistakes.hits}
    counts = {
        kind: {label: dict(zip(SIZES, row.tolist(), strict=True)) for label, row in zip(classes, table, strict=True)}
        for kind, table in tables.items()
    }
    return {"score": mistakes.score, "size_borders": list(mistakes.borders), "counts": counts}
