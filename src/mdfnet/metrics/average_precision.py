"""Average precision and average recall from matches, as COCO defines them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mdfnet.core.arrays import Array, Bools, Floats
from mdfnet.metrics.matching import Matches
from mdfnet.metrics.weights import as_rows, chunks, like, share

RECALLS = np.linspace(0, 1, 101)  #: COCO reads the precision at these 101 recalls


def average_precision(matches: Matches, weights: Array | None = None) -> Array:
    """AP: the mean over 101 recalls of the best precision reached at that recall or a higher one.

    Returns:
        float64 ``[T, classes]``, or ``[R, T, classes]``, in [0, 1]; NaN for a class that was never annotated.

    Examples:
        >>> from mdfnet.metrics.matching import Matches
        >>> image = np.array([0, 1, 1])
        >>> score, matched = np.array([0.9, 0.8, 0.3]), np.array([[True, False, True]])
        >>> matches = Matches("iou", (0.5,), image, np.array([1, 1, 1]), score, matched, truths=np.array([[1], [3]]))
        >>> average_precision(matches).round(3).tolist()
        [[0.422]]
        >>> average_precision(matches, np.array([[1, 1], [2, 0]])).round(3).tolist()
        [[[0.422]], [[1.0]]]
    """
    rows = as_rows(weights, len(matches.truths))
    marked = rows @ matches.truths
    result = np.full((len(rows), len(matches.thresholds), marked.shape[1]), np.nan)
    for k in np.flatnonzero(marked.any(0)):
        of_class = np.flatnonzero(matches.label == k + 1)
        image, matched = matches.image[of_class], matches.matched[:, of_class]
        for part in chunks(len(rows), len(of_class)):
            result[part, :, k] = _interpolated(matched, rows[part].take(image, axis=1), marked[part, k])
    return like(weights, np.where(marked[:, None] > 0, result, np.nan))


def average_recall(matches: Matches, weights: Array | None = None) -> Array:
    """AR: the share of the truths that are found at all, at any score; shapes as of :func:`average_precision`."""
    rows = as_rows(weights, len(matches.truths)).astype(np.float64)
    found = np.stack([rows @ matches.per_image(hit) for hit in matches.matched], axis=1)
    return like(weights, share(found, (rows @ matches.truths)[:, None]))


def mean_over_classes(values: ArrayLike) -> Floats:
    """Plain mean over the last axis, classes that were never annotated (NaN) left out, as COCO and the paper do.

    Examples:
        >>> float(mean_over_classes([0.5, np.nan, 0.25]))
        0.375
    """
    values = np.asarray(values, np.float64)
    return share(np.nansum(values, axis=-1), (~np.isnan(values)).sum(-1))


def _interpolated(matched: Bools, weight: Array, marked: Array) -> Floats:
    """AP ``[R, T]`` of one class from hits ``[T, D]`` and weights ``[R, D]`` of its detections by falling score.

    Only hits are looked at: recall rises at them alone, and no precision is better than that of the hit before.
    """
    found = weight.cumsum(1, dtype=weight.dtype)
    result = np.empty((len(weight), len(matched)))
    for t, hit in enumerate(matched):
        at = np.flatnonzero(hit)
        hits = weight[:, at].cumsum(1, dtype=weight.dtype)
        precision = np.zeros((len(weight), len(at) + 1))  # the last stands for recalls that are not reached
        precision[:, :-1] = share(hits, found[:, at], 0)
        best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recalls = share(hits, marked[:, None], 0)
        reached = np.stack([recall.searchsorted(RECALLS) for recall in recalls])
        result[:, t] = np.take_along_axis(best_from_here, reached, axis=1).mean(1)
    return result
