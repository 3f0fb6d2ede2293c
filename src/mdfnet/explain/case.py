"""All explanations of what a model found on one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mdfnet.core.arrays import Array
from mdfnet.core.types import Detections
from mdfnet.explain.shapley import Shapley, box_shapley, finding_shapley
from mdfnet.explain.visual import Occlusion, gradient_map, occlusion
from mdfnet.explain.what_if import Curve, what_if
from mdfnet.models.fit import check_fused
from mdfnet.models.model import Model
from mdfnet.models.preprocessing import image_tensor

BOXES, CURVES = 4, 3  #: Boxes that are explained, highest scores first, and features whose curves are drawn for each


@dataclass(frozen=True)
class CaseExplanation:
    """Why a model found what it found on one image with its record."""

    image: Array  #: uint8 or uint16 ``[H, W]``
    record: Tensor  #: float32 ``[F]``, NaN = missing
    score: float  #: Boxes below it are not explained
    found: Detections  #: Detections with the record; ``found.record`` says what of it was used
    image_only: Detections  #: Detections without the record
    boxes: Detections  #: The boxes of ``found`` that are explained
    contributions: Shapley  #: What each value adds to their scores
    findings: Shapley  #: What each value adds to each finding's highest score on the image
    curves: dict[str, Curve]  #: What-if curves of all boxes, by feature: those that matter most to one of the boxes
    occlusion: Occlusion  #: What covering parts of the image does to the boxes' scores
    gradients: Tensor | None  #: float32 ``[N, H, W]`` or None, see :func:`mdfnet.explain.visual.gradient_map`


def explain_case(
    model: Model, image: Array, record: Tensor, *, score: float = 0.3, orders: int | None = None
) -> CaseExplanation:
    """Explain the boxes, from this score on, that a fused model in evaluation mode finds on one image with its record.

    Image and record are as in :class:`CaseExplanation`, ``orders`` as of :func:`mdfnet.explain.shapley.explain`.
    """
    check_fused(model.config)
    pixels = image_tensor(image)
    features = model.encode([pixels])
    (found,) = (one.without_masks() for one in model.detect_from(features, record[None]))
    (alone,) = (one.without_masks() for one in model.detect_from(features, None))
    sure = found.above(score)
    boxes = Detections(sure.boxes[:BOXES], sure.labels[:BOXES], sure.scores[:BOXES])
    contributions = box_shapley(model, features, boxes, record, orders=orders)
    names = [model.schema.names[k] for box in range(len(boxes)) for k in largest(contributions, box, CURVES)]
    return CaseExplanation(
        image,
        record,
        score,
        found.cpu(),
        alone.cpu(),
        boxes.cpu(),
        contributions,
        finding_shapley(model, features, record, orders=orders),
        {name: what_if(model, features, boxes, record, name) for name in dict.fromkeys(names)},
        occlusion(model, pixels, boxes, record),
        gradient_map(model, pixels, boxes, record),
    )


def largest(contributions: Shapley, box: int, count: int) -> list[int]:
    """The features that contribute most to a score, up or down; none that contributes nothing.

    Examples:
        >>> values = np.array([[0.1], [-0.3], [0.0]])
        >>> largest(Shapley(values, 0 * values, np.array([0.5]), np.array([0.3]), True), 0, 3)
        [1, 0]
    """
    sizes = np.abs(contributions.values[:, box])
    return [int(k) for k in np.argsort(-sizes, kind="stable")[:count] if sizes[k] > 0]
