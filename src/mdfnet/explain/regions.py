"""What a two-stage detector of torchvision says of any region of a film, under as many records as wanted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from mdfnet.detectors.base import mode_of
from mdfnet.detectors.torchvision import TorchvisionDetector
from mdfnet.fusion.attach import maps_of
from mdfnet.fusion.encoder import Patients
from mdfnet.fusion.features import Features, replayed
from mdfnet.fusion.maps import Added, resized
from mdfnet.model import Model

#: Bytes that the pooled regions of the records looked at together may take.
CHUNK_BYTES = 2**25

#: Records looked at together where each needs a fused map of its own.
MAPS = 8

#: Pooled features of encoded records.
Pool = Callable[[Patients], Tensor]

#: Cells of what a fuser adds, up to which its way into a region is worked out once instead of for every record.
CELLS = 256


@dataclass(frozen=True)
class Candidates:
    """All that a two-stage detector considered on one film, before thresholds and non-maximum suppression.

    Args:
        regions: float32 ``[P, 4]``, the proposals, in network pixels.
        boxes: float32 ``[P, classes, 4]``, what became of each for each class, in film pixels.
        scores: float32 ``[P, classes]``.
    """

    regions: Tensor
    boxes: Tensor
    scores: Tensor


def has_regions(model: Model) -> bool:
    """Whether the model's detector scores regions: a two-stage one of torchvision."""
    return isinstance(model.detector, TorchvisionDetector) and isinstance(model.detector.net, GeneralizedRCNN)


def candidates(model: Model, features: Features, record: Tensor) -> Candidates:
    """What the detector considers on one film under one record ``[F]``."""
    net = model.detector.net
    with model.seeing(features, record[None]), mode_of([net, net.rpn, net.roi_heads], training=False):
        films, _ = net.transform(list(features.images))
        maps = _named(net.backbone(films.tensors))
        (proposals,), _ = net.rpn(films, maps)
        pooled = net.roi_heads.box_roi_pool(maps, [proposals], films.image_sizes)
        logits, deltas = net.roi_heads.box_predictor(net.roi_heads.box_head(pooled))
        boxes = net.roi_heads.box_coder.decode(deltas, [proposals])[:, 1:]
    height, width = films.image_sizes[0]
    boxes = boxes.clamp(min=0).minimum(boxes.new_tensor([width, height] * 2))
    return Candidates(proposals, features.geometries[0].clipped_to_film(boxes), logits.softmax(-1)[:, 1:])


def region_scores(model: Model, features: Features, regions: Tensor, clinical: Tensor) -> Tensor:
    """Scores of fixed regions under many records: those of the second stage, had it been sent there.

    Args:
        model: One that :func:`has_regions`.
        features: One film for all records, or one for each.
        regions: float32 ``[N, 4]`` in network pixels.
        clinical: float32 ``[R, F]``.

    Returns:
        float32 ``[R, N, classes]``. With one film memory is bounded whatever R is.
    """
    if not len(regions) or not len(clinical):
        return regions.new_zeros(len(clinical), len(regions), len(model.classes))
    if len(features) > 1:
        return _chunk(model, features, regions, clinical, None)
    (name,) = model.detector.image_part
    maps = list(maps_of(features.outputs[name]))
    pool = _ways_in(model, features, maps, regions)
    if pool is None:
        count = MAPS
    else:
        cells = math.prod(model.detector.net.roi_heads.box_roi_pool.output_size)
        count = max(1, CHUNK_BYTES // (4 * len(regions) * maps[0].shape[1] * cells))
    return torch.cat([_chunk(model, features, regions, some, pool) for some in clinical.split(count)])


def region_gradients(model: Model, features: Features, regions: Tensor, labels: Tensor, record: Tensor) -> Tensor:
    """How much each pixel of the network's input changes the log odds of each region's class, one way or the other.

    Args:
        model, features, regions: As :func:`region_scores`, of one film.
        labels: int64 ``[N]``, 1-based.
        record: float32 ``[F]``.

    Returns:
        float32 ``[N, S, S]``, absolute values, summed over channels.
    """
    net, sizes = model.detector.net, [tuple(features.images.shape[-2:])]
    images = features.images.clone().requires_grad_()
    switches = mode_of([net, net.rpn, net.roi_heads], training=False)
    with model.seeing(without_outputs(features), record[None]), switches, torch.enable_grad():
        maps = _named(net.backbone(net.transform(list(images))[0].tensors))
        pooled = net.roi_heads.box_roi_pool(maps, [regions], sizes)
        logits, _ = net.roi_heads.box_predictor(net.roi_heads.box_head(pooled))
        odds = torch.logit(logits.softmax(-1)[torch.arange(len(labels)), labels], eps=1e-6)
        each = [torch.autograd.grad(one, images, retain_graph=True)[0] for one in odds]
    return torch.stack([gradient[0].abs().sum(0) for gradient in each])


def _chunk(model: Model, features: Features, regions: Tensor, clinical: Tensor, pool: Pool | None) -> Tensor:
    net, heads = model.detector.net, model.detector.net.roi_heads
    sizes = [tuple(features.images.shape[-2:])] * len(clinical)
    with model.seeing(features if pool is None else without_outputs(features), clinical):
        if pool is None:
            maps = _named(net.backbone(features.images))  # answers with its recording
            pooled = heads.box_roi_pool(maps, [regions] * len(clinical), sizes)
        else:
            # Through the pooler all the same: the 1-D fusion behind it counts there which rows are whose.
            with replayed(heads, {"box_roi_pool": pool(model.fusion.context.patients)}):
                pooled = heads.box_roi_pool({}, [regions] * len(clinical), sizes)
        logits, _ = heads.box_predictor(heads.box_head(pooled))
    return logits.softmax(-1)[:, 1:].unflatten(0, (len(clinical), len(regions)))


def _ways_in(model: Model, features: Features, maps: list[Tensor], regions: Tensor) -> Pool | None:
    """Pooled features ``[R * N, C, 7, 7]`` of encoded records, where pooling is worked out once; None where it cannot.

    Pooling and resizing are linear, so a region of ``map + resized(added)`` is that of the map plus a fixed mixture of
    the few cells of what is added: no map is fused, whatever its size.
    """
    fuser = _added_by(model)
    if fuser is None or len(maps) != 1:
        return None
    sizes, pooler = [tuple(features.images.shape[-2:])], model.detector.net.roi_heads.box_roi_pool
    nobody = torch.full((1, len(model.schema)), torch.nan, device=regions.device)
    with model.seeing(without_outputs(features), nobody):
        cells = fuser.added(model.fusion.context.patients)[0].shape[-2:]
        if cells.numel() > CELLS:
            return None
        each = torch.eye(cells.numel(), device=regions.device).unflatten(1, cells)[None]
        # ``forward``: the hooks of the pooler are of no use here.
        ways = pooler.forward({"0": resized(each, maps[0].shape[-2:])}, [regions], sizes)  # [N, cells, 7, 7]
        plain = pooler.forward({"0": maps[0]}, [regions], sizes)  # [N, C, 7, 7]

    def pool(patients: Patients) -> Tensor:
        added = fuser.added(patients)[0].flatten(2)  # [R, C, cells]
        pooled = torch.einsum("rck,nkp->rncp", added, ways.flatten(2)).unflatten(-1, plain.shape[-2:])
        return (pooled + plain).flatten(0, 1)

    return pool


def _added_by(model: Model) -> Added | None:
    """The fuser of the detector's map, if it adds something to it."""
    hooks = list(model.fusion.maps.values()) if model.fusion is not None else []
    return hooks[0].fuser if len(hooks) == 1 and isinstance(hooks[0].fuser, Added) else None


def without_outputs(features: Features) -> Features:
    """The same films, nothing of which is replayed."""
    return Features(features.images, features.geometries, {})


def _named(maps: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    return {"0": maps} if isinstance(maps, Tensor) else maps
