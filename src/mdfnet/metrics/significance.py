"""Tests and corrections: swapping models patient by patient, Holm's correction, Student's quantiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import stdtrit

from mdfnet.core.arrays import Bools, Floats
from mdfnet.metrics.weights import chunks


def swaps(patients: Sequence[str], permutations: int, seed: int = 0) -> Iterator[Bools]:
    """Of which images the two models change places: all of a patient or none, by a coin; bool ``[R, images]``, in
    parts.

    Examples:
        >>> (part,) = swaps(["a", "a", "b"], 50)
        >>> bool((part[:, 0] == part[:, 1]).all()), bool((part[:, 1] == part[:, 2]).all())
        (True, False)
    """
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    random = np.random.default_rng(seed)
    for part in chunks(permutations, 2 * len(index)):
        yield random.integers(0, 2, (part.stop - part.start, len(names)), dtype=np.int8).astype(bool)[:, index]


def permutation_p(difference: Floats, permuted: Floats) -> Floats:
    """How often chance alone gives a difference at least as large, either way.

    The difference itself counts as one of the permutations, so that p is never 0. Source: Phipson and Smyth, Stat Appl
    Genet Mol Biol 2010.

    From ``[...]``, with the models as they are, and ``[R, ...]``, with the models swapped: ``[...]`` in (0, 1]; NaN
    where there is no difference to test.

    Examples:
        >>> float(permutation_p(np.array(2.0), np.array([-2.0, 0.0, 1.0])))
        0.5
    """
    beyond = (np.abs(permuted) >= np.abs(difference) - 1e-12).sum(0)
    return np.where(np.isnan(difference), np.nan, (1 + beyond) / (1 + len(permuted)))


def holm(p: Floats) -> Floats:
    """P values corrected for being many, as Holm (Scand J Stat 1979) does; NaN are no tests and stay.

    Examples:
        >>> holm(np.array([0.01, 0.04, np.nan, 0.03])).round(2).tolist()
        [0.03, 0.06, nan, 0.06]
    """
    corrected = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * factors)) if len(order) else ()
    return corrected


def student_quantile(degrees: Floats | float, level: float = 0.975) -> Floats:
    """Quantile of Student's t; by default the half width of a 95 % interval, in standard errors.

    Degrees of freedom need not be whole; NaN gives NaN.

    Examples:
        >>> float(student_quantile(4).round(3)), float(student_quantile(1e9).round(3))
        (2.776, 1.96)
    """
    return np.asarray(stdtrit(degrees, level))
