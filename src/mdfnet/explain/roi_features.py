"""RoI features of one image, precomputed but for what fusion adds, so that any number of records is cheap.

Pooling and resizing are linear, so the RoI features of ``map + resized(added)`` are those of the map plus a fixed
mixture of the few cells of what is added: no map is fused, whatever its size. The first layer behind the pooler is
linear, too: what it makes of each cell can be precomputed as well, and then no region is pooled at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from mdfnet.models.detectors.base import maps_of
from mdfnet.models.fusion.encoder import Patients
from mdfnet.models.fusion.features import Features
from mdfnet.models.fusion.maps import Added, resized
from mdfnet.models.fusion.vectors import Concat, FiLMVector
from mdfnet.models.model import Model

CELLS = 256  #: Cells of what a fuser adds, up to which their shares in a region are precomputed

#: For R encoded records what modules of the second stage give, by the modules' names.
Outputs = Callable[[Patients], dict[str, Tensor]]


@dataclass(frozen=True)
class RoIFeatures:
    """Of N regions of one image."""

    fuser: Added  #: What adds to the map
    plain: Tensor  #: float32 ``[N, C, P, P]``, features of the map to which nothing is added
    shares: Tensor  #: float32 ``[N, cells, P * P]``, how much of each added cell reaches each place of each region

    @property
    def cells(self) -> int:
        return self.shares.shape[1]

    def pooled(self, patients: Patients) -> dict[str, Tensor]:
        """The pooler's output, ``[R * N, C, P, P]``."""
        added = torch.einsum("rck,nkp->rncp", self._added(patients), self.shares)
        return {"box_roi_pool": (added.view(*added.shape[:3], *self.plain.shape[-2:]) + self.plain).flatten(0, 1)}

    def through_layer(self, layer: nn.Linear, patients: Patients) -> dict[str, Tensor]:
        """The output of the head's first layer, ``[R * N, W]``; pays from about as many records as there are cells."""
        added = self._added(patients).transpose(1, 2).contiguous()
        weight = layer.weight.view(layer.out_features, self.plain.shape[1], -1)  # [W, C, P * P]
        each = []
        for share, plain in zip(self.shares, F.linear(self.plain.flatten(1), layer.weight, layer.bias), strict=True):
            inside = share.any(1).nonzero()[:, 0]  # most cells lie outside of a region
            of_cells = torch.einsum("wcp,kp->wkc", weight, share[inside]).flatten(1)
            each.append(F.linear(added.index_select(1, inside).flatten(1), of_cells, plain))
        pooled = added.new_empty(len(added) * len(each), 0)  # what the layer would have looked at
        return {"box_roi_pool": pooled, "box_head.fc6": torch.stack(each, 1).flatten(0, 1)}

    def _added(self, patients: Patients) -> Tensor:
        """``[R, C, cells]``."""
        added = self.fuser.added(patients)[0].flatten(2)
        return patients.where_known(added, torch.zeros_like(added))


def precompute_roi_features(model: Model, features: Features, regions: Tensor) -> RoIFeatures | None:
    """For regions ``[N, 4]`` in network pixels of one image; None where each record needs a fused map of its own."""
    (name,) = model.detector.image_part
    maps, hooks = list(maps_of(features.outputs[name])), list(model.fusion.maps.values()) if model.fusion else []
    fuser = hooks[0].fuser if len(hooks) == len(maps) == 1 else None
    if not isinstance(fuser, Added):
        return None
    sizes, pooler = [tuple(features.images.shape[-2:])], two_stage_net(model).roi_heads.box_roi_pool
    no_record = torch.full((1, len(model.schema)), torch.nan, device=regions.device)
    with model.seeing(features.without_outputs(), no_record):
        cells = fuser.added(seen_patients(model))[0].shape[-2:]
        if cells.numel() > CELLS:
            return None
        each = torch.eye(cells.numel(), device=regions.device).view(1, -1, *cells)
        # ``forward``: the hooks of the pooler are of no use here.
        shares = pooler.forward({"0": resized(each, maps[0].shape[-2:])}, [regions], sizes)
        return RoIFeatures(fuser, pooler.forward({"0": maps[0]}, [regions], sizes), shares.flatten(2))


def first_layer(model: Model) -> nn.Linear | None:
    """The linear layer right behind the pooler, if whatever is fused there does not look at the layer's input."""
    head, name = two_stage_net(model).roi_heads.box_head, "net.roi_heads.box_head.fc6"
    fuser = model.fusion.vector_fuser(name) if model.fusion else None
    blind = fuser is None or isinstance(fuser, Concat | FiLMVector)
    return head.fc6 if blind and isinstance(head, TwoMLPHead) else None


def two_stage_net(model: Model) -> GeneralizedRCNN:
    """The network of a model that :func:`mdfnet.explain.regions.has_regions`."""
    return model.detector.net


def seen_patients(model: Model) -> Patients:
    """The encoded records of a fused model while :meth:`mdfnet.Model.seeing` is entered."""
    if model.fusion is None or model.fusion.context.patients is None:
        raise RuntimeError("the model sees no records")
    return model.fusion.context.patients
