"""Between shares and their log odds."""

from __future__ import annotations

import numpy as np


def logit(share: np.ndarray, edge: np.ndarray | float) -> np.ndarray:
    """Log odds of shares in [0, 1], which are taken to be ``edge`` away from 0 and 1 at least; NaN stays.

    Examples:
        >>> logit(np.array([0.5, 1.0]), edge=0.1).round(2).tolist()
        [0.0, 2.2]
    """
    share = np.clip(np.asarray(share, np.float64), edge, 1 - edge)
    return np.log(share / (1 - share))


def sigmoid(odds: np.ndarray) -> np.ndarray:
    """The share with these log odds.

    Examples:
        >>> sigmoid(np.array([0.0, np.inf])).tolist()
        [0.5, 1.0]
    """
    return 1 / (1 + np.exp(-odds))
