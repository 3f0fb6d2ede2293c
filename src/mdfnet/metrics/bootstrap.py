"""How far a score could have come out otherwise: bootstrap over patients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np


def patient_weights(patients: Sequence[str], replicates: int, seed: int = 0) -> np.ndarray:
    """How often each film counts in each replicate: patients are drawn with replacement, all films of one together.

    Args:
        patients: Patient of each film.
        replicates: How many.
        seed: Of the draw. The same seed draws the same patients for every model, so that differences are paired.

    Returns:
        int32 ``[replicates, films]``.

    Examples:
        >>> weights = patient_weights(["a", "a", "b"], replicates=100)
        >>> bool((weights[:, 0] == weights[:, 1]).all()), bool((weights[:, 1:].sum(1) == 2).all())
        (True, True)
    """
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    random = np.random.default_rng(seed)
    counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=replicates)
    return counts.astype(np.int32)[:, index]


def replicate(score: Callable[[np.ndarray], np.ndarray], weights: np.ndarray) -> np.ndarray:
    """A score under every replicate: ``[replicates, ...]``; ``score`` takes the weights of the films ``[films]``."""
    return np.stack([score(row) for row in weights])


def interval(replicates: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the first axis; replicates without the class (NaN) are left out.

    Examples:
        >>> low, high = interval(np.arange(101.0))
        >>> round(float(low), 6), round(float(high), 6)
        (2.5, 97.5)
    """
    tail = 50 * (1 - level)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")  # a class that was never marked has no interval
        low, high = np.nanpercentile(replicates, [tail, 100 - tail], axis=0)
    return low, high
