"""The settings of the detectors: one class per kind, chosen by ``detector.name``. No torch in here."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mdfnet.core.settings import Part, Positive

Outline = Literal["ellipse", "rectangle"]
Stride = Literal[8, 16, 32]
BoxNMS = Annotated[
    float, Field(gt=0, le=1, description="IoU above which the lower of two detections of a class is dropped")
]


class DetectorConfig(Part):
    """What every detector has; a detector's own settings add to it."""

    name: str
    weights: str | None = Field(None, description="a name, a .safetensors file, a saved model, or none")
    box_score: float = Field(0.05, ge=0, lt=1, description="detections below this score are dropped")
    detections: int = Field(50, ge=1, description="detections kept per image")

    @property
    def outlines(self) -> Outline | None:
        """Outline given to a finding of which only the box is known; None: the detector predicts no masks."""
        return None

    @property
    def smallest_input(self) -> int:
        """Smallest side of the network's input, pixels, that leaves the detector a map of more than one cell."""
        return 64


class ComposedConfig(DetectorConfig):
    """A detector put together here, on the map of an image classifier cut where it is still fine."""

    backbone: str = Field(
        "mobilenet_v3_small", description="a torchvision classifier with a .features trunk, or timm/NAME"
    )
    stride: Stride = Field(8, description="image pixels per cell of the feature map")
    depth: Stride = Field(16, description="stride of the backbone's last layer, added to the map")
    channels: int = Field(64, ge=1, description="channels of the feature map")
    norm: bool = Field(True, description="batch norm and ReLU behind the convolution that makes the feature map")
    norm_momentum: float | None = Field(
        0.1, gt=0, le=1, description="of all batch norms; null keeps the classifier's own, too slow for short runs"
    )
    box_nms: BoxNMS = 0.5

    @model_validator(mode="after")
    def _deep_enough(self) -> Self:
        if self.depth < self.stride:
            raise ValueError(f"depth {self.depth} is below stride {self.stride}")
        return self

    @property
    def smallest_input(self) -> int:
        return 2 * self.depth


class RCNNConfig(ComposedConfig):
    """A two-stage detector on one feature map: Faster R-CNN, or Mask R-CNN with ``mask_head``."""

    name: Literal["rcnn"] = "rcnn"
    anchor_sizes: tuple[Positive, ...] = Field(
        (0.05, 0.1, 0.2, 0.35, 0.6), min_length=1, description="sides of square anchors, as shares of the input's side"
    )
    anchor_ratios: tuple[Positive, ...] = Field((0.5, 1.0, 2.0), min_length=1)
    rpn_nms: float = Field(0.7, gt=0, le=1)
    proposals_train: int = Field(500, ge=1, description="proposals kept per image before and after NMS, in training")
    proposals_test: int = Field(200, ge=1, description="the same in detection")
    rois_per_image: int = Field(128, ge=1, description="proposals sampled per image for the loss of the second stage")
    roi_samples: int = Field(
        1,
        ge=1,
        description="points per side of each of the 7 x 7 cells of a RoI; the paper's 2 doubles a training step",
    )
    representation: int = Field(64, ge=1, description="width of the box head")
    mask_head: bool = Field(False, description="predict outlines too")
    mask_shape: Outline = Field("ellipse", description="outline where only the box is known")

    @property
    def outlines(self) -> Outline | None:
        return self.mask_shape if self.mask_head else None


class DenseConfig(ComposedConfig):
    """A one-stage detector on a few feature maps, each half as large as the one before."""

    name: Literal["retinanet", "fcos", "ssd"]
    levels: int = Field(3, ge=2, le=5, description="feature maps; the first has `stride`, each next one twice that")

    @property
    def smallest_input(self) -> int:
        return max(2 * self.depth, self.stride << self.levels)


class LibraryConfig(DetectorConfig):
    """A detector that comes ready-made from a library."""

    options: dict[str, Any] = Field(
        {}, description="passed to the library's own constructor or config, under the names they have there"
    )


class ZooConfig(LibraryConfig):
    """A detector of torchvision as published; its options are those of its builder, such as ``rpn_nms_thresh``."""

    backbone_weights: str | None = Field(
        None, description="torchvision weights of the image backbone alone, by name; none: from scratch"
    )
    mask_shape: Outline = Field("ellipse", description="outline where only the box is known; Mask R-CNN only")

    @property
    def outlines(self) -> Outline | None:
        return self.mask_shape if self.name.startswith("maskrcnn") else None

    @property
    def smallest_input(self) -> int:
        return 288 if self.name == "ssd300_vgg16" else 64


class TransformersConfig(LibraryConfig):
    """A detector of Hugging Face transformers; its options are the keys of its config there, such as ``num_queries``.

    ``backbone_config`` is a mapping of its own; what it leaves out stays as it is. ``weights`` may also be a folder as
    transformers saves it, or a name on the Hugging Face hub.
    """

    name: Literal["detr", "conditional-detr", "deformable-detr", "rt-detr-v2", "d-fine", "rf-detr", "lw-detr", "yolos"]


class YOLOConfig(LibraryConfig):
    """A YOLO of libreyolo.

    Its options are, for YOLOX, ``depth``, ``width``, ``depthwise`` and ``act``; for YOLOv9, ``reg_max``.
    """

    box_nms: BoxNMS = 0.5
