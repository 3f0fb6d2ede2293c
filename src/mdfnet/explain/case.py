"""Everything that can be said of why a model found what it found on one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mdfnet.core.types import Detections
from mdfnet.explain.importance import check_fused
from mdfnet.explain.shapley import Shapley, box_shapley, finding_shapley
from mdfnet.explain.visual import Occlusion, gradient_map, occlusion
from mdfnet.explain.what_if import Curve, what_if
from mdfnet.models.model import Model
from mdfnet.models.preprocessing import image_tensor

#: Boxes that are explained, the surest first, and features whose curves are drawn for each.
BOXES, CURVES = 4, 3


@dataclass(frozen=True)
class CaseExplanation:
    """One image with its record, explained.

    Args:
        image: uint8 or uint16 ``[H, W]``.
        record: float32 ``[F]``, NaN = missing.
        score: Below it nothing is explained.
        found: What the model found with the record; ``found.record`` says what it used of it.
        image_only: What it found without.
        boxes: The boxes that are explained, of ``found``.
        told: What each value adds to their scores.
        findings: What each value adds to each finding's highest score on the image.
        curves: What-if curves of all boxes, by feature, of those that matter most to one of them.
        occlusion: What covering parts of the image does to the boxes' scores.
        gradients: float32 ``[N, H, W]`` or None, see :func:`mdfnet.explain.visual.gradient_map`.
    """

    image: np.ndarray
    record: Tensor
    score: float
    found: Detections
    image_only: Detections
    boxes: Detections
    told: Shapley
    findings: Shapley
    curves: dict[str, Curve]
    occlusion: Occlusion
    gradients: Tensor | None


def explain_case(
    model: Model, image: np.ndarray, record: Tensor, *, score: float = 0.3, orders: int | None = None
) -> CaseExplanation:
    """Explain the boxes that a model finds on one image with its record.

    Args:
        model: A fused one, in evaluation mode.
        image: uint8 or uint16 ``[H, W]``, as read.
        record: float32 ``[F]``, NaN = missing.
        score: Boxes below this score are not explained.
        orders: As :func:`mdfnet.explain.shapley.explain`.

    Raises:
        UserError: The model looks at images alone.
    """
    check_fused(model)
    picture = image_tensor(image)
    features = model.encode([picture])
    (found,) = (one.without_masks() for one in model.detect_from(features, record[None]))
    (alone,) = (one.without_masks() for one in model.detect_from(features, None))
    sure = found.above(score)
    boxes = Detections(sure.boxes[:BOXES], sure.labels[:BOXES], sure.scores[:BOXES])
    told = box_shapley(model, features, boxes, record, orders=orders)
    names = [model.schema.names[k] for box in range(len(boxes)) for k in largest(told, box, CURVES)]
    return CaseExplanation(
        image,
        record,
        score,
        found.cpu(),
        alone.cpu(),
        boxes.cpu(),
        told,
        finding_shapley(model, features, record, orders=orders),
        {name: what_if(model, features, boxes, record, name) for name in dict.fromkeys(names)},
        occlusion(model, picture, boxes, record),
        gradient_map(model, picture, boxes, record),
    )


def largest(told: Shapley, box: int, count: int) -> list[int]:
    """The features that add most to a score, one way or the other; none that adds nothing.

    Examples:
        >>> values = np.array([[0.1], [-0.3], [0.0]])
        >>> largest(Shapley(values, 0 * values, np.array([0.5]), np.array([0.3]), True), 0, 3)
        [1, 0]
    """
    sizes = np.abs(told.values[:, box])
    return [int(k) for k in np.argsort(-sizes, kind="stable")[:count] if sizes[k] > 0]
