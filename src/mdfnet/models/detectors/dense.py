"""RetinaNet, FCOS and SSD of torchvision on a small pyramid: one-stage detectors that train from scratch on a CPU."""

from __future__ import annotations

from functools import partial

from torch import nn
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD, SSDHead

from mdfnet.core.settings import InputConfig
from mdfnet.models.detectors.backbone import Pyramid, image_backbone, pretrain
from mdfnet.models.detectors.settings import DenseConfig
from mdfnet.models.detectors.torchvision import TorchvisionDetector

#: Sides of RetinaNet's anchors and FCOS's reach, in cells of their level (Lin et al. 2017, Tian et al. 2019).
ANCHOR_CELLS, FCOS_CELLS = 4, 1

#: SSD's smallest and largest box as shares of the input's side, and the ratios of its boxes (Liu et al. 2016).
SSD_SCALES, SSD_RATIOS = (0.1, 0.6), [2]


def retinanet(config: DenseConfig, input: InputConfig, classes: int) -> TorchvisionDetector:
    """Anchors on every cell, classes trained with a focal loss."""
    octaves = [ANCHOR_CELLS * 2 ** (third / 3) for third in range(3)]
    sizes = tuple(tuple(round(stride * cells) for cells in octaves) for stride in _strides(config))
    anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * config.levels)
    net = RetinaNet(_pyramid(config, input), classes, anchor_generator=anchors, **_kept(config))
    return _detector(net, config, input)


def fcos(config: DenseConfig, input: InputConfig, classes: int) -> TorchvisionDetector:
    """No anchors: every cell predicts its distance to the four sides."""
    sizes = tuple((stride * FCOS_CELLS,) for stride in _strides(config))
    anchors = AnchorGenerator(sizes, ((1.0,),) * config.levels)
    net = FCOS(_pyramid(config, input), classes, anchor_generator=anchors, **_kept(config))
    return _detector(net, config, input)


def ssd(config: DenseConfig, input: InputConfig, classes: int) -> TorchvisionDetector:
    """Default boxes on every cell, one convolution from a map to its scores."""
    low, high = SSD_SCALES
    boxes = DefaultBoxGenerator([SSD_RATIOS] * config.levels, min_ratio=low, max_ratio=high)
    head = SSDHead([config.channels] * config.levels, boxes.num_anchors_per_location(), classes + 1)
    side = (input.size, input.size)
    net = SSD(_pyramid(config, input), boxes, side, classes + 1, head=head, **_kept(config))
    return _detector(net, config, input)


def _pyramid(config: DenseConfig, input: InputConfig) -> Pyramid:
    return Pyramid(image_backbone(config, input.channels), config.levels)


def _strides(config: DenseConfig) -> list[int]:
    return [config.stride * 2**level for level in range(config.levels)]


def _kept(config: DenseConfig) -> dict[str, float]:
    return {
        "score_thresh": config.box_score,
        "nms_thresh": config.box_nms,
        "detections_per_img": config.detections,
    }


def _detector(net: nn.Module, config: DenseConfig, input: InputConfig) -> TorchvisionDetector:
    return TorchvisionDetector(net, input, [config.channels] * config.levels, partial(pretrain, config))
