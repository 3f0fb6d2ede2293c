"""How well something known of an image tells which images are in a group: AUC with an interval over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdfnet.metrics.bootstrap import interval, patient_weights
from mdfnet.metrics.images import auroc

#: Replicates of the bootstrap.
REPLICATES = 400

#: Nothing is said of a group, or of the rest, with fewer patients.
FEWEST_PATIENTS = 20

FOLDS = 5


@dataclass(frozen=True)
class Discrimination:
    """An AUC that counts: how often an image of the group has the higher score, against one that is not in it.

    Args:
        auc: In [0.5, 1]; 0.5 tells nothing. Ties count half.
        low, high: 95 % interval, bootstrap over patients.
        higher: Whether images of the group have the higher scores.
        images: How many images had a score.
    """

    auc: float
    low: float
    high: float
    higher: bool
    images: int

    @property
    def directed(self) -> tuple[float, float, float]:
        """AUC and interval in [0, 1], below 0.5 where images of the group have the lower scores."""
        return (self.auc, self.low, self.high) if self.higher else (1 - self.auc, 1 - self.high, 1 - self.low)

    def __str__(self) -> str:
        return f"AUC {self.auc:.2f} ({self.low:.2f} to {self.high:.2f})"


def discrimination(scores: np.ndarray, group: np.ndarray, patients: np.ndarray, least: float) -> Discrimination | None:
    """The AUC of scores for a group, if it is beyond chance by more than chance.

    Args:
        scores: float ``[N]``, one per image; NaN are left out.
        group: bool ``[N]``.
        patients: ``[N]``, patient of each image.
        least: The lower end of the interval must reach this, or nothing is said.

    Examples:
        >>> scores = np.arange(200.0)
        >>> discrimination(scores, scores >= 100, np.arange(200), 0.9)
        Discrimination(auc=1.0, low=1.0, high=1.0, higher=True, images=200)
    """
    known = ~np.isnan(scores)
    scores, group, patients = scores[known], group[known], patients[known]
    if min(len(np.unique(patients[group])), len(np.unique(patients[~group]))) < FEWEST_PATIENTS:
        return None
    value = float(auroc(scores, group, np.ones((1, len(scores))))[0])
    higher = value >= 0.5
    if max(value, 1 - value) < least:
        return None
    replicates = auroc(scores, group, patient_weights(patients, REPLICATES))
    low, high = map(float, interval(replicates if higher else 1 - replicates))
    if low < least:
        return None
    return Discrimination(value if higher else 1 - value, low, high, higher, len(scores))


def predicted(features: np.ndarray, group: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """What a logistic regression says of each image that never saw an image of its patient: probabilities ``[N]``.

    Args:
        features: float ``[N, F]``, nothing missing.
        group: bool ``[N]``, what is to be told.
        patients: ``[N]``; folds are of patients.
    """
    spread = features.std(0)
    scaled = (features - features.mean(0)) / np.where(spread > 0, spread, 1)
    design = np.concatenate([np.ones((len(group), 1)), scaled], 1)
    result = np.full(len(group), np.nan)
    for held_out in folds(patients):
        coefficients = _fit(design[~held_out], group[~held_out])
        result[held_out] = _probability(design[held_out] @ coefficients)
    return result


def rates(keys: Sequence[str], group: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Share of the group among images with the same key, from other patients than the image's own: ``[N]``.

    A key that is rare is drawn to the share among all, as if it had been seen five times more often.
    """
    _, index = np.unique(np.asarray(keys), return_inverse=True)
    result = np.full(len(group), np.nan)
    for held_out in folds(patients):
        size = index.max() + 1
        seen = np.bincount(index[~held_out], minlength=size)
        inside = np.bincount(index[~held_out], group[~held_out], minlength=size)
        result[held_out] = ((inside + 5 * group[~held_out].mean()) / (seen + 5))[index[held_out]]
    return result


def folds(patients: np.ndarray) -> list[np.ndarray]:
    """Masks ``[N]`` of the images held out in turn; those of a patient go together."""
    names, index = np.unique(patients, return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(names)) % FOLDS
    return [fold[index] == number for number in range(FOLDS) if (fold[index] == number).any()]


def _fit(design: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Newton's method for the logistic likelihood with a small ridge (Hastie et al., 2009, section 4.4)."""
    coefficients = np.zeros(design.shape[1])
    ridge = np.full(design.shape[1], 1.0)
    ridge[0] = 1e-6
    for _ in range(12):
        probability = _probability(design @ coefficients)
        slope = design.T @ (group - probability) - ridge * coefficients
        curvature = (design.T * (probability * (1 - probability))) @ design + np.diag(ridge)
        coefficients = coefficients + np.linalg.solve(curvature, slope)
    return coefficients


def _probability(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
