"""Training, validation and test splits in which no patient is in two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mdfnet.core.conventions import SPLITS
from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


def split_by_patient(
    samples: Sequence[Sample], fractions: Mapping[str, float] = FRACTIONS, seed: int = 0
) -> tuple[Sample, ...]:
    """Give every patient a split such that each finding is spread over the splits in the same fractions.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011) over patients: the rarest finding is shared out
    first, each time to the split that lacks it most; "no finding" counts as a finding. The order of the samples does
    not matter.

    Args:
        samples: All images; a split they have already is replaced.
        fractions: Split -> share of the patients; they add up to 1.
        seed: The same seed gives the same split.

    Raises:
        UserError: An unknown split, or the fractions are negative or do not add up to 1.

    Examples:
        >>> from mdfnet.core.types import Target
        >>> images = [Sample(f"f{i}", None, 8, 8, Target.of([], []), None, patient=f"p{i // 2}") for i in range(20)]
        >>> done = split_by_patient(images, {"train": 0.8, "val": 0.2})
        >>> sum(sample.split == "val" for sample in done)
        4
    """
    for name in fractions:
        if name not in SPLITS:
            raise UserError(f"unknown split {name!r}", fix=f"known are: {', '.join(SPLITS)}")
    if not (min(fractions.values(), default=-1) >= 0 and abs(sum(fractions.values()) - 1) <= 1e-6):  # NaN too
        raise UserError(f"split fractions {dict(fractions)} do not add up to 1")
    split = _share_out(_shuffled(samples, seed), fractions)
    return tuple(replace(sample, split=split[sample.patient]) for sample in samples)


def split_by_fold(samples: Sequence[Sample], folds: int, fold: int, seed: int = 0) -> tuple[Sample, ...]:
    """Cross-validation by patient: one fold is tested on, the next one validates, the others train.

    The folds are as even in each finding as those of `split_by_patient`. The same seed gives the same folds, so that
    every image is tested on in exactly one of the ``folds`` splits.

    Args:
        samples: All images; a split they have already is replaced.
        folds: Number of folds, 3 or more.
        fold: The fold to test on, from 0.
        seed: The same seed gives the same folds.

    Examples:
        >>> from mdfnet.core.types import Target
        >>> images = [Sample(f"f{i}", None, 8, 8, Target.of([], []), None) for i in range(10)]
        >>> [sample.split for sample in split_by_fold(images, 5, 0)].count("train")
        6
    """
    names = [str(number) for number in range(folds)]
    fold_of = _share_out(_shuffled(samples, seed), dict.fromkeys(names, 1 / folds))
    split = {names[fold]: "test", names[(fold + 1) % folds]: "val"}
    return tuple(replace(sample, split=split.get(fold_of[sample.patient], "train")) for sample in samples)


def _shuffled(samples: Sequence[Sample], seed: int) -> dict[str, set[int]]:
    """Findings of each patient, in an order that depends on the seed alone; 0 for none."""
    findings: dict[str, set[int]] = defaultdict(set)
    for sample in samples:
        findings[sample.patient].update(sample.target.labels.tolist() or [0])
    order = np.random.default_rng(seed).permutation(sorted(findings)).tolist()
    return {patient: findings[patient] for patient in order}


def _share_out(findings: dict[str, set[int]], fractions: Mapping[str, float]) -> dict[str, str]:
    labels = sorted(set().union(*findings.values()))
    wanted = {
        name: {label: share * sum(label in found for found in findings.values()) for label in labels}
        for name, share in fractions.items()
    }
    room = {name: share * len(findings) for name, share in fractions.items()}
    names = [name for name in fractions if fractions[name]]
    split: dict[str, str] = {}
    while len(split) < len(findings):
        open_patients = [patient for patient in findings if patient not in split]
        counts = {label: sum(label in findings[patient] for patient in open_patients) for label in labels}
        rarest = min((label for label in labels if counts[label]), key=counts.__getitem__)
        for patient in (patient for patient in open_patients if rarest in findings[patient]):
            best = max(names, key=lambda name: (wanted[name][rarest], room[name]))
            split[patient] = best
            room[best] -= 1
            for label in findings[patient]:
                wanted[best][label] -= 1
    return split
