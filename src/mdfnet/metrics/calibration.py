"""Does a score of 0.7 mean a hit in seven of ten cases: reliability, its error, and the temperature that fixes it.

A box is a hit when it is matched to a truth of its class. Source: Guo et al., ICML 2017 (temperature, expected
calibration error); Küppers et al., CVPR workshops 2020 (for detections).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from mdfnet.core.arrays import Array, Bools, Floats, Ints
from mdfnet.metrics.matching import Matches
from mdfnet.metrics.weights import as_rows, like, share

BINS = 10  #: Bins of equal width that scores are sorted into
COLDEST, HOTTEST = 0.1, 10.0  #: Bounds of a temperature; what lies outside is a sign of too few boxes rather than a fit
_EDGE = 1e-6  #: Scores are kept this far from 0 and 1, where the logit is infinite


@dataclass(frozen=True)
class Reliability:
    """Scores against what came of them, in bins of equal width."""

    detections: Ints  #: int64 ``[BINS]``, how many boxes
    score: Floats  #: float64 ``[BINS]``, their mean score; NaN in an empty bin
    hits: Floats  #: float64 ``[BINS]``, share that were hits; NaN in an empty bin


def reliability(matches: Matches, label: int, *, threshold: float = 0.5) -> Reliability:
    """The reliability diagram of a class, at one of the matches' overlap thresholds."""
    detections, score, hits = (one[0] for one in _sums(matches, label, as_rows(None, len(matches.truths)), threshold))
    return Reliability(detections.astype(np.int64), share(score, detections), share(hits, detections))


def calibration_error(matches: Matches, weights: Array | None = None, *, threshold: float = 0.5) -> Array:
    """Expected calibration error: the mean over boxes of how far their bin's mean score is from its share of hits.

    It is never negative and above 0 by chance alone, the more the fewer boxes there are. All boxes count, and most have
    low scores.

    Returns:
        float64 ``[classes]``, or ``[R, classes]``, in [0, 1]; NaN for a class without a box.

    Examples:
        >>> image, score = np.array([0, 0]), np.array([0.72, 0.72])
        >>> matched = np.array([[True, False]])
        >>> matches = Matches("iou", (0.5,), image, np.array([1, 1]), score, matched, truths=np.array([[1]]))
        >>> calibration_error(matches).round(2).tolist()
        [0.22]
    """
    rows = as_rows(weights, len(matches.truths))
    result = []
    for label in range(1, matches.truths.shape[1] + 1):
        detections, score, hits = _sums(matches, label, rows, threshold)
        result.append(share(np.abs(score - hits).sum(1), detections.sum(1)))
    return like(weights, np.stack(result, axis=1))


def fit_temperature(score: Floats, hit: Bools) -> float:
    """The T for which ``sigmoid(logit(score) / T)`` makes the hits most likely; above 1 where scores are too sure.

    Within 0.1 to 10; 1 where there is not both a hit and a false alarm.

    Examples:
        >>> hit = np.array([True, True, True, False])  # a score of 0.75 would be right
        >>> round(fit_temperature(np.full(4, 0.9), hit), 3)
        2.0
    """
    if hit.all() or not hit.any():
        return 1.0
    z = _log_odds(score)

    def rise(slope: float) -> float:  # of the likelihood, which has one peak in the slope 1 / T
        return float((z * (hit - expit(slope * z))).sum())

    if rise(1 / HOTTEST) <= 0:
        return HOTTEST
    from scipy.optimize import brentq  # half a second, for this alone

    return COLDEST if rise(1 / COLDEST) >= 0 else float(1 / brentq(rise, 1 / HOTTEST, 1 / COLDEST))


def at_temperature(score: Floats, temperature: Floats | float) -> Floats:
    """Calibrated scores, in the order that they were in.

    Examples:
        >>> at_temperature(np.array([0.9, 0.5]), 2.0).round(3).tolist()
        [0.75, 0.5]
    """
    return np.asarray(expit(_log_odds(score) / temperature))


def _log_odds(score: Floats) -> Floats:
    return np.asarray(logit(np.clip(np.asarray(score, np.float64), _EDGE, 1 - _EDGE)))


def _sums(matches: Matches, label: int, rows: Array, threshold: float) -> tuple[Floats, ...]:
    """Per row of weights and bin: number of boxes, sum of their scores, number of hits; ``[R, BINS]`` each."""
    of_class = matches.label == label
    image, score = matches.image[of_class], matches.score[of_class]
    hit = matches.matched[matches.row(threshold), of_class]
    place = image * BINS + np.minimum((score * BINS).astype(np.int64), BINS - 1)
    rows, size = rows.astype(np.float64), len(matches.truths) * BINS
    return tuple(
        rows @ np.bincount(place, values, size).reshape(-1, BINS) for values in (np.ones(len(image)), score, hit)
    )
