"""What a two-stage detector of torchvision says of any region of an image, under as many records as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from mdfnet.explain.roi_features import Outputs, first_layer, precompute_roi_features, seen_patients, two_stage_net
from mdfnet.models.detectors.base import mode_of
from mdfnet.models.detectors.torchvision import TorchvisionDetector
from mdfnet.models.fusion.features import Features, replayed
from mdfnet.models.model import Model

CHUNK_BYTES = 2**25  #: Bytes that what is computed for the records of one chunk may take
MAPS = 8  #: Records in a chunk where each needs a fused map of its own


@dataclass(frozen=True)
class Candidates:
    """All that a two-stage detector considered on one image, before thresholds and non-maximum suppression."""

    regions: Tensor  #: float32 ``[P, 4]``, the proposals, in network pixels
    boxes: Tensor  #: float32 ``[P, classes, 4]``, each proposal refined for each class, in image pixels
    scores: Tensor  #: float32 ``[P, classes]``


def has_regions(model: Model) -> bool:
    """Whether the model's detector scores regions: a two-stage one of torchvision."""
    return isinstance(model.detector, TorchvisionDetector) and isinstance(model.detector.net, GeneralizedRCNN)


def candidates(model: Model, features: Features, record: Tensor) -> Candidates:
    """What the detector considers on one image under one record ``[F]``."""
    net = two_stage_net(model)
    with model.seeing(features, record[None]), mode_of([net, net.rpn, net.roi_heads], training=False):
        images, _ = net.transform(list(features.images))
        maps = _named(net.backbone(images.tensors))
        (proposals,), _ = net.rpn(images, maps)
        scores, deltas = _second_stage(net, maps, [proposals], images.image_sizes)
        boxes = net.roi_heads.box_coder.decode(deltas, [proposals])[:, 1:]
    height, width = images.image_sizes[0]
    boxes = boxes.clamp(min=0).minimum(boxes.new_tensor([width, height] * 2))
    return Candidates(proposals, features.geometries[0].clipped_to_image(boxes), scores[:, 1:])


def region_scores(model: Model, features: Features, regions: Tensor, clinical: Tensor) -> Tensor:
    """Scores ``[R, N, classes]`` that the second stage gives fixed regions under records ``[R, F]``.

    The regions ``[N, 4]`` are in network pixels, of one image for all records, or of one for each. With one image,
    memory is bounded whatever R is.
    """
    if not len(regions) or not len(clinical):
        return regions.new_zeros(len(clinical), len(regions), len(model.classes))
    if len(features) > 1:
        return _chunk(model, features, regions, clinical, None)
    outputs: Outputs | None = None
    count = MAPS
    if (rois := precompute_roi_features(model, features, regions)) is not None:
        if len(clinical) >= rois.cells and (layer := first_layer(model)) is not None:
            outputs = partial(rois.through_layer, layer)
            bytes_each = 4 * (rois.cells * rois.plain.shape[1] + len(regions) * layer.out_features)
        else:
            outputs, bytes_each = rois.pooled, 4 * rois.plain.numel()
        count = max(1, CHUNK_BYTES // bytes_each)
    return torch.cat([_chunk(model, features, regions, some, outputs) for some in torch.split(clinical, count)])


def region_gradients(model: Model, features: Features, regions: Tensor, labels: Tensor, record: Tensor) -> Tensor:
    """How much each pixel of the network's input changes the log odds of each region's class, one way or the other.

    Of one image, regions as of :func:`region_scores`, their labels ``[N]`` and a record ``[F]``: float32 ``[N, S, S]``,
    absolute values, summed over channels.
    """
    net, sizes = two_stage_net(model), [tuple(features.images.shape[-2:])]
    images = features.images.clone().requires_grad_()
    evaluating = mode_of([net, net.rpn, net.roi_heads], training=False)
    with model.seeing(features.without_outputs(), record[None]), evaluating, torch.enable_grad():
        maps = _named(net.backbone(net.transform(list(images))[0].tensors))
        scores, _ = _second_stage(net, maps, [regions], sizes)
        odds = torch.logit(scores[torch.arange(len(labels)), labels], eps=1e-6)
        each = [torch.autograd.grad(one, images, retain_graph=True)[0] for one in odds]
    return torch.stack([gradient[0].abs().sum(0) for gradient in each])


def _chunk(model: Model, features: Features, regions: Tensor, clinical: Tensor, outputs: Outputs | None) -> Tensor:
    net, count = two_stage_net(model), len(clinical)
    sizes = [tuple(features.images.shape[-2:])] * count
    with model.seeing(features if outputs is None else features.without_outputs(), clinical):
        if outputs is None:
            maps, given = _named(net.backbone(features.images)), {}  # the backbone replays its recording
        else:
            maps, given = {}, outputs(seen_patients(model))
        with replayed(net.roi_heads, given):
            # The pooler is called in any case: the 1-D fusion behind it counts there which rows are whose.
            scores, _ = _second_stage(net, maps, [regions] * count, sizes)
    return scores[:, 1:].reshape(count, len(regions), -1)


def _second_stage(
    net: GeneralizedRCNN, maps: dict[str, Tensor], regions: list[Tensor], sizes: Sequence[tuple[int, ...]]
) -> tuple[Tensor, Tensor]:
    """Probabilities of background and classes, and box deltas, of the regions of all images."""
    heads = net.roi_heads
    logits, deltas = heads.box_predictor(heads.box_head(heads.box_roi_pool(maps, regions, sizes)))
    return logits.softmax(-1), deltas


def _named(maps: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    return {"0": maps} if isinstance(maps, Tensor) else maps
