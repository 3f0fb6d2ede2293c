"""Which clinical values matter for which finding, over a set of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mdfnet.core.arrays import Array, Bools
from mdfnet.core.types import Classes, Sample
from mdfnet.data.images.read import read_sample_image
from mdfnet.explain.scores import finding_scores
from mdfnet.explain.shapley import finding_shapley
from mdfnet.metrics.bootstrap import interval, normal_interval, patient_weights
from mdfnet.models.fit import check_fused
from mdfnet.models.fusion.features import Features
from mdfnet.models.model import Model
from mdfnet.models.preprocessing import image_tensor

REPLICATES = 1000  #: Replicates of the bootstrap over patients
DONORS = 4  #: Other patients whose values replace an image's own, each feature by itself


@dataclass(frozen=True)
class ExplainedImages:
    """Shapley values of the findings of a set of images."""

    classes: Classes  #: The findings
    features: tuple[str, ...]  #: Names of the clinical features
    values: Array  #: float64 ``[images, F, classes]``, in score points
    #: float64 ``[images, F, classes]``, how far the score drops when the value is exchanged for that of another
    #: patient, all else unchanged: the mean over :data:`DONORS` of them; 0 where the value is missing
    exchanged: Array
    baseline: Array  #: float64 ``[images, classes]``, scores without records
    full: Array  #: float64 ``[images, classes]``, scores with them
    annotated: Bools  #: bool ``[images, classes]``, whether the ground truth has the finding
    patients: tuple[str, ...]  #: Of each image
    exact: bool  #: Whether all coalitions were evaluated


@dataclass(frozen=True)
class Estimate:
    """Numbers with their 95 % intervals over patients, arrays of one shape; NaN where undefined."""

    value: Array
    low: Array
    high: Array

    @property
    def shown(self) -> Array:
        """Where the interval excludes zero."""
        return (self.low > 0) | (self.high < 0)


@dataclass(frozen=True)
class Importance:
    """How much each clinical value matters for one finding."""

    finding: str
    images: int
    positives: int  #: How many of the images have the finding
    size: Estimate  #: ``[F]``, mean absolute Shapley value: how much the score moves, rightly or not. Never negative
    #: ``[F]``, mean Shapley value of images with the finding minus that of images without: what knowing the feature
    #: adds to the gap between the two
    effect: Estimate
    #: ``[F]``, how far that gap shrinks when the value is exchanged for another patient's: what the value itself
    #: contributes. Zero for a feature unrelated to the finding, whereas merely knowing one may make a model trust the
    #: rest of the record more, which Shapley values count, too
    discrimination: Estimate
    image: Estimate  #: ``[]``, what the image alone adds to that gap; image and effects add up to it
    gap: Estimate  #: ``[]``, mean score of images with the finding minus that of images without


def explain_images(
    model: Model,
    samples: Sequence[Sample],
    *,
    orders: int | None = None,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> ExplainedImages:
    """Shapley values of all findings of all images by a fused model; annotations do not enter them.

    ``orders`` are as of :func:`mdfnet.explain.shapley.explain`; the seed is also that of the choice of other patients.
    ``tick`` is called after each image.
    """
    check_fused(model.config)
    donors, shapley, exchanged = list(_donors(samples, np.random.default_rng(seed))), [], []
    for sample, others in zip(samples, donors, strict=True):
        features, record = model.encode([image_tensor(read_sample_image(sample))]), torch.from_numpy(sample.clinical)
        shapley.append(finding_shapley(model, features, record, orders=orders, seed=seed))
        exchanged.append(_exchanged(model, features, record, others))
        tick()
    labels = np.arange(1, len(model.classes) + 1)
    return ExplainedImages(
        model.classes,
        model.schema.names,
        np.stack([one.values for one in shapley]),
        np.stack(exchanged),
        np.stack([one.baseline for one in shapley]),
        np.stack([one.full for one in shapley]),
        np.stack([np.isin(labels, sample.target.labels) for sample in samples]),
        tuple(sample.patient for sample in samples),
        all(one.exact for one in shapley),
    )


def importance(
    explained: ExplainedImages, finding: str, against: str | None = None, among: Array | None = None
) -> Importance:
    """How much each clinical value matters for a finding, with intervals over patients.

    Args:
        explained, finding: From :func:`explain_images`, and the name of a class.
        against: Name of another: only images with exactly one of the two count, which shows what tells look-alikes
            apart. Default: all images, against those without the finding.
        among: bool ``[images]``, a further selection of images.
    """
    column = explained.classes.label(finding) - 1
    positive = explained.annotated[:, column]
    kept = np.ones(len(positive), bool) if among is None else among
    if against is not None:
        kept = kept & (positive != explained.annotated[:, explained.classes.label(against) - 1])
    patients = [patient for patient, keep in zip(explained.patients, kept, strict=True) if keep]
    values, positive = explained.values[kept, :, column], positive[kept]
    ends = np.stack([explained.baseline[kept, column], explained.full[kept, column]], 1)
    if not patients:
        many, single = (Estimate(*(np.full(shape, np.nan),) * 3) for shape in (values.shape[1], ()))
        return Importance(finding, 0, 0, many, many, many, single, single)
    weights = np.concatenate([np.ones((1, len(patients))), patient_weights(patients, REPLICATES)])
    image, gap = _gaps(ends, positive, weights).T
    size = weights @ np.abs(values) / weights.sum(1, keepdims=True)
    return Importance(
        finding,
        len(patients),
        int(positive.sum()),
        Estimate(size[0], *interval(size[1:])),
        _estimate(_gaps(values, positive, weights)),
        _estimate(_gaps(explained.exchanged[kept, :, column], positive, weights)),
        _estimate(image),
        _estimate(gap),
    )


def _donors(samples: Sequence[Sample], random: np.random.Generator) -> Iterator[Array]:
    """For each image values of other patients, ``[DONORS, F]``; NaN where no other has one."""
    records, patients = np.stack([one.clinical for one in samples]), np.array([one.patient for one in samples])
    for sample in samples:
        values = np.full((DONORS, records.shape[1]), np.nan, np.float32)
        for column in range(records.shape[1]):
            known = records[(patients != sample.patient) & ~np.isnan(records[:, column]), column]
            if len(known):
                values[:, column] = random.choice(known, DONORS)
        yield values


def _exchanged(model: Model, features: Features, record: Tensor, others: Array) -> Array:
    """How far each finding's score drops on average with one value exchanged, ``[F, classes]``."""
    count = len(record)
    records = record.repeat(count, DONORS, 1)  # [F, DONORS, F]
    each = torch.arange(count)
    records[each, :, each] = torch.from_numpy(others).T
    records = torch.cat([record[None], records.flatten(0, 1)])
    scores = finding_scores(model, features, records, found_with=record).double().cpu().numpy()
    drops = scores[0] - scores[1:].reshape(count, DONORS, -1)
    unknown = np.isnan(record.numpy() + others).any(0)
    return np.where(unknown, 0.0, drops.mean(1).T).T


def _gaps(columns: Array, positive: Bools, weights: Array) -> Array:
    """Weighted mean over positives minus that over the rest, ``[R, columns]``; NaN where one of the two is empty."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sides = (weights * positive, weights * ~positive)
        inside, outside = (side @ columns / side.sum(1, keepdims=True) for side in sides)
    difference: Array = inside - outside
    return difference


def _estimate(replicates: Array) -> Estimate:
    """Of differences of means, the first row being the value itself; of few images percentiles are too narrow."""
    return Estimate(replicates[0], *normal_interval(replicates[0], replicates[1:]))
