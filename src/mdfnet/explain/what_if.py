"""What a model would say with another value: scores against one feature, all others fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mdfnet.clinical.schema import Feature
from mdfnet.clinical.standardize import Standardizer
from mdfnet.core.types import Detections
from mdfnet.explain.scores import box_scores
from mdfnet.models.fusion.features import Features
from mdfnet.models.model import Model

POINTS = 41  #: Values of a numeric feature that a curve has
BEYOND = 0.15  #: How far a curve goes beyond the range of training, as a share of that range


@dataclass(frozen=True)
class Curve:
    """Scores of N boxes against V values of a feature. It shows the model's sensitivity, not a causal effect.

    Args:
        feature: Whose values.
        values: float64 ``[V]``, in the schema's unit, or indices of categories.
        scores: float64 ``[V, N]``.
        missing: float64 ``[N]``, the scores where the value is missing.
        own: The record's own value, NaN where missing.
        outside: bool ``[V]``, whether no training image had such a value; all False where that is not known.
        density: float64 ``[V]``, how common the value was in training, 1 at the most common: a normal curve with the
            mean and deviation of training, 0 outside of its range; a model keeps no more than these three. None for
            categories, and where nothing was fitted.
    """

    feature: Feature
    values: np.ndarray
    scores: np.ndarray
    missing: np.ndarray
    own: float
    outside: np.ndarray
    density: np.ndarray | None


def what_if(model: Model, features: Features, boxes: Detections, record: Tensor, name: str) -> Curve:
    """Scores of fixed boxes of one image while one value of the record changes.

    A number covers the range of training and :data:`BEYOND` it, within the plausible range; a category covers all its
    names. Values that contradict the rest of the record, which the model would refuse, are left out.

    Args:
        model, features, boxes: As :func:`mdfnet.explain.scores.box_scores`.
        record: float32 ``[F]``, NaN = missing, with which the boxes are found.
        name: Of the feature.

    Raises:
        UserError: The model has no such feature.

    Examples:
        >>> import mdfnet
        >>> model = mdfnet.build("tiny", size=64, box_score=0.0).eval()
        >>> image, record = model.encode([torch.rand(1, 64, 64)]), torch.full((10,), torch.nan)
        >>> (found,) = model.detect_from(image, record[None])
        >>> curve = what_if(model, image, found, record, "temperature")
        >>> curve.values[[0, -1]].tolist(), curve.scores.shape == (41, len(found))
        ([25.0, 45.0], True)
    """
    at = model.schema.index(name)
    feature, record = model.schema.features[at], record.to(features.images)
    asked = torch.from_numpy(_values(feature, model.fitted, at, float(record[at]))).to(record)
    records = record.repeat(len(asked) + 1, 1)
    records[:-1, at], records[-1, at] = asked, torch.nan
    kept = ~model.screen(records)[:, at].isnan()
    kept[-1] = True
    records = records[kept]
    values = records[:-1, at].double().cpu().numpy()
    scores = box_scores(model, features, boxes, records, found_with=record).double().cpu().numpy()
    outside, density = _known_of(feature, model.fitted, at, values)
    return Curve(feature, values, scores[:-1], scores[-1], float(record[at]), outside, density)


def _values(feature: Feature, fitted: Standardizer, at: int, own: float) -> np.ndarray:
    if feature.kind == "category":
        return np.arange(len(feature.categories), dtype=np.float32)
    low, high = feature.low, feature.high
    if fitted.seen is not None and fitted.seen[at]:
        first, last = fitted.seen[at]
        beyond = BEYOND * (last - first)
        low, high = max(low, first - beyond), min(high, last + beyond)
    values = np.linspace(low, high, POINTS, dtype=np.float32)
    inside = feature.low <= own <= feature.high
    return np.unique(np.append(values, np.float32(own))) if inside else values


def _known_of(
    feature: Feature, fitted: Standardizer, at: int, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Which values training never had, and how usual the others were."""
    if fitted.seen is None:
        return np.zeros(len(values), bool), None
    seen = fitted.seen[at]
    if feature.kind == "category" or not seen:
        return ~np.isin(values, seen), None
    low, high = map(np.float32, seen)
    outside = (values < low) | (values > high)
    density = np.exp(-(((values - fitted.mean[at]) / fitted.std[at]) ** 2) / 2)
    return outside, np.where(outside, 0.0, density)
