"""From which score a box should count: the thresholds of operating points, and what they give."""

from __future__ import annotations

import numpy as np

from mdfnet.core.arrays import Array, Floats
from mdfnet.metrics.froc import froc, last_of_equals
from mdfnet.metrics.matching import Matches
from mdfnet.metrics.weights import as_rows, like, share, with_sum


def best_f1(matches: Matches, label: int) -> float:
    """The score of the highest F1 of a class; of equals the highest. 1 where no box hits anything: show none then."""
    of_class = matches.label == label
    score, hit = matches.score[of_class], matches.matched[0, of_class]
    last = last_of_equals(score)
    f1 = 2 * hit.cumsum()[last] / (last + 1 + matches.truths[:, label - 1].sum())
    return float(score[last[f1.argmax()]]) if f1.any() else 1.0


def reaching(matches: Matches, label: int, least: float) -> float:
    """The highest score that reaches a sensitivity; 0, all boxes, where none does; 1 for a class never annotated."""
    curve = froc(matches, label, threshold=matches.thresholds[0])
    if not matches.truths[:, label - 1].any():
        return 1.0
    enough = np.flatnonzero(curve.sensitivity >= least)
    return float(curve.thresholds[enough[0]]) if len(enough) else 0.0


def allowing(matches: Matches, label: int, most: float) -> float:
    """The lowest score with at most so many false positives per image; above all scores where none allows it."""
    curve = froc(matches, label, threshold=matches.thresholds[0])
    if not len(curve.thresholds):
        return 0.0
    at = curve.at(most)
    above_all = min(1.0, float(np.nextafter(np.float32(curve.thresholds[0]), np.float32(2))))
    return float(curve.thresholds[at]) if at >= 0 else above_all


def performance(matches: Matches, thresholds: Floats, weights: Array | None = None) -> tuple[Array, Array]:
    """Sensitivity and false positives per image with a score ``[classes]`` from which the boxes of a class count.

    Returns:
        float64 ``[classes + 1]``, or ``[R, classes + 1]``, each, last for all classes together: share of all annotated
        boxes that are hit, and the sum of false positives. Sensitivity is NaN where nothing was annotated.
    """
    rows = as_rows(weights, len(matches.truths)).astype(np.float64)
    counted, hit = matches.score >= thresholds[matches.label - 1], matches.matched[0]
    hits, alarms = (with_sum(rows @ matches.per_image(counted & one)) for one in (hit, ~hit))
    sensitivity = share(hits, with_sum(rows @ matches.truths))
    return like(weights, sensitivity), like(weights, alarms / rows.sum(1)[:, None])
