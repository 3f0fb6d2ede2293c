"""Average precision and average recall from matches, as COCO defines them."""

from __future__ import annotations

import numpy as np

from mdfnet.metrics.matching import Matches
from mdfnet.metrics.weights import as_rows, chunks, like, share

#: COCO reads the precision at these 101 recalls.
RECALLS = np.linspace(0, 1, 101)


def precision_recall(matches: Matches, label: int, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of one class while ever lower scores are let in.

    Args:
        matches: From :func:`mdfnet.metrics.matching.match`.
        label: 1-based.
        weights: ``[images]``, how often each image counts, at least 0. Default: once.

    Returns:
        Precision and recall, float64 ``[T, D]`` each, in [0, 1]; D detections of the class by falling score. Recall is
        NaN where the class was never marked.

    Examples:
        >>> from mdfnet.metrics.matching import Matches
        >>> image = np.array([0, 1, 1])
        >>> score, matched = np.array([0.9, 0.8, 0.3]), np.array([[True, False, True]])
        >>> matches = Matches("iou", (0.5,), image, np.array([1, 1, 1]), score, matched, truths=np.array([[1], [3]]))
        >>> precision, recall = precision_recall(matches, label=1)
        >>> precision.round(2).tolist(), recall.tolist()
        ([[1.0, 0.5, 0.67]], [[0.25, 0.25, 0.5]])
    """
    (row,) = as_rows(weights, len(matches.truths))
    of_class = matches.label == label
    weight = row[matches.image[of_class]]
    hits = np.cumsum(matches.matched[:, of_class] * weight, axis=1)
    return share(hits, np.cumsum(weight), 0), share(hits, row @ matches.truths[:, label - 1])


def average_precision(matches: Matches, weights: np.ndarray | None = None) -> np.ndarray:
    """AP: the mean over 101 recalls of the best precision reached at that recall or a higher one.

    Args:
        matches: From :func:`mdfnet.metrics.matching.match`.
        weights: How often each image counts, at least 0: ``[images]``, or ``[R, images]`` for R draws of the images at
            once, which is far faster than one after the other. Default: once.

    Returns:
        float64 ``[T, classes]``, or ``[R, T, classes]``, in [0, 1]; NaN for a class that was never marked.

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


def average_recall(matches: Matches, weights: np.ndarray | None = None) -> np.ndarray:
    """AR: the share of the truths that are found at all, at any score.

    Args:
        matches: From :func:`mdfnet.metrics.matching.match`.
        weights: ``[images]`` or ``[R, images]``, how often each image counts, at least 0. Default: once.

    Returns:
        float64 ``[T, classes]``, or ``[R, T, classes]``, in [0, 1]; NaN for a class that was never marked.
    """
    images, classes = matches.truths.shape
    rows = as_rows(weights, images).astype(np.float64)
    place = matches.image * classes + matches.label - 1
    hits = [np.bincount(place, hit, images * classes).reshape(images, classes) for hit in matches.matched]
    found = np.stack([rows @ of_threshold for of_threshold in hits], axis=1)
    return like(weights, share(found, (rows @ matches.truths)[:, None]))


def mean_over_classes(values: np.ndarray) -> np.ndarray:
    """Plain mean over the last axis, classes that were never marked (NaN) left out, as COCO and the paper do.

    Examples:
        >>> float(mean_over_classes(np.array([0.5, np.nan, 0.25])))
        0.375
    """
    values = np.asarray(values, np.float64)
    return share(np.nansum(values, axis=-1), (~np.isnan(values)).sum(-1))


def _interpolated(matched: np.ndarray, weight: np.ndarray, marked: np.ndarray) -> np.ndarray:
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
