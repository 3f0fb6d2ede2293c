"""The score of a fixed box under many records: the basis of Shapley values, what-if curves and the viewer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import box_iou

from mdfnet.core.types import Detections
from mdfnet.explain.regions import candidates, has_regions, region_scores
from mdfnet.models.fusion.features import Features
from mdfnet.models.model import Model

SAME_BOX = 0.5  #: IoU from which on another box of the model counts as the same
BATCH = 8  #: Records in a batch of a detector without regions: bounds its memory


def box_scores(
    model: Model, features: Features, boxes: Detections, clinical: Tensor, *, found_with: Tensor | None = None
) -> Tensor:
    """The score of each fixed box of one image under each of many records.

    It is the score of the model's own box there: of all its boxes of that class, the one with the largest IoU, at least
    :data:`SAME_BOX`. A box that the model found with a record gets the detection's own score under that record.

    - A two-stage detector is read before thresholds and non-maximum suppression; where it has no such box, its second
      stage scores the box itself, so that any box has a score, a reader's, too.
    - Any other detector is read by its detections: 0 means that the box was not detected, or fell below
      ``detector.box_score``.

    Args:
        model: Any model.
        features: One image, from :meth:`mdfnet.Model.encode`.
        boxes: Boxes in image pixels and labels; their scores are not used.
        clinical: float32 ``[R, F]``, NaN = missing.
        found_with: float32 ``[F]``, the record with which the boxes were found, all NaN for none. A two-stage detector
            then searches once, and its second stage scores the same regions under all records: hundreds of times
            faster, and only the record differs, not where the model happened to look.

    Returns:
        float32 ``[R, N]`` in [0, 1], in the order of ``clinical`` and ``boxes``.

    Raises:
        ValueError: There is more than one image, or not one column per feature.

    Examples:
        >>> import mdfnet
        >>> model = mdfnet.build("tiny", size=64, box_score=0.0).eval()
        >>> image, records = model.encode([torch.rand(1, 64, 64)]), torch.full((2, 10), torch.nan)
        >>> records[1, model.schema.index("temperature")] = 38.9
        >>> (found,) = model.detect_from(image, records[1:])
        >>> scores = box_scores(model, image, found, records)
        >>> tuple(scores.shape) == (2, len(found)), torch.allclose(scores[1], found.scores, atol=1e-4)
        (True, True)
    """
    if len(features) != 1:
        raise ValueError(f"box_scores looks at one image, got {len(features)}")
    clinical, boxes = clinical.to(features.images), boxes.to(features.images.device)
    if not has_regions(model):
        return detected_scores(boxes, _detections(model, features, clinical))
    if found_with is None:
        at = [(locate(model, features, boxes, record), record[None]) for record in clinical]
    else:
        at = [(locate(model, features, boxes, found_with.to(features.images)), clinical)]
    scores = [region_scores(model, features, regions, records) for regions, records in at]
    return torch.cat(scores)[:, torch.arange(len(boxes)), boxes.labels - 1]


def finding_scores(model: Model, features: Features, clinical: Tensor, *, found_with: Tensor | None = None) -> Tensor:
    """The score of each finding of one image as a whole, the highest of any box, under each of many records.

    A two-stage detector is read before thresholds; what any other detector does not detect scores 0.

    Args:
        model, features, clinical: As :func:`box_scores`.
        found_with: float32 ``[F]``. A two-stage detector then searches with this record and without any, and its second
            stage scores the best regions under all records: hundreds of times faster. With this record and without any
            the score is the highest of the whole image, or higher where a region that only the other search found
            scores more; with other records it is the highest of these regions.

    Returns:
        float32 ``[R, classes]`` in [0, 1].
    """
    clinical = clinical.to(features.images)
    if not has_regions(model):
        none = clinical.new_zeros(len(model.classes), dtype=torch.float32)
        found = _detections(model, features, clinical)
        return torch.stack([none.scatter_reduce(0, one.labels - 1, one.scores, "amax") for one in found])
    if found_with is None:
        return torch.stack([candidates(model, features, record).scores.amax(0) for record in clinical])
    found_with = found_with.to(features.images)
    seen = [candidates(model, features, record) for record in (found_with, torch.full_like(found_with, torch.nan))]
    regions = torch.unique(torch.cat([one.regions[one.scores.argmax(0)] for one in seen]), dim=0)
    return region_scores(model, features, regions, clinical).amax(1)


def _detections(model: Model, features: Features, clinical: Tensor) -> list[Detections]:
    return [one for some in torch.split(clinical, BATCH) for one in model.detect_from(features, some)]


def locate(model: Model, features: Features, boxes: Detections, record: Tensor) -> Tensor:
    """The regions from which the second stage made these boxes of one image under a record ``[F]``.

    ``[N, 4]`` in network pixels: of all proposals, the one whose refined box of the same class has the largest IoU with
    the box; the box itself where none reaches :data:`SAME_BOX`.
    """
    seen = candidates(model, features, record)
    regions: Tensor = features.geometries[0].to_network(boxes.boxes)
    for label in torch.unique(boxes.labels).tolist() if len(seen.regions) else ():
        mine = boxes.labels == label
        overlap, best = _nearest(boxes.boxes[mine], seen.boxes[:, label - 1], seen.scores[:, label - 1])
        regions[mine] = torch.where((overlap >= SAME_BOX)[:, None], seen.regions[best], regions[mine])
    return regions


def detected_scores(boxes: Detections, found: Sequence[Detections]) -> Tensor:
    """The score of what was detected at each of N boxes, in each of several detections; 0 for nothing: ``[M, N]``."""
    scores = boxes.boxes.new_zeros(len(found), len(boxes))
    for row, one in zip(scores, found, strict=True):
        for label in torch.unique(boxes.labels).tolist():
            mine, theirs = boxes.labels == label, one.labels == label
            if theirs.any():
                overlap, best = _nearest(boxes.boxes[mine], one.boxes[theirs], one.scores[theirs])
                row[mine] = one.scores[theirs][best] * (overlap >= SAME_BOX)
    return scores


def _nearest(boxes: Tensor, others: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """For each box its largest IoU with the others and that one's index; of equals, the highest score."""
    overlap = box_iou(boxes.double(), others.double())
    best = ((overlap * 1e5).round() + scores).argmax(1)
    return overlap.gather(1, best[:, None])[:, 0], best
