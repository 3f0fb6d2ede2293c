"""How often each image counts: once, or many draws of the patients at a time.

Where scores take ``weights``, they are ``[images]`` or, for R draws at once, ``[R, images]``, at least 0; by default
each image counts once. What is given back then has a first axis of R, or none. R draws at once are far faster than one
after the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from mdfnet.core.arrays import Array, Floats

#: Numbers that are held at a time while many rows of weights are gone through: 4 million, tens of megabytes.
AT_A_TIME = 4_000_000


def as_rows(weights: ArrayLike | None, images: int) -> Array:
    """Weights as rows ``[R, images]``; none are one row of ones. ValueError if there is not one weight per image.

    Examples:
        >>> as_rows(None, 2).tolist(), as_rows([2, 0], 2).tolist()
        ([[1, 1]], [[2, 0]])
    """
    rows = np.ones((1, images), np.int64) if weights is None else np.atleast_2d(np.asarray(weights))
    if rows.ndim != 2 or rows.shape[1] != images:
        raise ValueError(f"{images} images but weights of shape {np.asarray(weights).shape}")
    return rows


def like(weights: Array | None, values: Array) -> Array:
    """Values of rows ``[R, ...]``, without the first axis where the weights had none."""
    return values if weights is not None and np.ndim(weights) == 2 else values.squeeze(0)


def chunks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows, so that what is computed from one of them is bounded in memory.

    Examples:
        >>> [(part.start, part.stop) for part in chunks(5, AT_A_TIME // 2)]
        [(0, 2), (2, 4), (4, 5)]
    """
    step = max(1, AT_A_TIME // max(1, columns))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def share(part: ArrayLike, whole: ArrayLike, nothing: float = np.nan) -> Floats:
    """``part / whole``, and ``nothing`` where the whole is 0.

    Examples:
        >>> share([1, 0], [2, 0]).tolist()
        [0.5, nan]
    """
    part, whole = np.broadcast_arrays(part, whole)
    result = np.full(part.shape, nothing, np.float64)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def with_sum(values: Array) -> Array:
    """Values ``[R, classes]`` with their sum as one more column.

    Examples:
        >>> with_sum(np.array([[1, 2]])).tolist()
        [[1, 2, 3]]
    """
    return np.concatenate([values, values.sum(1, keepdims=True)], axis=1)
