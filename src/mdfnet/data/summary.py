"""What is in a dataset, in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdfnet.clinical.schema import Feature
from mdfnet.core.arrays import Floats
from mdfnet.core.conventions import SPLITS
from mdfnet.core.types import Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.names import UNSPLIT


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs in a split: images that show it, and boxes."""

    images: int
    boxes: int


@dataclass(frozen=True)
class FeatureSummary:
    """How one clinical feature is distributed in a split."""

    known: int  #: Images with a value
    missing: float  #: Share of images without one, in [0, 1]
    #: Of a number, in its unit (standard deviation with n - 1); NaN where undefined
    mean: float = math.nan
    sd: float = math.nan
    low: float = math.nan
    median: float = math.nan
    high: float = math.nan
    shares: dict[str, float] | None = None  #: Of a category: share of each among the known values


@dataclass(frozen=True)
class SplitSummary:
    """One split in numbers: images, images with boxes, patients, classes by name, clinical features by name."""

    images: int
    boxed: int
    patients: int
    classes: dict[str, ClassCount]
    clinical: dict[str, FeatureSummary]


def summarize(dataset: Dataset) -> dict[str, SplitSummary]:
    """Summary of each split that has images, in the order train, val, test, unsplit."""
    splits = {name: [sample for sample in dataset.samples if sample.split == name] for name in SPLITS}
    splits[UNSPLIT] = [sample for sample in dataset.samples if sample.split is None]
    return {name: _summarize_split(dataset, samples) for name, samples in splits.items() if samples}


def _summarize_split(dataset: Dataset, samples: Sequence[Sample]) -> SplitSummary:
    labels = [sample.target.labels for sample in samples]
    classes = {
        name: ClassCount(sum(label in found for found in labels), sum(int((found == label).sum()) for found in labels))
        for label, name in enumerate(dataset.classes.names, 1)
    }
    values = np.stack([sample.clinical for sample in samples]).astype(np.float64)
    clinical = {
        feature.name: summarize_feature(feature, values[:, index])
        for index, feature in enumerate(dataset.schema.features)
    }
    boxed, patients = sum(len(found) > 0 for found in labels), len({sample.patient for sample in samples})
    return SplitSummary(len(samples), boxed, patients, classes, clinical)


def summarize_feature(feature: Feature, values: Floats) -> FeatureSummary:
    """Describe the values ``[N]`` of one feature, NaN = missing.

    Examples:
        >>> from mdfnet.clinical.schema import NumberFeature
        >>> age = NumberFeature(name="age", unit="a", low=0, high=120, meaning="Age")
        >>> found = summarize_feature(age, np.array([50, 60, 70, np.nan]))
        >>> found.known, found.missing, found.mean, found.sd, found.median
        (3, 0.25, 60.0, 10.0, 60.0)
    """
    known = values[~np.isnan(values)]
    count, missing = len(known), 1 - len(known) / len(values)
    if feature.kind == "category":
        shares = {
            name: float(np.mean(known == index)) if count else 0.0 for index, name in enumerate(feature.categories)
        }
        return FeatureSummary(count, missing, shares=shares)
    if not count:
        return FeatureSummary(count, missing)
    deviation = known.std(ddof=1) if count > 1 else np.nan
    mean, low, median, high = known.mean(), known.min(), np.median(known), known.max()
    return FeatureSummary(count, missing, float(mean), float(deviation), float(low), float(median), float(high))
