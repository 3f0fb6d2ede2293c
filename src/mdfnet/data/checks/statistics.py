"""How well something known about images discriminates those of a group: AUC with an interval over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats
from mdfnet.metrics.bootstrap import interval, patient_weights
from mdfnet.metrics.images import auroc

REPLICATES = 400  #: Replicates of the bootstrap
FEWEST_PATIENTS = 20  #: A group, or the rest, with fewer patients is not judged

FOLDS = 5


@dataclass(frozen=True)
class Discrimination:
    """An AUROC beyond chance: how often an image of the group has the higher score than one that is not in it."""

    auc: float  #: In [0.5, 1]; 0.5 is chance. Ties count half
    #: 95 % interval, bootstrap over patients
    low: float
    high: float
    higher: bool  #: Whether images of the group have the higher scores
    images: int  #: How many images had a score

    def __str__(self) -> str:
        return f"AUC {self.auc:.2f} ({self.low:.2f} to {self.high:.2f})"


def discrimination(scores: Floats, group: Bools, patients: Array, least: float) -> Discrimination | None:
    """The AUROC of scores for a group, each ``[N]``, where the lower end of its interval reaches ``least``.

    NaN scores are left out. None where the AUROC is lower, or the group or the rest has too few patients.

    Examples:
        >>> scores = np.arange(200.0)
        >>> discrimination(scores, scores >= 100, np.arange(200), 0.9)
        Discrimination(auc=1.0, low=1.0, high=1.0, higher=True, images=200)
    """
    known = ~np.isnan(scores)
    scores, group, patients = scores[known], group[known], patients[known]
    if not _enough(group, patients):
        return None
    value = float(auroc(scores, group, np.ones((1, len(scores))))[0])
    higher = value >= 0.5
    if max(value, 1 - value) < least:
        return None
    replicates = auroc(scores, group, patient_weights(patients.tolist(), REPLICATES))
    low, high = map(float, interval(replicates if higher else 1 - replicates))
    if low < least:
        return None
    return Discrimination(value if higher else 1 - value, low, high, higher, len(scores))


def predicted(features: Floats, group: Bools, patients: Array) -> Floats:
    """Probability ``[N]`` of the group by logistic regression on features ``[N, F]``, fitted on other patients.

    NaN where there are too few patients for any statement.
    """
    result = np.full(len(group), np.nan)
    if not _enough(group, patients):
        return result
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression())
    for held_out in folds(patients):
        model.fit(features[~held_out], group[~held_out])
        result[held_out] = model.predict_proba(features[held_out])[:, 1]
    return result


def rates(keys: Sequence[str] | Array, group: Bools, patients: Array) -> Floats:
    """Share of the group among images with the same key, from other patients than the image's own: ``[N]``.

    A rare key is drawn towards the share among all images, as if it had been seen five more times with that share.
    """
    result = np.full(len(group), np.nan)
    if not _enough(group, patients):
        return result
    _, index = np.unique(np.asarray(keys), return_inverse=True)
    for held_out in folds(patients):
        size = index.max() + 1
        seen = np.bincount(index[~held_out], minlength=size)
        inside = np.bincount(index[~held_out], group[~held_out], minlength=size)
        result[held_out] = ((inside + 5 * group[~held_out].mean()) / (seen + 5))[index[held_out]]
    return result


def folds(patients: Array) -> list[Bools]:
    """Masks ``[N]`` of the images held out in turn; those of a patient go together."""
    names, index = np.unique(patients, return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(names)) % FOLDS
    return [fold[index] == number for number in range(FOLDS) if (fold[index] == number).any()]


def _enough(group: Bools, patients: Array) -> bool:
    return min(len(np.unique(patients[side])) for side in (group, ~group)) >= FEWEST_PATIENTS
