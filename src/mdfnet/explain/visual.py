"""Which parts of an image a box's score depends on: by covering them, and by gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mdfnet.core.types import Detections
from mdfnet.explain.regions import has_regions, region_gradients, region_scores
from mdfnet.explain.scores import detected_scores, locate
from mdfnet.models.model import Model

GRID, BATCH = 14, 14  #: Cells per side of an occlusion map, and covered images in a batch
SMOOTH = 1 / 24  #: A gradient map is smoothed over this share of the image's side: gradients of single pixels are noise


@dataclass(frozen=True)
class Occlusion:
    """What covering parts of an image does to the scores of N boxes."""

    scores: Tensor  #: float32 ``[N]``, on the whole image
    #: float32 ``[N, GRID, GRID]``, how far the score drops when the cell is covered: the mean over the patches that
    #: cover it. Negative where covering raises the score
    drops: Tensor


def occlusion(model: Model, image: Tensor, boxes: Detections, record: Tensor) -> Occlusion:
    """Cover an image with patches of its mean gray, two cells a side, one at a time (Zeiler and Fergus, ECCV 2014).

    The image is ``[1 or 3, H, W]`` in [0, 1], its boxes in its pixels and found with the record ``[F]``. A two-stage
    detector scores the same regions of all covered images.

    Examples:
        >>> import mdfnet
        >>> model, image = mdfnet.build("tiny", size=64, box_score=0.0).eval(), torch.rand(1, 64, 64)
        >>> record = torch.full((10,), torch.nan)
        >>> (found,) = model.detect([image], record[None])
        >>> occlusion(model, image, found, record).drops.shape[1:]
        torch.Size([14, 14])
    """
    device = next(model.parameters()).device
    image, record, boxes = image.to(device), record.to(device), boxes.to(device)
    whole = model.encode([image])
    regions = locate(model, whole, boxes, record) if has_regions(model) else None
    rows, columns = (torch.linspace(0, side, GRID + 1).round().int().tolist() for side in image.shape[-2:])
    covers = [(slice(i, i + 2), slice(j, j + 2)) for i in range(GRID - 1) for j in range(GRID - 1)]

    def scores(images: list[Tensor]) -> Tensor:
        features, records = model.encode(images), record.repeat(len(images), 1)
        if regions is None:
            return detected_scores(boxes, model.detect_from(features, records))
        found = region_scores(model, features, regions, records)
        return found[:, torch.arange(len(boxes)), boxes.labels - 1]

    fallen, times = torch.zeros(len(boxes), GRID, GRID), torch.zeros(GRID, GRID)
    (before,) = scores([image]).cpu()
    for start in range(0, len(covers), BATCH):
        some = covers[start : start + BATCH]
        images = [image.clone() for _ in some]
        for covered, (i, j) in zip(images, some, strict=True):
            covered[:, rows[i.start] : rows[i.stop], columns[j.start] : columns[j.stop]] = image.mean()
        for (i, j), after in zip(some, scores(images).cpu(), strict=True):
            fallen[:, i, j] += (before - after)[:, None, None]
            times[i, j] += 1
    return Occlusion(before, fallen / times)


def gradient_map(model: Model, image: Tensor, boxes: Detections, record: Tensor) -> Tensor | None:
    """How much each part of an image changes the log odds of each box's class, for small changes of gray.

    From what :func:`occlusion` takes; ``[N, H, W]``, smoothed, at most 1; None for detectors that do not score regions.
    """
    if not has_regions(model) or not len(boxes):
        return None
    device = next(model.parameters()).device
    features, record, boxes = model.encode([image]), record.to(device), boxes.to(device)
    regions = locate(model, features, boxes, record)
    gradients = region_gradients(model, features, regions, boxes.labels, record)[:, None]
    geometry, size = features.geometries[0], gradients.shape[-1]
    width = max(1, round(SMOOTH * size)) // 2 * 2 + 1
    for _ in range(2):
        gradients = F.avg_pool2d(gradients, width, 1, width // 2, count_include_pad=False)
    (left, top), (across, down) = geometry.offset, geometry.inner
    inner = gradients[:, :, top : top + down, left : left + across]
    on_image = F.interpolate(inner, (geometry.height, geometry.width), mode="bilinear")[:, 0].cpu()
    return on_image / on_image.amax((1, 2), keepdim=True).clamp(min=1e-12)
