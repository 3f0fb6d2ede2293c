"""How often each image counts: once, or many draws of the patients at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: Numbers that are held at a time while many rows of weights are gone through: 4 million, tens of megabytes.
AT_A_TIME = 4_000_000


def as_rows(weights: np.ndarray | None, images: int) -> np.ndarray:
    """Weights as rows ``[R, images]``; none are one row of ones.

    Raises:
        ValueError: There is not one weight per image.

    Examples:
        >>> as_rows(None, 2).tolist(), as_rows([2, 0], 2).tolist()
        ([[1, 1]], [[2, 0]])
    """
    rows = np.ones((1, images), np.int64) if weights is None else np.atleast_2d(np.asarray(weights))
    if rows.ndim != 2 or rows.shape[1] != images:
        raise ValueError(f"{images} images but weights of shape {np.shape(weights)}")
    return rows


def like(weights: np.ndarray | None, values: np.ndarray) -> np.ndarray:
    """Values of rows ``[R, ...]``, without the first axis where the weights had none."""
    return values if np.ndim(weights) == 2 else values[0]


def chunks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows, so that what is computed from one of them is bounded in memory.

    Examples:
        >>> [(part.start, part.stop) for part in chunks(5, AT_A_TIME // 2)]
        [(0, 2), (2, 4), (4, 5)]
    """
    step = max(1, AT_A_TIME // max(1, columns))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def share(part: np.ndarray, whole: np.ndarray, nothing: float = np.nan) -> np.ndarray:
    """``part / whole``, and ``nothing`` where the whole is 0.

    Examples:
        >>> share(np.array([1, 0]), np.array([2, 0])).tolist()
        [0.5, nan]
    """
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(part.shape, nothing, np.float64), where=whole > 0)


def with_sum(values: np.ndarray) -> np.ndarray:
    """Values ``[R, classes]`` with their sum as one more column.

    Examples:
        >>> with_sum(np.array([[1, 2]])).tolist()
        [[1, 2, 3]]
    """
    return np.concatenate([values, values.sum(1, keepdims=True)], axis=1)
