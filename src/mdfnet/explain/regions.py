"""What a two-stage detector of torchvision says of any region of an image, under as many records as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from mdfnet.explain.roi_features import Answers, first_layer, precompute_roi_features
from mdfnet.models.detectors.base import mode_of
from mdfnet.models.detectors.torchvision import TorchvisionDetector
from mdfnet.models.fusion.features import Features, replayed
from mdfnet.models.model import Model

#: Bytes that what is worked out for the records looked at together may take.
CHUNK_BYTES = 2**25

#: Records looked at together where each needs a fused map of its own.
MAPS = 8


@dataclass(frozen=True)
class Candidates:
    """All that a two-stage detector considered on one image, before thresholds and non-maximum suppression.

    Args:
        regions: float32 ``[P, 4]``, the proposals, in network pixels.
        boxes: float32 ``[P, classes, 4]``, what became of each for each class, in image pixels.
        scores: float32 ``[P, classes]``.
    """

    regions: Tensor
    boxes: Tensor
    scores: Tensor


def has_regions(model: Model) -> bool:
    """Whether the model's detector scores regions: a two-stage one of torchvision."""
    return isinstance(model.detector, TorchvisionDetector) and isinstance(model.detector.net, GeneralizedRCNN)


def candidates(model: Model, features: Features, record: Tensor) -> Candidates:
    """What the detector considers on one image under one record ``[F]``."""
    net = model.detector.net
    with model.seeing(features, record[None]), mode_of([net, net.rpn, net.roi_heads], training=False):
        images, _ = net.transform(list(features.images))
        maps = _named(net.backbone(images.tensors))
        (proposals,), _ = net.rpn(images, maps)
        pooled = net.roi_heads.box_roi_pool(maps, [proposals], images.image_sizes)
        logits, deltas = net.roi_heads.box_predictor(net.roi_heads.box_head(pooled))
        boxes = net.roi_heads.box_coder.decode(deltas, [proposals])[:, 1:]
    height, width = images.image_sizes[0]
    boxes = boxes.clamp(min=0).minimum(boxes.new_tensor([width, height] * 2))
    return Candidates(proposals, features.geometries[0].clipped_to_image(boxes), logits.softmax(-1)[:, 1:])


def region_scores(model: Model, features: Features, regions: Tensor, clinical: Tensor) -> Tensor:
    """Scores of fixed regions under many records: those of the second stage, had it been sent there.

    Args:
        model: One that :func:`has_regions`.
        features: One image for all records, or one for each.
        regions: float32 ``[N, 4]`` in network pixels.
        clinical: float32 ``[R, F]``.

    Returns:
        float32 ``[R, N, classes]``. With one image memory is bounded whatever R is.
    """
    if not len(regions) or not len(clinical):
        return regions.new_zeros(len(clinical), len(regions), len(model.classes))
    if len(features) > 1:
        return _chunk(model, features, regions, clinical, None)
    ways = precompute_roi_features(model, features, regions)
    if ways is None:
        answers, count = None, MAPS
    elif len(clinical) >= ways.cells and (layer := first_layer(model)) is not None:
        answers = partial(ways.to_layer, layer)
        count = CHUNK_BYTES // (4 * (ways.cells * ways.plain.shape[1] + len(regions) * layer.out_features))
    else:
        answers, count = ways.to_pooler, CHUNK_BYTES // (4 * ways.plain.numel())
    return torch.cat([_chunk(model, features, regions, some, answers) for some in clinical.split(max(1, count))])


def region_gradients(model: Model, features: Features, regions: Tensor, labels: Tensor, record: Tensor) -> Tensor:
    """How much each pixel of the network's input changes the log odds of each region's class, one way or the other.

    Args:
        model, features, regions: As :func:`region_scores`, of one image.
        labels: int64 ``[N]``, 1-based.
        record: float32 ``[F]``.

    Returns:
        float32 ``[N, S, S]``, absolute values, summed over channels.
    """
    net, sizes = model.detector.net, [tuple(features.images.shape[-2:])]
    images = features.images.clone().requires_grad_()
    switches = mode_of([net, net.rpn, net.roi_heads], training=False)
    with model.seeing(features.without_outputs(), record[None]), switches, torch.enable_grad():
        maps = _named(net.backbone(net.transform(list(images))[0].tensors))
        pooled = net.roi_heads.box_roi_pool(maps, [regions], sizes)
        logits, _ = net.roi_heads.box_predictor(net.roi_heads.box_head(pooled))
        odds = torch.logit(logits.softmax(-1)[torch.arange(len(labels)), labels], eps=1e-6)
        each = [torch.autograd.grad(one, images, retain_graph=True)[0] for one in odds]
    return torch.stack([gradient[0].abs().sum(0) for gradient in each])


def _chunk(model: Model, features: Features, regions: Tensor, clinical: Tensor, answers: Answers | None) -> Tensor:
    net, heads = model.detector.net, model.detector.net.roi_heads
    sizes, many = [tuple(features.images.shape[-2:])] * len(clinical), [regions] * len(clinical)
    with model.seeing(features if answers is None else features.without_outputs(), clinical):
        if answers is None:
            maps, given = _named(net.backbone(features.images)), {}  # answers with its recording
        else:
            maps, given = {}, answers(model.fusion.context.patients)
        with replayed(heads, given):
            # The pooler is asked in any case: the 1-D fusion behind it counts there which rows are whose.
            pooled = heads.box_roi_pool(maps, many, sizes)
            logits, _ = heads.box_predictor(heads.box_head(pooled))
    return logits.softmax(-1)[:, 1:].unflatten(0, (len(clinical), len(regions)))


def _named(maps: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    return {"0": maps} if isinstance(maps, Tensor) else maps
