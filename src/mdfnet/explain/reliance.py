"""Does a fused model use image and record, only one of them, or is it misled? A test over a set of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections, Sample
from mdfnet.data.images.read import read_sample_image
from mdfnet.explain.importance import REPLICATES, Estimate
from mdfnet.explain.scores import finding_scores
from mdfnet.metrics.average_precision import average_precision, mean_over_classes
from mdfnet.metrics.bootstrap import interval, patient_weights
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.images import auroc
from mdfnet.metrics.matching import match
from mdfnet.models.fit import check_fused
from mdfnet.models.fusion.features import Features
from mdfnet.models.model import Model
from mdfnet.models.preprocessing import image_tensor

SHUFFLES = 5  #: How often records are shuffled

#: Mean change of a score, in score points, below which a model counts as not reacting to another patient's record.
REACTS = 0.02

#: Share of a finding's AUROC above chance that the record alone may keep, and what its interval must exceed: judgments.
#: Records that are informative of a disease may well keep half without any image.
ALONE, SURELY_ALONE = 0.8, 0.5

#: What a model gets: the image's own record, another patient's, none, or the record without the image.
CONDITIONS = ("own", "shuffled", "missing", "no image")


@dataclass(frozen=True)
class Reliance:
    """What remains of a model's performance when one of its two sources is taken away."""

    classes: Classes  #: The findings
    images: int
    patients: int
    #: AP at IoU 0.5, arrays ``[4 conditions, classes + 1]`` in the order of :data:`CONDITIONS`; last the mean
    ap: Estimate
    auroc: Estimate  #: AUROC of each finding's highest score on an image, the same way
    ap_gain: Estimate  #: ``[3, classes + 1]``, AP with the own record minus that under each other condition, paired
    #: ``[classes + 1]``, (AUROC without the image - 0.5) / (AUROC - 0.5): the share of the distance from chance that
    #: the record alone keeps
    kept: Estimate
    reaction: Array  #: ``[classes]``, mean absolute change of a finding's score with another patient's record
    #: What is wrong, see :func:`alarms_of` -> the findings that show it; none where it is about all together
    alarms: dict[str, tuple[str, ...]]


#: What an alarm means, by its name.
ALARMS = {
    "learnt-nothing": "fusion has learned nothing: another patient's record changes neither scores nor performance",
    "misled": "the model follows the record without being better for it on these images",
    "record-alone": "the model leans on the record alone: with the image blanked out it knows nearly as much",
}


def reliance(
    model: Model,
    samples: Sequence[Sample],
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Reliance:
    """Score a fused model with each patient's own record, with another patient's, with none, and without the image.

    Records are passed around a circle of the patients, of whom there must be two, in random order, so that no patient
    keeps their own; scores are means over several shuffles. An image is blanked out with its mean gray. ``tick`` is
    called after each image.
    """
    check_fused(model.config)
    records = _records(samples, shuffles, np.random.default_rng(seed))  # [conditions but the last, images, F]
    found: list[list[Detections]] = []
    scores = []
    for index, sample in enumerate(samples):
        image = image_tensor(read_sample_image(sample))
        features, given = model.encode([image]), torch.from_numpy(records[:, index])
        blank = model.encode([torch.full_like(image, float(image.mean()))])
        found.append([*_detections(model, features, given), *_detections(model, blank, given[:1])])
        scores.append(
            torch.cat([finding_scores(model, features, given), finding_scores(model, blank, given[:1])]).cpu().numpy()
        )
        tick()
    weights = patient_weights([sample.patient for sample in samples], REPLICATES, seed)
    weights = np.concatenate([np.ones((1, len(samples))), weights])
    runs = [list(run) for run in zip(*found, strict=True)]
    ap = _over_conditions([_aps(run, samples, model.classes, weights) for run in runs], shuffles)
    by_run = np.stack(scores, 1).astype(np.float64)  # [conditions, images, classes]
    aurocs = _over_conditions([_aurocs(run, samples, weights) for run in by_run], shuffles)
    return _judged(model.classes, samples, ap, aurocs, np.abs(by_run[1 : 1 + shuffles] - by_run[0]).mean((0, 1)))


def alarms_of(classes: Sequence[str], ap_gain: Estimate, kept: Estimate, reaction: Array) -> dict[str, tuple[str, ...]]:
    """Which of :data:`ALARMS` hold, and the findings that show it, unless it is about all together.

    - ``learnt-nothing``: no gain of mean AP over shuffled records is shown, and no finding reacts by :data:`REACTS`.
    - ``misled``: no such gain is shown, or none over missing records, though some finding reacts; or a finding's AP is
      shown to be lower with the own record than without one.
    - ``record-alone``: for a finding (or the mean) at least :data:`ALONE` is kept without the image, and the interval
      lies above :data:`SURELY_ALONE`.
    """
    reacts = reaction >= REACTS
    over_shuffled, over_missing = ap_gain.low[0, -1] > 0, ap_gain.low[1, -1] > 0
    worse = [name for name, high, moved in zip(classes, ap_gain.high[1], reacts, strict=False) if high < 0 and moved]
    alone = (kept.value >= ALONE) & (kept.low > SURELY_ALONE)
    alarms: dict[str, tuple[str, ...]] = {}
    if not over_shuffled and not reacts.any():
        alarms["learnt-nothing"] = ()
    elif not (over_shuffled and over_missing) or worse:
        alarms["misled"] = tuple(worse)
    if alone.any():
        alarms["record-alone"] = tuple(name for name, one in zip(classes, alone, strict=False) if one)
    return alarms


def shuffled_rows(patients: Sequence[str], random: np.random.Generator) -> Array:
    """For each image the row of an image of another patient, the next one in a random circle.

    Examples:
        >>> shuffled_rows(["a", "a", "b"], np.random.default_rng(0))[:2].tolist()
        [2, 2]
    """
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    circle = random.permutation(len(names))
    following = np.empty_like(circle)
    following[circle] = np.roll(circle, -1)
    rows = [np.flatnonzero(index == patient) for patient in range(len(names))]
    return np.array([random.choice(rows[following[patient]]) for patient in index])


def _records(samples: Sequence[Sample], shuffles: int, random: np.random.Generator) -> Array:
    patients = [sample.patient for sample in samples]
    if len(set(patients)) < 2:
        raise UserError("records of one patient cannot be shuffled", fix="give images of several patients")
    own = np.stack([sample.clinical for sample in samples])
    others = [own[shuffled_rows(patients, random)] for _ in range(shuffles)]
    return np.stack([own, *others, np.full_like(own, np.nan)])


def _detections(model: Model, features: Features, records: torch.Tensor) -> list[Detections]:
    return [found.without_masks().cpu() for found in model.detect_from(features, records)]


def _aps(found: Sequence[Detections], samples: Sequence[Sample], classes: Classes, weights: Array) -> Array:
    """AP at IoU 0.5 under each row of weights, ``[R, classes]``."""
    cases = Cases.of(found, [sample.target for sample in samples], len(classes), [sample.id for sample in samples])
    return average_precision(match(cases, thresholds=(0.5,)), weights)[:, 0]


def _aurocs(scores: Array, samples: Sequence[Sample], weights: Array) -> Array:
    """AUROC of each class under each row of weights, ``[R, classes]``."""
    labels = range(1, scores.shape[1] + 1)
    present = np.stack([np.isin(labels, sample.target.labels) for sample in samples])
    return np.stack([auroc(*column, weights) for column in zip(scores.T, present.T, strict=True)], 1)


def _over_conditions(runs: Sequence[Array], shuffles: int) -> Array:
    """Runs ``[R, classes]`` -> ``[4 conditions, R, classes + 1]``, last the mean; all shuffles are one condition."""
    runs = [np.column_stack([by_class, mean_over_classes(by_class)]) for by_class in runs]
    return np.stack([runs[0], np.mean(runs[1 : 1 + shuffles], 0), runs[-2], runs[-1]])


def _judged(classes: Classes, samples: Sequence[Sample], ap: Array, aurocs: Array, reaction: Array) -> Reliance:
    above = np.where(aurocs[0] == 0.5, np.nan, aurocs[0] - 0.5)  # at chance there is no share to keep
    shares = (aurocs[3] - 0.5) / above
    kept = Estimate(shares[0], *interval(shares[1:]))
    gain = _estimate(ap[0] - ap[1:])
    patients = len({sample.patient for sample in samples})
    alarms = alarms_of(classes.names, gain, kept, reaction)
    return Reliance(classes, len(samples), patients, _estimate(ap), _estimate(aurocs), gain, kept, reaction, alarms)


def _estimate(replicates: Array) -> Estimate:
    """From ``[conditions, R, ...]``; the first replicate is the value itself."""
    return Estimate(replicates[:, 0], *interval(np.moveaxis(replicates[:, 1:], 1, 0)))
