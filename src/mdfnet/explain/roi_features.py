"""How what fusion adds to an image's map comes into regions of it, worked out once for all records.

Pooling and resizing are linear, so a region of ``map + resized(added)`` is that of the map plus a fixed mixture of the
few cells of what is added: no map is fused, whatever its size. The first layer behind the pooler is linear, too: what
it makes of each cell can be worked out as well, and then no region is pooled, however many records there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection.faster_rcnn import TwoMLPHead

from mdfnet.models.detectors.base import maps_of
from mdfnet.models.fusion.encoder import Patients
from mdfnet.models.fusion.features import Features
from mdfnet.models.fusion.maps import Added, resized
from mdfnet.models.fusion.vectors import Concat, FiLMVector
from mdfnet.models.model import Model

#: Cells of what a fuser adds, up to which its way into a region is worked out once instead of for every record.
CELLS = 256

#: What modules of the second stage, by their names, answer for R encoded records.
Answers = Callable[[Patients], dict[str, Tensor]]


@dataclass(frozen=True)
class RoIFeatures:
    """From what a fuser adds into N regions of one image.

    Args:
        fuser: What adds.
        plain: float32 ``[N, C, P, P]``, the regions of the map to which nothing is added.
        shares: float32 ``[N, cells, P * P]``, how much of each cell comes into each place of each region.
    """

    fuser: Added
    plain: Tensor
    shares: Tensor

    @property
    def cells(self) -> int:
        """How many cells a fuser adds."""
        return self.shares.shape[1]

    def to_pooler(self, patients: Patients) -> dict[str, Tensor]:
        """The pooler's answer, ``[R * N, C, P, P]``."""
        pooled = torch.einsum("rck,nkp->rncp", self._added(patients), self.shares).unflatten(-1, self.plain.shape[-2:])
        return {"box_roi_pool": (pooled + self.plain).flatten(0, 1)}

    def to_layer(self, layer: nn.Linear, patients: Patients) -> dict[str, Tensor]:
        """The answer of the head's first layer, ``[R * N, W]``; pays from about as many records as there are cells."""
        added = self._added(patients).transpose(1, 2).contiguous()
        weight = layer.weight.unflatten(1, (self.plain.shape[1], -1))  # [W, C, P * P]
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
    """The ways into regions ``[N, 4]`` in network pixels of one image; None where each record needs a fused map."""
    (name,) = model.detector.image_part
    maps, fuser = list(maps_of(features.outputs[name])), _adding_fuser(model)
    if fuser is None or len(maps) != 1:
        return None
    sizes, pooler = [tuple(features.images.shape[-2:])], model.detector.net.roi_heads.box_roi_pool
    nobody = torch.full((1, len(model.schema)), torch.nan, device=regions.device)
    with model.seeing(features.without_outputs(), nobody):
        cells = fuser.added(model.fusion.context.patients)[0].shape[-2:]
        if cells.numel() > CELLS:
            return None
        each = torch.eye(cells.numel(), device=regions.device).unflatten(1, cells)[None]
        # ``forward``: the hooks of the pooler are of no use here.
        shares = pooler.forward({"0": resized(each, maps[0].shape[-2:])}, [regions], sizes)
        return RoIFeatures(fuser, pooler.forward({"0": maps[0]}, [regions], sizes), shares.flatten(2))


def first_layer(model: Model) -> nn.Linear | None:
    """The linear layer right behind the pooler, if whatever is fused there does not look at the layer's input."""
    head, fuser = model.detector.net.roi_heads.box_head, model.fusion.vector_fuser("net.roi_heads.box_head.fc6")
    blind = fuser is None or isinstance(fuser, Concat | FiLMVector)
    return head.fc6 if blind and isinstance(head, TwoMLPHead) else None


def _adding_fuser(model: Model) -> Added | None:
    """The fuser of the detector's map, if it adds something to it."""
    hooks = list(model.fusion.maps.values()) if model.fusion is not None else []
    return hooks[0].fuser if len(hooks) == 1 and isinstance(hooks[0].fuser, Added) else None
