"""Any detection network of torchvision under the contract of a detector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from mdfnet.core.settings import InputConfig
from mdfnet.core.types import Detections
from mdfnet.models.detectors.base import Detector, MapSite, VectorSite, mode_of

Network: TypeAlias = GeneralizedRCNN | RetinaNet | FCOS | SSD  #: The networks of torchvision that are known here

#: Modules that choose between losses and detections by their ``training`` flag.
SWITCHES = (GeneralizedRCNN, RegionProposalNetwork, RoIHeads, RetinaNet, FCOS, SSD)

TWO_STAGES = ("loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg")
#: Losses by kind of network.
LOSSES: dict[type[nn.Module], tuple[str, ...]] = {
    FasterRCNN: TWO_STAGES,
    MaskRCNN: (*TWO_STAGES, "loss_mask"),
    RetinaNet: ("classification", "bbox_regression"),
    FCOS: ("classification", "bbox_regression", "bbox_ctrness"),
    SSD: ("bbox_regression", "classification"),
}

FOREGROUND_ONLY = (RetinaNet, FCOS)  #: Networks whose classes start at 0, without background

#: What coordinates and scores come from: anchors take the type of the backbone's maps.
PRECISE = ("backbone", "head", "rpn.head", "roi_heads.box_predictor", "roi_heads.mask_predictor")


class Standardized(GeneralizedRCNNTransform):  # type: ignore[misc]  # torchvision ships no types
    """Standardizes intensities and nothing else: images arrive at the network's size.

    Torchvision's own would resize them to the size they have and copy them twice: a tenth of a small detector's time.
    """

    def __init__(self, input: InputConfig):
        super().__init__(input.size, input.size, list(input.mean), list(input.std))

    def forward(
        self, images: Sequence[Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[ImageList, list[dict[str, Tensor]] | None]:
        batch = self.normalize(torch.stack(list(images)))
        return ImageList(batch, [tuple(batch.shape[-2:])] * len(batch)), targets


class TorchvisionDetector(Detector):
    """A network of torchvision, its own code unchanged.

    ``channels`` are those of each map that ``net.backbone`` gives; ``pretrain`` loads the network's weights.
    """

    def __init__(self, net: Network, input: InputConfig, channels: Sequence[int], pretrain: Callable[[Network], None]):
        super().__init__()
        net.transform = Standardized(input)
        _let_start(net)
        self.net, self.pretrain = net, pretrain
        self.map_sites = (MapSite("net.backbone", tuple(channels)),)
        self.image_part = ("net.backbone",)
        self.vector_sites = tuple(_vector_sites(net))
        self.loss_names = LOSSES[type(net)]
        self.first_label = 1 if isinstance(net, FOREGROUND_ONLY) else 0
        modules = dict(net.named_modules())
        self._switches = [module for module in modules.values() if isinstance(module, SWITCHES)]
        self.in_float32([f"net.{name}" for name in PRECISE if name in modules])

    def losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        targets = [target | {"labels": target["labels"] - self.first_label} for target in targets]
        with mode_of(self._switches, training=True):
            losses: dict[str, Tensor] = self.net(list(images), targets)
        return losses

    def detect(self, images: Tensor) -> list[Detections]:
        with mode_of(self._switches, training=False):
            found = self.net(list(images))
        return [
            Detections(
                f["boxes"], f["labels"] + self.first_label, f["scores"], f["masks"][:, 0] if "masks" in f else None
            )
            for f in found
        ]

    def load_pretrained(self) -> None:
        self.pretrain(self.net)


def _let_start(net: Network) -> None:
    """FCOS's distances from a place to a box's four sides start at one cell of its level.

    So they start in its paper, as exp(0) (Tian et al., ICCV 2019, section 3.2). Torchvision's relu starts around zero,
    where half of them have no gradient: a training from scratch may never find a box.
    """
    if isinstance(net, FCOS):
        nn.init.ones_(net.head.regression_head.bbox_reg.bias)


def _vector_sites(net: Network) -> Iterator[VectorSite]:
    """The layers of the heads that fusion takes part in: over each RoI, or where the scores of each cell come from."""
    if isinstance(net, GeneralizedRCNN):
        layers = net.roi_heads.box_head.named_modules()
        layer = next(name for name, module in layers if isinstance(module, nn.Linear))
        pooler = "net.roi_heads.box_roi_pool"
        yield VectorSite(f"net.roi_heads.box_head.{layer}", rois=pooler)
        yield VectorSite("net.roi_heads.box_predictor.cls_score", rois=pooler, last=True)
    elif isinstance(net, SSD):
        for level, head in enumerate(net.head.classification_head.module_list):
            inner = "" if isinstance(head, nn.Conv2d) else f".{len(head) - 1}"  # SSDlite: depthwise, then the scores
            yield VectorSite(f"net.head.classification_head.module_list.{level}{inner}", last=True)
    else:  # the tower starts so small that a patient added to its first layer would hardly count behind its last
        yield VectorSite("net.head.classification_head.cls_logits", last=True)
