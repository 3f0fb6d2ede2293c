"""The score of a fixed box under many records: what Shapley values, what-if curves and the viewer are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import box_iou

from mdfnet.core.types import Detections
from mdfnet.explain.regions import candidates, has_regions, region_scores
from mdfnet.models.fusion.features import Features
from mdfnet.models.model import Model

#: IoU from which on something else that the model sees counts as the box itself.
SAME_BOX = 0.5

#: Records that a detector without regions looks at together: bounds its memory.
BATCH = 8


def box_scores(
    model: Model, features: Features, boxes: Detections, clinical: Tensor, *, found_with: Tensor | None = None
) -> Tensor:
    """The score of each fixed box of one image under each of many records.

    The score is that of what the model has at the box: of all it sees of the box's class, what overlaps it most, by an
    IoU of :data:`SAME_BOX` at least. A box that the model found with a record gets the detection's own score under it.

    - A two-stage detector is asked before thresholds and non-maximum suppression; where it sees nothing at the box, its
      second stage is sent there, so that any box has a score, a reader's, too.
    - Any other detector is asked by what it detects: 0 means that the box was not detected, or fell below
      ``detector.box_score``.

    Args:
        model: Any model.
        features: One image, from :meth:`mdfnet.Model.encode`.
        boxes: Boxes in image pixels and labels; their scores are not looked at.
        clinical: float32 ``[R, F]``, NaN = missing.
        found_with: float32 ``[F]``, the record with which the boxes were found, all NaN where with none. A two-stage
            detector then looks for them once, and its second stage at the same places under all records: hundreds of
            times quicker, and what differs is the record alone, not where the model happened to look.

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

    A two-stage detector is looked at before thresholds; what any other detector does not detect scores 0.

    Args:
        model, features, clinical: As :func:`box_scores`.
        found_with: float32 ``[F]``. A two-stage detector then looks for places with this record and without any, and
            its second stage at those that score highest, under all records: hundreds of times quicker. With that record
            and without any the score is the highest of the whole image, or higher where a place that only the other of
            the two led to scores more; with others it is the highest at these places.

    Returns:
        float32 ``[R, classes]`` in [0, 1].
    """
    clinical = clinical.to(features.images)
    if not has_regions(model):
        found = _detections(model, features, clinical)
        return torch.stack([_highest(one, len(model.classes)) for one in found])
    if found_with is None:
        return torch.stack([candidates(model, features, record).scores.amax(0) for record in clinical])
    found_with = found_with.to(features.images)
    seen = [candidates(model, features, record) for record in (found_with, torch.full_like(found_with, torch.nan))]
    places = torch.cat([one.regions[one.scores.argmax(0)] for one in seen]).unique(dim=0)
    return region_scores(model, features, places, clinical).amax(1)


def _detections(model: Model, features: Features, clinical: Tensor) -> list[Detections]:
    return [one for some in clinical.split(BATCH) for one in model.detect_from(features, some)]


def _highest(found: Detections, classes: int) -> Tensor:
    scores = found.scores.new_zeros(classes)
    return scores.scatter_reduce(0, found.labels - 1, found.scores, "amax")


def locate(model: Model, features: Features, boxes: Detections, record: Tensor) -> Tensor:
    """Where the second stage looked when it gave these boxes of one image under a record ``[F]``.

    Returns:
        float32 ``[N, 4]`` in network pixels: of all proposals, that whose box of the box's class overlaps it most; the
        box itself where none does by :data:`SAME_BOX`.
    """
    seen = candidates(model, features, record)
    regions = features.geometries[0].to_network(boxes.boxes)
    for label in boxes.labels.unique().tolist() if len(seen.regions) else ():
        mine = boxes.labels == label
        overlap, best = _nearest(boxes.boxes[mine], seen.boxes[:, label - 1], seen.scores[:, label - 1])
        regions[mine] = torch.where((overlap >= SAME_BOX)[:, None], seen.regions[best], regions[mine])
    return regions


def detected_scores(boxes: Detections, found: Sequence[Detections]) -> Tensor:
    """The score of what a detector found at each box, for each of several findings of one image; 0 where nothing.

    Returns:
        float32 ``[len(found), N]``.
    """
    scores = boxes.boxes.new_zeros(len(found), len(boxes))
    for row, one in zip(scores, found, strict=True):
        for label in boxes.labels.unique().tolist():
            mine, theirs = boxes.labels == label, one.labels == label
            if theirs.any():
                overlap, best = _nearest(boxes.boxes[mine], one.boxes[theirs], one.scores[theirs])
                row[mine] = one.scores[theirs][best] * (overlap >= SAME_BOX)
    return scores


def _nearest(boxes: Tensor, others: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """For each box the largest IoU with any of the others and that one's index; of equals, the one scored highest."""
    overlap = box_iou(boxes.double(), others.double())
    best = ((overlap * 1e5).round() + scores).argmax(1)
    return overlap.gather(1, best[:, None])[:, 0], best
