"""3-D fusion: bring the patient into the detector's feature maps.

A fuser takes all maps of a site, ``[B, C, H, W]`` each, and the :class:`~mdfnet.models.fusion.encoder.Patients`, and
gives maps of the same shapes. All but the paper's start as the identity, bit by bit.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mdfnet.models.detectors.backbone import Backbone
from mdfnet.models.fusion.encoder import Patients

Maps = Sequence[Tensor]


def zeroed(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """A layer that gives exactly zero until it is trained.

    Examples:
        >>> zeroed(nn.Linear(2, 1))(torch.rand(1, 2)).item()
        0.0
    """
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def resized(map: Tensor, size: Sequence[int]) -> Tensor:
    """A map ``[B, C, h, w]`` at another size ``(H, W)``, bilinearly."""
    if map.shape[-2:] == size:
        return map
    # Channels last, as the detectors' own maps are: on a CPU, resizing and adding are then 7 to 14 times faster.
    return F.interpolate(map.contiguous(memory_format=torch.channels_last), size, mode="bilinear")


class MapFuser(nn.Module, ABC):
    """Brings the patients into all maps of a site."""

    @abstractmethod
    def forward(self, maps: Maps, patients: Patients) -> list[Tensor]: ...


class Added(MapFuser):
    """A fuser that adds to the maps something that depends on the patient alone."""

    @abstractmethod
    def added(self, patients: Patients) -> list[Tensor]:
        """What is added to each map, ``[B, C, h, w]``, before it is resized to the map."""

    def forward(self, maps: Maps, patients: Patients) -> list[Tensor]:
        return [map + resized(added, map.shape[-2:]) for map, added in zip(maps, self.added(patients), strict=True)]


class Deconv(Added):
    """Spatialize the clinical vector by a few transposed convolutions and add it to the maps, whatever their sizes.

    The map is grown to ``2 ** doublings`` cells a side, with ``hidden`` channels, and resized to the feature maps: a
    clinical map is smooth, so growing it to the image's size, as the paper does, costs much and adds nothing.

    Examples:
        >>> fuser, feature = Deconv(dim=8, channels=[16]), torch.rand(2, 16, 12, 12)
        >>> torch.equal(fuser([feature], Patients.of(torch.rand(2, 8)))[0], feature)
        True
    """

    def __init__(self, dim: int, channels: Sequence[int], *, hidden: int = 32, doublings: int = 3):
        super().__init__()
        grow = []
        for before, after in itertools.pairwise([dim] + [hidden] * doublings):
            grow += [nn.ConvTranspose2d(before, after, 2, 2), nn.ReLU()]
            grow += [nn.Conv2d(after, after, 3, padding=1), nn.ReLU()]
        self.grow = nn.Sequential(*grow)
        self.out = nn.ModuleList(zeroed(nn.Conv2d(hidden, width, 1)) for width in channels)

    def added(self, patients: Patients) -> list[Tensor]:
        grown = self.grow(patients.vector[:, :, None, None])
        return [out(grown) for out in self.out]


class Repeat(MapFuser):
    """Add the clinical vector, projected to the map's channels, to every cell alike."""

    def __init__(self, dim: int, channels: Sequence[int]):
        super().__init__()
        self.project = nn.ModuleList(zeroed(nn.Linear(dim, width)) for width in channels)

    def forward(self, maps: Maps, patients: Patients) -> list[Tensor]:
        return [
            map + project(patients.vector)[:, :, None, None] for map, project in zip(maps, self.project, strict=True)
        ]


class FiLMMap(MapFuser):
    """Scale and shift every channel by the patient: feature-wise linear modulation (Perez et al., AAAI 2018)."""

    def __init__(self, dim: int, channels: Sequence[int]):
        super().__init__()
        self.project = nn.ModuleList(zeroed(nn.Linear(dim, 2 * width)) for width in channels)

    def forward(self, maps: Maps, patients: Patients) -> list[Tensor]:
        fused = []
        for map, project in zip(maps, self.project, strict=True):
            scale, shift = project(patients.vector)[:, :, None, None].chunk(2, 1)
            fused.append(map * (1 + scale) + shift)
        return fused


class Attention(MapFuser):
    """Every cell asks the patient's tokens, one a feature, for what matters to it, and adds the answer.

    What is missing cannot be asked; a token of its own answers where nothing else can.
    """

    def __init__(self, dim: int, channels: Sequence[int], *, hidden: int = 32):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1, 1, dim))
        self.key, self.value = nn.Linear(dim, hidden), nn.Linear(dim, hidden)
        self.query = nn.ModuleList(nn.Conv2d(width, hidden, 1) for width in channels)
        self.out = nn.ModuleList(zeroed(nn.Conv2d(hidden, width, 1)) for width in channels)

    def forward(self, maps: Maps, patients: Patients) -> list[Tensor]:
        tokens = torch.cat([patients.tokens, self.nothing.expand(len(patients.tokens), -1, -1)], 1)
        asked = F.pad(patients.present, (0, 1), value=True)[:, None]  # [B, 1, T]
        key, value = self.key(tokens), self.value(tokens)
        fused = []
        for map, query, out in zip(maps, self.query, self.out, strict=True):
            questions = query(map).flatten(2).transpose(1, 2)  # [B, cells, hidden]
            answers = F.scaled_dot_product_attention(questions, key, value, attn_mask=asked)
            fused.append(map + out(answers.transpose(1, 2).reshape(len(map), -1, *map.shape[-2:])))
        return fused


class PaperMap(Added):
    """The paper's 3-D fusion: grow to an image of the image's size, pass it through a second backbone, add.

    Source: arXiv 2302.13390 and the authors' code: log2(size) stages of transposed convolution, batch norm, ReLU,
    convolution, batch norm, ReLU; the last convolution has three channels and no ReLU behind it. 447,369 parameters for
    64 channels and 512 pixels. A site that does not have the one map of the second backbone's own width gets a
    projection to each of its maps.
    """

    def __init__(self, dim: int, channels: Sequence[int], size: int, backbone: Backbone):
        super().__init__()
        if size & (size - 1):
            raise ValueError(f"the paper's spatialization doubles up to the image's size: {size} is not a power of two")
        stages = size.bit_length() - 1
        self.grow = nn.Sequential(*(_stage(dim, dim, last=False) for _ in range(stages - 1)), _stage(dim, 3, last=True))
        self.backbone = backbone
        width = backbone.out_channels
        alike = list(channels) == [width]
        self.project = nn.ModuleList(nn.Identity() if alike else nn.Conv2d(width, c, 1) for c in channels)

    def added(self, patients: Patients) -> list[Tensor]:
        clinical = self.backbone(self.grow(patients.vector[:, :, None, None]))
        return [project(clinical) for project in self.project]


def _stage(dim: int, out: int, *, last: bool) -> nn.Sequential:
    up = [nn.ConvTranspose2d(dim, dim, 2, 2), nn.BatchNorm2d(dim), nn.ReLU(inplace=True)]
    mix = [nn.Conv2d(dim, out, 3, padding=1), nn.BatchNorm2d(out)]
    return nn.Sequential(*up, *mix, *([] if last else [nn.ReLU(inplace=True)]))


#: Light map fusers by their name in the config.
MAPS: dict[str, Callable[[int, Sequence[int]], MapFuser]] = {
    "deconv": Deconv,
    "repeat": Repeat,
    "film": FiLMMap,
    "attention": Attention,
}
