"""YOLOX and YOLOv9 of libreyolo under the contract of a detector, the library's own code unchanged.

Of that library's many families only these two are used. Their code is under the Apache License 2.0 (YOLOX, from
Megvii) and the MIT License (YOLOv9, from MultimediaTechLab/YOLO, its authors' own release); other families there come
under other terms, among them Meta's for DINOv3.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from libreyolo.models.yolo9.loss import YOLO9Loss
from libreyolo.models.yolo9.nn import LibreYOLO9Model
from libreyolo.models.yolox.nn import LibreYOLOXModel
from libreyolo.utils.download import download_weights
from libreyolo.utils.serialization import load_untrusted_torch_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torchvision.ops import batched_nms, box_convert, clip_boxes_to_image

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.settings import InputConfig
from mdfnet.core.types import Detections
from mdfnet.models.detectors.base import MapSite, Standardizing, VectorSite, mode_of
from mdfnet.models.detectors.settings import YOLOConfig
from mdfnet.models.detectors.trunks import gray_input
from mdfnet.models.detectors.weights import fetched, load_fitting, read_weights

CANDIDATES = 1000  #: Boxes per image that enter NMS, as in torchvision's one-stage detectors
WEIGHTS = "COCO"  #: The weights by name there are: trained on COCO, with all 80 classes
Network: TypeAlias = LibreYOLO9Model | LibreYOLOXModel  #: The networks of the library that are known here


class YOLO(Standardizing):
    """What YOLOX and YOLOv9 have in common: backbone, neck, and a head on three maps.

    ``published`` is the file of the library's weights, without suffix.
    """

    #: Parts whose shapes depend on the number of classes.
    of_classes: tuple[str, ...]

    def __init__(self, net: Network, config: YOLOConfig, input: InputConfig, published: str):
        super().__init__(input)
        if input.channels == 1:
            gray_input(net)
        self.net, self.config, self.published = net, config, published

    def losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        with mode_of([self.net, self.net.head], training=True):
            losses = self._losses(self.standardized(images), targets)
        return {name: losses[name] for name in self.loss_names}

    def detect(self, images: Tensor) -> list[Detections]:
        with mode_of([self.net, self.net.head], training=False):
            boxes, scores = self._found(self.standardized(images))
        boxes = clip_boxes_to_image(boxes, images.shape[-2:])
        return [self._kept(*image) for image in zip(boxes, scores, strict=True)]

    def load_pretrained(self) -> None:
        weights = self.config.weights
        if weights is None:
            return
        state = read_weights(weights) if weights.endswith(".safetensors") else _download(weights, self.published)
        fix = f"give the weights of {self.config.name}"
        load_fitting(self.net, state, where=weights, fix=fix, fresh=self.of_classes)

    @abstractmethod
    def _losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The library's losses, with its weights."""

    @abstractmethod
    def _found(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes ``[B, N, 4]`` in network pixels and scores ``[B, N, classes]``."""

    def _kept(self, boxes: Tensor, scores: Tensor) -> Detections:
        """Every class of every box is a candidate, as in torchvision's detectors; NMS class by class."""
        box, label = (scores > self.config.box_score).nonzero(as_tuple=True)
        best, order = scores[box, label].topk(min(CANDIDATES, len(box)))
        box, label = boxes[box[order]], label[order]
        keep = batched_nms(box, best, label, self.config.box_nms)[: self.config.detections]
        return Detections(box[keep], label[keep] + 1, best[keep])


class _SizedYOLOX(LibreYOLOXModel):  # type: ignore[misc]  # libreyolo ships no types
    """YOLOX of any size: the library looks its sizes up in a table."""

    def __init__(self, size: dict[str, Any], classes: int, act: str):
        self.CONFIGS = {"own": size}
        super().__init__("own", classes, act)


class YOLOX(YOLO):
    """YOLOX (Ge et al., arXiv 2107.08430): no anchors; each finding picks its cells by what they predict."""

    loss_names = ("iou_loss", "obj_loss", "cls_loss")
    of_classes = ("head.cls_preds",)

    def __init__(self, config: YOLOConfig, input: InputConfig, classes: int):
        size = config.name.removeprefix("yolox_")[0]
        options = {**LibreYOLOXModel.CONFIGS[size], "act": "silu"}
        for key in config.options:
            if key not in options:
                fix = nearest(key, options)
                raise UserError(f"{config.name} has no option {key!r}", where="detector.options", fix=fix)
        options |= config.options
        net = _made(config.name, _SizedYOLOX, size=options, classes=classes, act=options.pop("act"))
        net.init_weights()
        net.head.export = True  # detection gives boxes in pixels instead of what they are made from
        super().__init__(net, config, input, f"LibreYOLOX{size}")
        self.map_sites = (MapSite("net.backbone", tuple(stem.conv.in_channels for stem in net.head.stems)),)
        self.image_part = ("net.backbone",)
        first = "0.pconv.conv" if options["depthwise"] else "0.conv"
        self.vector_sites = (
            *(VectorSite(f"net.head.cls_convs.{level}.{first}") for level in range(3)),
            *(VectorSite(f"net.head.cls_preds.{level}", last=True) for level in range(3)),
        )
        last = [f"net.head.{kind}_preds.{level}" for kind in ("cls", "obj", "reg") for level in range(3)]
        self.in_float32(["net.backbone", *last])

    def _losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        self.net.head.grids = [torch.zeros(1)] * 3  # the library keeps them on the device that was first used
        boxes = [box_convert(target["boxes"], "xyxy", "cxcywh") for target in targets]
        losses: dict[str, Tensor] = self.net(images, _padded(boxes, targets))
        return losses

    def _found(self, images: Tensor) -> tuple[Tensor, Tensor]:
        found = self.net(images)
        return box_convert(found[..., :4], "cxcywh", "xyxy"), found[..., 4:5] * found[..., 5:]


class YOLOv9(YOLO):
    """YOLOv9 (Wang et al., ECCV 2024): no anchors; a box's sides as distributions over distances."""

    loss_names = ("box_loss", "dfl_loss", "cls_loss")
    of_classes = ("head.cv3",)

    def __init__(self, config: YOLOConfig, input: InputConfig, classes: int):
        size = config.name.removeprefix("yolov9_")
        net = _made(config.name, LibreYOLO9Model, config=size, nb_classes=classes, **config.options)
        super().__init__(net, config, input, f"LibreYOLO9{size}")
        self.map_sites = (MapSite("net.neck", tuple(tower[0].conv.in_channels for tower in net.head.cv3)),)
        self.image_part = ("net.backbone", "net.neck")
        self.vector_sites = (
            *(VectorSite(f"net.head.cv3.{level}.0.conv") for level in range(3)),
            *(VectorSite(f"net.head.cv3.{level}.2", last=True) for level in range(3)),
        )
        last = [f"net.head.{tower}.{level}.2" for tower in ("cv2", "cv3") for level in range(3)]
        self.in_float32(["net.neck", *last])

    def _losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        head, (height, width) = self.net.head, images.shape[-2:]
        # Made anew: the library's own stays on the device that was first used.
        loss = YOLO9Loss(head.nc, head.reg_max, head.stride.tolist(), [width, height], images.device)
        shares = [target["boxes"] / target["boxes"].new_tensor([width, height] * 2) for target in targets]
        losses: dict[str, Tensor] = loss(self.net(images), _padded(shares, targets))
        return losses

    def _found(self, images: Tensor) -> tuple[Tensor, Tensor]:
        boxes, scores = self.net(images)["predictions"].mT.split([4, self.net.head.nc], -1)
        return boxes, scores


def _made(name: str, kind: type[Network], /, **options: Any) -> Network:
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: {error}", where="detector.options") from None


def _padded(boxes: Sequence[Tensor], targets: Sequence[dict[str, Tensor]]) -> Tensor:
    """Class from 0 and box of every finding, ``[B, most findings of an image, 5]``, filled up with zeros."""
    rows = [
        torch.cat([target["labels"][:, None] - 1, box], 1).to(box) for box, target in zip(boxes, targets, strict=True)
    ]
    return pad_sequence(rows, batch_first=True)


def _download(weights: str, published: str) -> dict[str, Tensor]:
    path = Path(torch.hub.get_dir()) / "checkpoints" / f"{published}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    fetched(weights, published, [WEIGHTS], lambda: download_weights(str(path), published[-1]))
    content = load_untrusted_torch_file(str(path), map_location="cpu", context="weights")
    state: dict[str, Tensor] = content.get("model", content)
    return state
