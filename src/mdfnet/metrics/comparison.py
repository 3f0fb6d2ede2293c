"""Is one model better than another: paired differences with intervals and tests, over seeds and folds.

What is drawn and swapped are patients, always the same for both models. Sources of chance, and what covers them:

- **Patients**: the bootstrap, with the same patients for every model, and Student's t with one degree of freedom less
  than there are patients; the permutation test swaps the models' findings patient by patient.
- **Seeds** (several pairs on the same images): patients and seeds vary independently, so their variances add; the
  interval takes Student's t with the degrees of freedom of Satterthwaite (Biometrics Bulletin 1946). Why seeds must be
  counted: Bouthillier et al., MLSys 2021.
- **Folds** (pairs on different patients of a cross-validation): the training sets overlap, so the folds' variance is
  multiplied by 1/k + 1/(k - 1) in place of 1/k, with k - 1 degrees of freedom (Nadeau and Bengio, Machine Learning
  2003); it has patients, seeds and training sets in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats
from mdfnet.metrics.average_precision import mean_over_classes
from mdfnet.metrics.bootstrap import draws, mean_and_spread, normal_interval, replicate
from mdfnet.metrics.measures import COUNTS, Matched, measure
from mdfnet.metrics.significance import holm, permutation_p, student_quantile, swaps
from mdfnet.metrics.verdicts import verdict_of


@dataclass(frozen=True)
class Pair:
    """Two models on the same images, in the same order."""

    first: Matched  #: The reference
    second: Matched  #: What is compared with it
    patients: tuple[str, ...]  #: Patient of each image


@dataclass(frozen=True)
class Difference:
    """Second minus first, of one measure and one class."""

    measure: str  #: Its name
    finding: str  #: Name of the class, or ``all``: the mean over classes, of counts the sum
    first: float  #: Mean over seeds and folds, as ``second`` and ``value``
    second: float
    value: float  #: Their difference
    low: float  #: 95 % interval of the difference with all sources of chance that there are
    high: float
    patients: tuple[float, float]  #: 95 % interval over patients alone, for the models as they were trained
    seeds: tuple[float, float] | None  #: 95 % interval over seeds alone, for these images; None with one seed
    p: float  #: Of the permutation test over patients, for the models as they were trained
    p_corrected: float  #: Corrected over the classes after Holm; of ``all``, ``p`` itself

    @property
    def verdict(self) -> str:
        """See :func:`mdfnet.metrics.verdicts.verdict_of`; – where there is nothing to compare."""
        return "–" if math.isnan(self.value) else verdict_of(self.value, self.low, self.high, self.p_corrected)


def compare_models(
    folds: Sequence[Sequence[Pair]],
    names: Sequence[str],
    classes: Sequence[str],
    *,
    replicates: int = 1000,
    seed: int = 0,
) -> list[Difference]:
    """Differences of every measure, class by class and for all.

    Args:
        folds: One with the pairs of all seeds; for a cross-validation, one for each set of test patients.
        names, classes: Measures and counts, see :mod:`mdfnet.metrics.measures`, and names of the classes.
        replicates, seed: Of the bootstrap, and of the permutations of the test.
    """
    if not folds or not all(folds):
        raise ValueError("no pairs to compare")
    parts = [_Fold.of(pairs, names, replicates, seed + 1000 * number) for number, pairs in enumerate(folds)]
    quantile = student_quantile(max(1, sum(len(set(pairs[0].patients)) for pairs in folds) - 1))
    result = []
    for name in names:
        result += _differences(name, parts, classes, quantile)
    return result


@dataclass(frozen=True)
class _Fold:
    """One set of images: by measure ``[seeds, classes + 1]`` of both models, ``[R, classes + 1]`` of differences."""

    first: dict[str, Array]
    second: dict[str, Array]
    drawn: dict[str, Array]
    swapped: dict[str, Array]

    @classmethod
    def of(cls, pairs: Sequence[Pair], names: Sequence[str], replicates: int, seed: int) -> _Fold:
        first, second = ([measure(getattr(pair, side), names) for pair in pairs] for side in ("first", "second"))
        both = [pair.first.beside(pair.second) for pair in pairs]

        def drawn(weights: Array) -> dict[str, Array]:
            return _mean([_minus(measure(p.second, names, weights), measure(p.first, names, weights)) for p in pairs])

        def swapped(swap: Bools) -> dict[str, Array]:
            kept, given = np.hstack([~swap, swap]).astype(np.int32), np.hstack([swap, ~swap]).astype(np.int32)
            return _mean([_minus(measure(images, names, given), measure(images, names, kept)) for images in both])

        patients = pairs[0].patients
        return cls(
            _stacked(first),
            _stacked(second),
            replicate(drawn, draws(patients, replicates, seed)),
            replicate(swapped, swaps(patients, replicates, seed)),
        )


def _differences(name: str, folds: Sequence[_Fold], classes: Sequence[str], quantile: Floats) -> list[Difference]:
    first, second, drawn, swapped = (
        [values[name] for values in of_folds] for of_folds in zip(*(vars(fold).values() for fold in folds), strict=True)
    )
    per_fold = np.stack([(b - a).mean(0) for a, b in zip(first, second, strict=True)])
    value, replicates = per_fold.mean(0), np.mean(drawn, axis=0)
    over_patients = normal_interval(value, replicates, quantile)
    k = len(folds)
    seeds = _over_seeds(first[0], second[0]) if k == 1 else None
    low, high = over_patients
    if k > 1:
        half = student_quantile(k - 1.0) * np.sqrt((1 / k + 1 / (k - 1)) * per_fold.var(0, ddof=1))
        low, high = value - half, value + half
    elif seeds is not None:
        low, high = _over_both(value, replicates, first[0], second[0])
    p = permutation_p(value, np.mean(swapped, axis=0))
    corrected = np.append(holm(p[:-1]), p[-1])
    means = [np.mean([one.mean(0) for one in side], axis=0) for side in (first, second)]
    return [
        Difference(
            name,
            finding,
            first=float(means[0][i]),
            second=float(means[1][i]),
            value=float(value[i]),
            low=float(low[i]),
            high=float(high[i]),
            patients=(float(over_patients[0][i]), float(over_patients[1][i])),
            seeds=None if seeds is None else (float(seeds[0][i]), float(seeds[1][i])),
            p=float(p[i]),
            p_corrected=float(corrected[i]),
        )
        for i, finding in enumerate((*classes, "all"))
    ]


def _over_seeds(first: Floats, second: Floats) -> tuple[Floats, Floats] | None:
    """Student's interval over seeds, None where there is one."""
    change = second - first
    if len(change) < 2:
        return None
    half = student_quantile(len(change) - 1.0) * change.std(0, ddof=1) / math.sqrt(len(change))
    return change.mean(0) - half, change.mean(0) + half


def _over_both(value: Floats, replicates: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Variances of patients and seeds added, with Satterthwaite's degrees of freedom."""
    of_seeds = (second - first).var(0, ddof=1) / len(first)
    mean, spread = mean_and_spread(replicates)
    total = of_seeds + spread**2
    with np.errstate(invalid="ignore", divide="ignore"):
        degrees = np.where(of_seeds > 0, (len(first) - 1) * total**2 / of_seeds**2, 1e9)
    half = student_quantile(np.where(np.isnan(total), np.nan, degrees)) * np.sqrt(total)
    middle = 2 * value - mean
    return middle - half, middle + half


def _minus(a: dict[str, Array], b: dict[str, Array]) -> dict[str, Array]:
    """Differences; those of all are of the classes that both have, so that a class missing in one does not count."""
    result = {}
    for name in a:
        result[name] = a[name] - b[name]
        if name not in COUNTS:
            result[name][..., -1] = mean_over_classes(result[name][..., :-1])
    return result


def _mean(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: values.mean(0) for name, values in _stacked(parts).items()}


def _stacked(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}
