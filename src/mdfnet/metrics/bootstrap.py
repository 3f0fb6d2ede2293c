"""How far a score could have come out otherwise: bootstrap over patients, and intervals from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from mdfnet.core.arrays import Array, Floats, Ints
from mdfnet.metrics.significance import student_quantile
from mdfnet.metrics.weights import chunks

_Z, _TAIL = 1.959964, 0.025  #: Two-sided 95 %: of the normal distribution, and what is left on either side


def patient_weights(patients: Sequence[str], replicates: int, seed: int = 0) -> Ints:
    """How often each image counts in each replicate: patients are drawn with replacement, all images of one together.

    int32 ``[replicates, images]``, from the patient of each image. The same seed draws the same patients for every
    model, so that differences are paired.

    Examples:
        >>> weights = patient_weights(["a", "a", "b"], replicates=100)
        >>> bool((weights[:, 0] == weights[:, 1]).all()), bool((weights[:, 1:].sum(1) == 2).all())
        (True, True)
    """
    return np.concatenate(list(draws(patients, replicates, seed)))


def draws(patients: Sequence[str], replicates: int, seed: int = 0) -> Iterator[Ints]:
    """The rows of :func:`patient_weights` part by part, so that memory is bounded."""
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    random, even = np.random.default_rng(seed), np.full(len(names), 1 / len(names))
    for part in chunks(replicates, len(index)):
        counts = random.multinomial(len(names), even, size=part.stop - part.start)
        yield counts.astype(np.int32)[:, index]


def replicate(score: Callable[[Any], Mapping[str, Array]], rows: Iterator[Array]) -> dict[str, Array]:
    """Scores by name, ``[R, ...]`` each, under all rows of weights from :func:`draws`, which it is given in parts."""
    parts = [score(part) for part in rows]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def interval(replicates: Array, level: float = 0.95) -> tuple[Floats, Floats]:
    """Percentile interval over the first axis; replicates without the class (NaN) are left out.

    Examples:
        >>> low, high = interval(np.arange(101.0))
        >>> round(float(low), 6), round(float(high), 6)
        (2.5, 97.5)
    """
    tail = 50 * (1 - level)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")  # a class without annotations has no interval
        low, high = np.nanpercentile(replicates, [tail, 100 - tail], axis=0)
    return low, high


def share_interval(value: ArrayLike, replicates: Array, boxes: ArrayLike) -> tuple[Floats, Floats]:
    """95 % interval of measures that lie in [0, 1]: on the logit scale, with the bootstrap's bias taken off.

    Average precision is too high on few images, because it takes the best precision from each recall on, and higher
    still on their replicates. So percentiles cover too little; docs/results.md has the figures of both. Source: Davison
    and Hinkley, *Bootstrap Methods*, 1997, chapter 5 (normal limits on a transformed scale, with bias correction).

    Args:
        value: ``[...]``, the measures on the images as they are.
        replicates: ``[R, ...]``; NaN, where a draw lacks the class, are left out.
        boxes: ``[...]``, how many annotated boxes each measure rests on. Student's quantile with one degree less widens
            the interval where they are few, and a measure nearer to 0 or 1 than a quarter of one is taken to be there.

    Returns:
        Low and high, ``[...]`` each, the value between them; NaN where there is no value. Where all replicates are 0 or
        all are 1, they tell nothing: the limit is that of Clopper and Pearson for none or all of the boxes.

    Examples:
        >>> low, high = share_interval(np.array([0.5]), np.array([[0.45], [0.5], [0.55]]), boxes=100)
        >>> low.round(2).tolist(), high.round(2).tolist()
        ([0.4], [0.6])
    """
    value = np.asarray(value, np.float64)
    count = np.broadcast_to(np.maximum(boxes, 1), value.shape)
    edge = 1 / (4 * count)
    center, scaled = (logit(np.clip(one, edge, 1 - edge)) for one in (value, replicates))
    low, high = map(expit, normal_interval(center, scaled, student_quantile(np.maximum(count - 1, 1))))
    constant = np.nanmax(replicates, axis=0, initial=0) - np.nanmin(replicates, axis=0, initial=1) <= 0
    perfect = _TAIL ** (1 / count)
    low = np.where(constant & (value == 1), perfect, low)
    high = np.where(constant & (value == 0), 1 - perfect, high)
    return np.fmin(low, value), np.fmax(high, value)


def normal_interval(value: Floats, replicates: Array, quantile: Floats | float = _Z) -> tuple[Floats, Floats]:
    """95 % interval as normal limits with the bootstrap's bias taken off, ``[...]`` from replicates ``[R, ...]``."""
    mean, spread = mean_and_spread(replicates)
    middle = 2 * value - mean
    return middle - quantile * spread, middle + quantile * spread


def mean_and_spread(replicates: Array) -> tuple[Floats, Floats]:
    """Mean and standard deviation over the first axis without NaN; NaN where there are less than two numbers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice|Degrees of freedom")
        return np.nanmean(replicates, axis=0), np.nanstd(replicates, axis=0, ddof=1)
