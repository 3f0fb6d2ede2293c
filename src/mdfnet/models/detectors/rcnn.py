"""Faster and Mask R-CNN of torchvision, put together from a config. The paper's detector is one setting of it."""

from __future__ import annotations

from functools import partial

from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign

from mdfnet.core.settings import InputConfig
from mdfnet.models.detectors.backbone import image_backbone, pretrain
from mdfnet.models.detectors.settings import RCNNConfig
from mdfnet.models.detectors.torchvision import TorchvisionDetector


def build(config: RCNNConfig, input: InputConfig, classes: int) -> TorchvisionDetector:
    """Two stages on one feature map: proposals, then a class and a box for each. Arguments: see `Entry.build`."""
    return TorchvisionDetector(_net(config, input, classes + 1), input, [config.channels], partial(pretrain, config))


def _net(config: RCNNConfig, input: InputConfig, classes: int) -> FasterRCNN | MaskRCNN:
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
        "box_batch_size_per_image": config.rois_per_image,
        "box_score_thresh": config.box_score,
        "box_nms_thresh": config.box_nms,
        "box_detections_per_img": config.detections,
    }
    if not config.mask_head:
        return FasterRCNN(**common)
    return MaskRCNN(
        **common,
        mask_roi_pool=MultiScaleRoIAlign(["0"], output_size=14, sampling_ratio=config.roi_samples),
        mask_head=MaskRCNNHeads(config.channels, (256, 256, 256, 256), 1),
        mask_predictor=MaskRCNNPredictor(256, 256, classes),
    )
