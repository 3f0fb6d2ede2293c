"""Average precision and average recall from matches, as COCO defines them."""

from __future__ import annotations

import numpy as np

from mdfnet.metrics.matching import Matches

#: COCO reads the precision at these 101 recalls.
RECALLS = np.linspace(0, 1, 101)


def precision_recall(matches: Matches, label: int, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of one class while ever lower scores are let in.

    Args:
        matches: From :func:`mdfnet.metrics.matching.match`.
        label: 1-based.
        weights: ``[films]``, how often each film counts, at least 0. Default: once.

    Returns:
        Precision and recall, float64 ``[T, D]`` each, in [0, 1]; D detections of the class by falling score. Recall is
        NaN where the class was never marked.

    Examples:
        >>> from mdfnet.metrics.matching import Matches
        >>> film = np.array([0, 1, 1])
        >>> score, matched = np.array([0.9, 0.8, 0.3]), np.array([[True, False, True]])
        >>> matches = Matches("iou", (0.5,), film, np.array([1, 1, 1]), score, matched, truths=np.array([[1], [3]]))
        >>> precision, recall = precision_recall(matches, label=1)
        >>> precision.round(2).tolist(), recall.tolist()
        ([[1.0, 0.5, 0.67]], [[0.25, 0.25, 0.5]])
    """
    weights = _film_weights(matches, weights)
    of_class = matches.label == label
    weight = weights[matches.film[of_class]]
    hits = np.cumsum(matches.matched[:, of_class] * weight, axis=1)
    found = np.cumsum(weight)
    marked = weights @ matches.truths[:, label - 1]
    precision = np.divide(hits, found, out=np.zeros_like(hits), where=found > 0)
    recall = hits / marked if marked > 0 else np.full_like(hits, np.nan)
    return precision, recall


def average_precision(matches: Matches, weights: np.ndarray | None = None) -> np.ndarray:
    """AP: the mean over 101 recalls of the best precision reached at that recall or a higher one.

    Args:
        matches: From :func:`mdfnet.metrics.matching.match`.
        weights: ``[films]``, how often each film counts, at least 0. Default: once.

    Returns:
        float64 ``[T, classes]`` in [0, 1]; NaN for a class that was never marked.

    Examples:
        >>> from mdfnet.metrics.matching import Matches
        >>> film = np.array([0, 1, 1])
        >>> score, matched = np.array([0.9, 0.8, 0.3]), np.array([[True, False, True]])
        >>> matches = Matches("iou", (0.5,), film, np.array([1, 1, 1]), score, matched, truths=np.array([[1], [3]]))
        >>> average_precision(matches).round(3).tolist()
        [[0.422]]
    """
    marked = _film_weights(matches, weights) @ matches.truths
    result = np.full((len(matches.thresholds), len(marked)), np.nan)
    for k in np.flatnonzero(marked):
        precision, recall = precision_recall(matches, k + 1, weights)
        result[:, k] = [_interpolated(*curve) for curve in zip(precision, recall, strict=True)]
    return result


def average_recall(matches: Matches, weights: np.ndarray | None = None) -> np.ndarray:
    """AR: the share of the truths that are found at all, at any score.

    Args:
        matches: From :func:`mdfnet.metrics.matching.match`.
        weights: ``[films]``, how often each film counts, at least 0. Default: once.

    Returns:
        float64 ``[T, classes]`` in [0, 1]; NaN for a class that was never marked.
    """
    weights = _film_weights(matches, weights)
    marked = weights @ matches.truths
    result = np.full((len(matches.thresholds), len(marked)), np.nan)
    for k in np.flatnonzero(marked):
        of_class = matches.label == k + 1
        result[:, k] = matches.matched[:, of_class] @ weights[matches.film[of_class]] / marked[k]
    return result


def mean_over_classes(values: np.ndarray) -> np.ndarray:
    """Plain mean over the last axis, classes that were never marked (NaN) left out, as COCO and the paper do.

    Examples:
        >>> float(mean_over_classes(np.array([0.5, np.nan, 0.25])))
        0.375
    """
    values = np.asarray(values, np.float64)
    marked = ~np.isnan(values)
    total, count = np.where(marked, values, 0).sum(-1), marked.sum(-1)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _film_weights(matches: Matches, weights: np.ndarray | None) -> np.ndarray:
    films = len(matches.truths)
    weights = np.ones(films) if weights is None else np.asarray(weights, np.float64)
    if weights.shape != (films,):
        raise ValueError(f"{films} films but weights of shape {weights.shape}")
    return weights


def _interpolated(precision: np.ndarray, recall: np.ndarray) -> float:
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS)
    reached = at < len(recall)
    return best_from_here[at[reached]].sum() / len(RECALLS)
