"""Faster and Mask R-CNN of torchvision, put together from a config. The paper's detector is one setting of it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign

from mdfnet.config import DetectorConfig, InputConfig
from mdfnet.detectors.backbone import Backbone
from mdfnet.detectors.base import Detector, MapSite, VectorSite, mode_of
from mdfnet.types import Detections


class RCNN(Detector):
    """Two stages on one feature map: proposals, then a class and a box for each.

    Args:
        config: The detector's settings.
        input: The network's input.
        classes: Number of classes without background.
    """

    def __init__(self, config: DetectorConfig, input: InputConfig, classes: int):
        super().__init__()
        self.needs_masks = config.mask_head
        self.net = _net(config, input, classes + 1)
        self.map_sites = (MapSite("net.backbone", (config.channels,)),)
        self.vector_sites = (VectorSite("net.roi_heads.box_head.fc6", rois="net.roi_heads.box_roi_pool"),)

    @property
    def _switches(self) -> list[nn.Module]:
        return [self.net, self.net.rpn, self.net.roi_heads]

    def losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        with mode_of(self._switches, training=True):
            return self.net(list(images), list(targets))

    def detect(self, images: Tensor) -> list[Detections]:
        with mode_of(self._switches, training=False):
            found = self.net(list(images))
        return [
            Detections(f["boxes"], f["labels"], f["scores"], f["masks"][:, 0] if "masks" in f else None) for f in found
        ]


def image_backbone(config: DetectorConfig, in_channels: int) -> Backbone:
    """The backbone a config asks for."""
    return Backbone(
        config.backbone,
        stride=config.stride,
        depth=config.depth,
        channels=config.channels,
        norm=config.norm,
        momentum=config.norm_momentum,
        in_channels=in_channels,
    )


def _net(config: DetectorConfig, input: InputConfig, classes: int) -> FasterRCNN | MaskRCNN:
    width, anchors = config.representation, tuple(share * input.size for share in config.anchor_sizes)
    common = {
        "backbone": image_backbone(config, input.channels),
        "rpn_anchor_generator": AnchorGenerator((anchors,), (config.anchor_ratios,)),
        "rpn_nms_thresh": config.rpn_nms,
        "rpn_pre_nms_top_n_train": config.proposals_train,
        "rpn_post_nms_top_n_train": config.proposals_train,
        "rpn_pre_nms_top_n_test": config.proposals_test,
        "rpn_post_nms_top_n_test": config.proposals_test,
        "box_roi_pool": MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=config.roi_samples),
        "box_head": TwoMLPHead(config.channels * 7 * 7, width),
        "box_predictor": FastRCNNPredictor(width, classes),
        "box_batch_size_per_image": config.rois_per_film,
        "box_score_thresh": config.box_score,
        "box_nms_thresh": config.box_nms,
        "box_detections_per_img": config.detections,
        "image_mean": list(input.mean),
        "image_std": list(input.std),
        # Films arrive at the network's size: Preprocessing is the one home of resizing, this one is the identity.
        "fixed_size": (input.size, input.size),
        "_skip_resize": True,
    }
    if not config.mask_head:
        return FasterRCNN(**common)
    return MaskRCNN(
        **common,
        mask_roi_pool=MultiScaleRoIAlign(["0"], output_size=14, sampling_ratio=config.roi_samples),
        mask_head=MaskRCNNHeads(config.channels, (256, 256, 256, 256), 1),
        mask_predictor=MaskRCNNPredictor(256, 256, classes),
    )
