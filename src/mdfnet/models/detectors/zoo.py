"""The detectors of torchvision as published, by the names torchvision gives them."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torchvision.models import get_model
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from mdfnet.core.errors import UserError
from mdfnet.core.settings import InputConfig
from mdfnet.models.detectors.settings import ZooConfig
from mdfnet.models.detectors.torchvision import Network, TorchvisionDetector
from mdfnet.models.detectors.trunks import gray_input
from mdfnet.models.detectors.weights import find_weights, load_fitting, no_download

#: Parts whose shapes depend on the number of classes: they start fresh.
OF_CLASSES = ("box_predictor", "mask_predictor.mask_fcn_logits", "classification_head")

SSD300 = 300  #: The side that SSD300's boxes were laid out for


def build(config: ZooConfig, input: InputConfig, classes: int) -> TorchvisionDetector:
    """A detector by its name in torchvision, with weights still to be loaded. Arguments: see `Entry.build`."""
    net = _net(config, classes)
    keeper = net.roi_heads if isinstance(net, GeneralizedRCNN) else net
    keeper.score_thresh, keeper.detections_per_img = config.box_score, config.detections
    if config.name == "ssd300_vgg16" and input.size != SSD300:
        net.anchor_generator.steps = None  # by the maps' own sizes
    channels = _channels(net.backbone, config.smallest_input)
    if input.channels == 1:
        gray_input(net.backbone)
    return TorchvisionDetector(net, input, channels, partial(_pretrain, config))


def _net(config: ZooConfig, classes: int) -> Network:
    kind = config.name.partition("_")[0]
    background = 0 if kind in ("retinanet", "fcos") else 1
    try:
        return get_model(
            config.name, weights=None, weights_backbone=None, num_classes=classes + background, **config.options
        )
    except (TypeError, ValueError) as error:
        fix = "options are keywords of torchvision's builder and class"
        raise UserError(f"{config.name}: {error}", where="detector.options", fix=fix) from None


@torch.no_grad()
def _channels(backbone: nn.Module, side: int) -> list[int]:
    """Channels of each map of a backbone, found by running it once."""
    training = backbone.training
    maps = backbone.eval()(torch.zeros(1, 3, side, side))
    backbone.train(training)
    return [map.shape[1] for map in maps.values()]


def _pretrain(config: ZooConfig, net: Network) -> None:
    if config.weights is not None:
        state, fix = find_weights(config.name, config.weights), f"give the weights of {config.name}"
        load_fitting(net, state, where=config.weights, fix=fix, fresh=OF_CLASSES)
    elif config.backbone_weights is not None:
        try:
            donor = get_model(config.name, weights=None, weights_backbone=config.backbone_weights, num_classes=2)
        except ValueError as error:
            raise UserError(str(error), where="detector.backbone_weights") from None
        except OSError as error:
            raise no_download(config.backbone_weights, config.name, error) from None
        where = "detector.backbone_weights"
        load_fitting(net.backbone, donor.backbone.state_dict(), where=where, fix="set it to null")
