"""What a model would have said with another value: scores against one feature, all others fixed."""

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

#: Values of a number that a curve asks for.
POINTS = 41

#: How far a curve goes beyond what training saw, as a share of that range.
BEYOND = 0.15


@dataclass(frozen=True)
class Curve:
    """Scores of N boxes against V values of a feature. It shows the model's sensitivity, not what the value causes.

    Args:
        feature: Whose values.
        values: float64 ``[V]``, in the schema's unit, or indices of categories.
        scores: float64 ``[V, N]``.
        missing: float64 ``[N]``, the scores where the value is missing.
        own: The record's own value, NaN where missing.
        outside: bool ``[V]``, whether no training image had such a value; all False where that is not known.
        density: float64 ``[V]``, how usual the value was in training, 1 at the most usual: a normal curve with
            training's mean and deviation, 0 outside of what training saw. None for categories, and where nothing was
            fitted. Of training a model keeps no more than mean, deviation and range.
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

    A number goes over what training saw and :data:`BEYOND` that, within the plausible range; a category over all its
    names. Values that contradict the rest of the record, which the model would refuse, are left out.

    Args:
        model, features, boxes: As :func:`mdfnet.explain.scores.box_scores`.
        record: float32 ``[F]``, NaN = missing; the boxes are looked for with it.
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
    values = torch.from_numpy(_values(feature, model.fitted, at, float(record[at]))).to(record)
    records = record.repeat(len(values) + 1, 1)
    records[:-1, at], records[-1, at] = values, torch.nan
    taken = ~model.screen(records)[:, at].isnan()
    records, values = records[torch.cat([taken[:-1], taken.new_ones(1)])], values[taken[:-1]].double().cpu().numpy()
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
    low, high = np.float32(seen)
    outside = (values < low) | (values > high)
    density = np.exp(-(((values - fitted.mean[at]) / fitted.std[at]) ** 2) / 2)
    return outside, np.where(outside, 0.0, density)
