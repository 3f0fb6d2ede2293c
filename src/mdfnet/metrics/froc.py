"""Sensitivity against false positives per image (FROC), as lesion detection is judged.

Source: Chakraborty, Med Phys 1989; the rates and their mean: Setio et al., LUNA16, Med Image Anal 2017. Unlike there, a
second detection of the same truth is a false positive, as everywhere in this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdfnet.core.arrays import Array, Floats, Ints
from mdfnet.metrics.matching import Matches
from mdfnet.metrics.weights import as_rows, chunks, like, share

RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)  #: False positives per image at which the sensitivity is read


@dataclass(frozen=True)
class Froc:
    """The FROC curve of one class: one point per distinct score, ever lower scores let in."""

    thresholds: Floats  #: float64 ``[P]``, falling: detections with at least this score count
    false_positives: Floats  #: float64 ``[P]``, per image; all images count, those without the finding too
    sensitivity: Floats  #: float64 ``[P]`` in [0, 1], share of the truths found; NaN where there are none

    def at(self, rate: float) -> int:
        """The last point with at most ``rate`` false positives per image; -1 when there is none."""
        return int(self.false_positives.searchsorted(rate, "right")) - 1


def froc(matches: Matches, label: int, *, threshold: float = 0.5) -> Froc:
    """The FROC curve of a class, given by its 1-based label.

    Examples:
        >>> image, score = np.array([0, 1, 1]), np.array([0.9, 0.8, 0.8])
        >>> matched = np.array([[True, False, True]])
        >>> matches = Matches("iou", (0.5,), image, np.array([1, 1, 1]), score, matched, truths=np.array([[1], [1]]))
        >>> curve = froc(matches, 1)
        >>> curve.thresholds.tolist(), curve.false_positives.tolist(), curve.sensitivity.tolist()
        ([0.9, 0.8], [0.0, 0.5], [0.5, 1.0])
    """
    of_class = matches.label == label
    score, hit = matches.score[of_class], matches.matched[matches.row(threshold), of_class]
    last = last_of_equals(score)
    images, marked = len(matches.truths), matches.truths[:, label - 1].sum()
    return Froc(score[last], (~hit).cumsum()[last] / images, share(hit.cumsum()[last], marked))


def sensitivity_at(
    matches: Matches, weights: Array | None = None, *, threshold: float = 0.5, rates: tuple[float, ...] = RATES
) -> Array:
    """Highest sensitivity that is reached with at most so many false positives of the class per image.

    No interpolation: a point that no score threshold gives is not read off. Where a model gives too few boxes to reach
    a rate, all of its boxes count.

    Returns:
        float64 ``[rates, classes]``, or ``[R, rates, classes]``, in [0, 1]; NaN for a class that was never annotated.
    """
    rows = as_rows(weights, len(matches.truths))
    allowed = rows.sum(1)[:, None] * np.asarray(rates)
    marked = rows @ matches.truths
    result = np.zeros((len(rows), len(rates), marked.shape[1]))
    matched = matches.matched[matches.row(threshold)]
    for k in range(marked.shape[1]):
        of_class = np.flatnonzero(matches.label == k + 1)
        image, hit, last = matches.image[of_class], matched[of_class], last_of_equals(matches.score[of_class])
        for part in chunks(len(rows), len(of_class)):
            weight = rows[part].take(image, axis=1)
            found = np.zeros((len(weight), len(last) + 1), weight.dtype)  # first, no detection at all
            found[:, 1:] = (weight * hit).cumsum(1, dtype=weight.dtype)[:, last]
            alarms = weight.cumsum(1, dtype=weight.dtype)[:, last] - found[:, 1:]
            points = [row.searchsorted(most, "right") for row, most in zip(alarms, allowed[part], strict=True)]
            result[part, :, k] = np.take_along_axis(found, np.stack(points), axis=1)
    return like(weights, share(result, marked[:, None]))


def last_of_equals(score: Floats) -> Ints:
    """Index of the last of each run of equal values: a score threshold lets all of them in, or none.

    Examples:
        >>> last_of_equals(np.array([0.9, 0.9, 0.5])).tolist()
        [1, 2]
    """
    return np.flatnonzero(np.append(np.diff(score) != 0, True)) if len(score) else np.zeros(0, np.int64)
