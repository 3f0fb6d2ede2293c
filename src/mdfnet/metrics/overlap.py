"""How far two boxes overlap: IoU and IoBB. Boxes are ``x1, y1, x2, y2`` with ``x1 <= x2`` and ``y1 <= y2``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Numbers = NDArray[np.float64]  #: Boxes ``[N, 4]``, or what is computed from them


def iou(a: ArrayLike, b: ArrayLike) -> _Numbers:
    """Intersection over union of every box of one set with every box of another.

    From ``[N, 4]`` and ``[M, 4]`` float64 ``[N, M]`` in [0, 1]. Boxes without area overlap nothing.

    Examples:
        >>> iou([[0, 0, 10, 10]], [[5, 0, 15, 10], [0, 0, 10, 10]]).round(3).tolist()
        [[0.333, 1.0]]
    """
    first, second = _boxes(a), _boxes(b)
    shared = _intersection(first, second)
    return _ratio(shared, area(first)[:, None] + area(second)[None, :] - shared)


def iobb(predicted: ArrayLike, truth: ArrayLike) -> _Numbers:
    """Intersection over the area of the predicted box ("bounding box"), the overlap of arXiv 2302.13390.

    Asks whether a prediction lies on the finding, not whether it covers it: any box inside a truth scores 1, however
    small. Read it beside :func:`iou`.

    Shapes as of :func:`iou`. Predictions without area overlap nothing.

    Examples:
        >>> iobb([[0, 0, 10, 10], [2, 2, 4, 4]], [[0, 0, 10, 5]]).tolist()
        [[0.5], [1.0]]
    """
    boxes = _boxes(predicted)
    return _ratio(_intersection(boxes, _boxes(truth)), area(boxes)[:, None])


OVERLAPS = {"iou": iou, "iobb": iobb}  #: The overlaps by name, as :func:`mdfnet.metrics.matching.match` takes them


def area(boxes: _Numbers) -> _Numbers:
    """Area of each box, ``[N, 4]`` -> ``[N]``."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def _boxes(boxes: ArrayLike) -> _Numbers:
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def _intersection(a: _Numbers, b: _Numbers) -> _Numbers:
    x1, y1, x2, y2 = (a[:, None, side] for side in range(4))
    width = np.minimum(x2, b[:, 2]) - np.maximum(x1, b[:, 0])
    height = np.minimum(y2, b[:, 3]) - np.maximum(y1, b[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def _ratio(shared: _Numbers, whole: _Numbers) -> _Numbers:
    return np.divide(shared, whole, out=np.zeros_like(shared), where=shared > 0)
