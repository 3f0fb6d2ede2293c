"""The DETRs of Hugging Face transformers under the contract of a detector."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
import transformers
from torch import Tensor, nn
from torchvision.ops import box_convert, clip_boxes_to_image
from transformers import PreTrainedModel

from mdfnet.core.errors import UserError
from mdfnet.core.settings import InputConfig
from mdfnet.core.types import Detections
from mdfnet.models.detectors.base import MapSite, Standardizing, VectorSite, maps_of, mode_of, outputs_of
from mdfnet.models.detectors.settings import TransformersConfig
from mdfnet.models.detectors.transformers_config import PREFIXES, library_config, quiet
from mdfnet.models.detectors.transformers_weights import pretrain


@dataclass(frozen=True)
class NetworkKind:
    """What this package has to know of a network of the library."""

    map: str  #: Name of the module whose output is fused: the first maps all else depends on
    image: tuple[str, ...]  #: Names of the modules that need not run again for another patient
    scores: str  #: Name of the layer, or of the list of layers, that gives the class scores
    losses: tuple[str, ...] = ("loss_ce", "loss_bbox", "loss_giou")  #: Names of its losses
    softmax: bool = False  #: One class a query and one for "nothing", not a sigmoid each
    #: Name of the first layer of the head that ends in ``scores``, where it has more than one
    before: str | None = None


_BACKBONE = ("model.backbone",)
_VARIFOCAL = ("loss_vfl", "loss_bbox", "loss_giou")
_VIT, _PATCHES = ("model.backbone.backbone", "model.backbone.projector"), "vit.embeddings.patch_embeddings.projection"

KINDS = {
    "detr": NetworkKind("model.input_projection", _BACKBONE, "class_labels_classifier", softmax=True),
    "conditional-detr": NetworkKind("model.input_projection", _BACKBONE, "class_labels_classifier"),
    "deformable-detr": NetworkKind("model.backbone", _BACKBONE, "class_embed"),
    "rt-detr-v2": NetworkKind("model.backbone", _BACKBONE, "model.decoder.class_embed", _VARIFOCAL),
    "d-fine": NetworkKind(
        "model.backbone", _BACKBONE, "model.decoder.class_embed", (*_VARIFOCAL, "loss_fgl", "loss_ddf")
    ),
    "rf-detr": NetworkKind("model.backbone.projector", _VIT, "class_embed"),
    "lw-detr": NetworkKind("model.backbone.projector", _VIT, "class_embed"),
    "yolos": NetworkKind(
        _PATCHES,
        (_PATCHES,),
        "class_labels_classifier.layers.2",
        softmax=True,
        before="class_labels_classifier.layers.0",
    ),
}

#: Layers that give scores and boxes, by the last part of their name: they stay precise under mixed precision.
PRECISE = re.compile(
    r"(.*\.)?(class_labels_classifier|bbox_predictor|class_embed|bbox_embed|enc_score_head|enc_bbox_head|pre_bbox_head"
    r"|enc_out_class_embed|enc_out_bbox_embed|lqe_layers)(\.\d+)?"
)

#: Modules whose ``training`` flag adds queries that only a loss can use: denoising, groups; by their class's ending.
SWITCHES = ("ForObjectDetection", "Model", "DFineDecoder", "LwDetrAttention", "RfDetrAttention")

PRIOR = 0.01  #: Score of an untrained query (Lin et al., ICCV 2017, section 3.3), as the published models have it
UNUSED = ("mask_token",)  #: Parameters of a backbone that only its own pretraining uses


class TransformersDetector(Standardizing):
    """A network of transformers, its own code unchanged.

    Its losses are the library's own, weighted as there, added up over the layers of the decoder, so that their names do
    not depend on the number of layers: their sum is the library's loss.
    """

    def __init__(
        self,
        net: PreTrainedModel,
        kind: NetworkKind,
        config: TransformersConfig,
        input: InputConfig,
        channels: Sequence[int],
        pretrain: Callable[[PreTrainedModel], None],
    ):
        super().__init__(input)
        self.net: PreTrainedModel
        self.net, self.kind, self.settings, self.pretrain, self.size = net, kind, config, pretrain, input.size
        self.map_sites = (MapSite(f"net.{kind.map}", tuple(channels)),)
        scores = (VectorSite(f"net.{name}", last=True) for name in _layers(net, kind.scores))
        self.vector_sites = (*([VectorSite(f"net.{kind.before}")] if kind.before else []), *scores)
        self.image_part = tuple(f"net.{name}" for name in kind.image)
        self.loss_names = kind.losses
        self.in_float32([f"net.{name}" for name, _ in net.named_modules() if PRECISE.fullmatch(name)])

    def losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        boxes = [box_convert(target["boxes"], "xyxy", "cxcywh") / self.size for target in targets]
        labels = [{"class_labels": t["labels"] - 1, "boxes": box} for t, box in zip(targets, boxes, strict=True)]
        with mode_of(self._switches, training=True), _finite_boxes():
            given = self.net(self.standardized(images), labels=labels).loss_dict
        losses = {name: images.new_zeros(()) for name in self.loss_names}
        for name, value in given.items():
            kind = "_".join(name.split("_")[:2])  # loss_ce_0, loss_giou_dn_1, ...
            if kind in losses:
                losses[kind] = losses[kind] + self._weight(kind) * value
        idle = getattr(self.net.base_model, "denoising_class_embed", None)
        if idle is not None and not any(len(label["boxes"]) for label in labels):
            # Without a box there is nothing to denoise; distributed training insists on a gradient for all.
            losses[self.loss_names[0]] = losses[self.loss_names[0]] + 0 * idle.weight.sum()
        return losses

    def detect(self, images: Tensor) -> list[Detections]:
        with mode_of(self._switches, training=False):
            found = self.net(self.standardized(images))
        scores = found.logits.float()
        scores = scores.softmax(-1)[..., :-1] if self.kind.softmax else scores.sigmoid()
        corners = box_convert(found.pred_boxes.float(), "cxcywh", "xyxy") * self.size
        return [self._best(*image) for image in zip(scores, corners, strict=True)]

    def load_pretrained(self) -> None:
        self.pretrain(self.net)

    def _best(self, scores: Tensor, boxes: Tensor) -> Detections:
        """The best pairs of query and class of an image: ``scores [Q, C]``, ``boxes [Q, 4]``."""
        if self.kind.softmax:  # one class a query
            scores = scores.where(scores == scores.max(-1, keepdim=True).values, 0)
        best = scores.flatten().topk(min(self.settings.detections, scores.numel()))
        best_scores, index = best.values, best.indices
        keep = best_scores > self.settings.box_score
        query, label = index[keep] // scores.shape[-1], index[keep] % scores.shape[-1]
        return Detections(clip_boxes_to_image(boxes[query], (self.size, self.size)), label + 1, best_scores[keep])

    def _weight(self, loss: str) -> float:
        """What a loss counts in the library's sum; RT-DETR and D-FINE have weighted theirs already."""
        if "loss_vfl" in self.loss_names:
            return 1.0
        if loss == "loss_ce":
            return float(getattr(self.net.config, "class_loss_coefficient", 1.0))
        return float(getattr(self.net.config, f"{loss.removeprefix('loss_')}_loss_coefficient"))

    @property
    def _switches(self) -> list[nn.Module]:
        return [module for module in self.net.modules() if type(module).__name__.endswith(SWITCHES)]


def build(config: TransformersConfig, input: InputConfig, classes: int) -> TransformersDetector:
    """A detector by its name, untrained. Nothing is downloaded. Arguments: see `Entry.build`."""
    kind, made = KINDS[config.name], library_config(config, input, classes)
    try:
        with quiet():
            net = getattr(transformers, f"{PREFIXES[config.name]}ForObjectDetection")(made)
        channels = _channels(net, kind, input)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise UserError(f"{config.name}: {error}", where="detector.options") from None
    _let_learn(net, config)
    if not kind.softmax:
        _let_start(net, kind)
    return TransformersDetector(net, kind, config, input, channels, partial(pretrain, config.weights))


def _let_learn(net: PreTrainedModel, config: TransformersConfig) -> None:
    """The library freezes image backbones as if they were pretrained; ours may start from nothing, or see gray images.

    Batch norms stay frozen where weights are to be loaded.
    """
    backbone = getattr(net.base_model, "backbone", net)
    if config.weights is None and not hasattr(net.config, "freeze_backbone_batch_norms"):
        for module in list(backbone.modules()):
            for name, child in module.named_children():
                if type(child).__name__.endswith("FrozenBatchNorm2d"):
                    setattr(module, name, nn.BatchNorm2d(len(child.weight)))
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(not name.endswith(UNUSED))


def _let_start(net: PreTrainedModel, kind: NetworkKind) -> None:
    """Score layers that the library starts at one half start low, or most of the loss is spent on nothing."""
    for name in _layers(net, kind.scores):
        bias = net.get_parameter(f"{name}.bias")
        if bias.is_meta or not bias.any():  # there it has no values
            nn.init.constant_(bias, -math.log((1 - PRIOR) / PRIOR))


def _channels(net: PreTrainedModel, kind: NetworkKind, input: InputConfig) -> list[int]:
    """Channels of each map of the site, found by running the network up to there once."""
    training = net.training
    with torch.no_grad():
        images = torch.zeros(1, input.channels, input.size, input.size)
        output = outputs_of(net.train(False), [kind.map], lambda: net(images))[kind.map]
    net.train(training)
    return [map.shape[1] for map in maps_of(output)]


def _layers(net: PreTrainedModel, name: str) -> list[str]:
    """Names of the layers of a head: one, or one for each layer of the decoder."""
    head = net.get_submodule(name)
    return [f"{name}.{index}" for index in range(len(head))] if isinstance(head, nn.ModuleList) else [name]


@contextmanager
def _finite_boxes() -> Iterator[None]:
    """The library says in many words that its boxes are none, where they are NaN."""
    try:
        yield
    except ValueError as error:
        if "corner" not in str(error):
            raise
        raise UserError(
            "the predicted boxes are not finite", where="losses", fix="lower train.lr, or set train.clip"
        ) from None
