"""3-D fusion: grow the clinical vector into a map and add it to the detector's feature map."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.nn import functional as F


class Deconv(nn.Module):
    """Spatialize ``[B, dim]`` by a few transposed convolutions and add it to a feature map, whatever its size.

    Starts by adding exactly zero. The map is grown to ``2 ** doublings`` cells a side and resized to the feature map: a
    clinical map is smooth, so growing it to the film's size, as the paper does, costs much and adds nothing.

    Args:
        dim: Width of the clinical vector.
        channels: C of the feature map.
        hidden: Channels while growing.
        doublings: How often the side is doubled.

    Examples:
        >>> import torch
        >>> fuser, feature = Deconv(dim=8, channels=16), torch.rand(2, 16, 12, 12)
        >>> torch.equal(fuser(feature, torch.rand(2, 8)), feature)
        True
    """

    def __init__(self, dim: int, channels: int, *, hidden: int = 32, doublings: int = 3):
        super().__init__()
        widths = [dim] + [hidden] * doublings
        grow = []
        for before, after in itertools.pairwise(widths):
            grow += [
                nn.ConvTranspose2d(before, after, 2, 2),
                nn.ReLU(),
                nn.Conv2d(after, after, 3, padding=1),
                nn.ReLU(),
            ]
        self.grow, self.out = nn.Sequential(*grow), nn.Conv2d(widths[-1], channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, feature: Tensor, z: Tensor) -> Tensor:
        clinical = self.out(self.grow(z[:, :, None, None]))
        return feature + F.interpolate(clinical, feature.shape[-2:], mode="bilinear")


class PaperMap(nn.Module):
    """The paper's 3-D fusion: grow to an image of the film's size, pass it through a second backbone, add.

    Source: arXiv 2302.13390 and the authors' code: log2(size) stages of transposed convolution, batch norm,
    ReLU, convolution, batch norm, ReLU; the last convolution has three channels and no ReLU behind it. 447,369
    parameters for 64 channels and 512 pixels.

    Args:
        dim: Width of the clinical vector and of the stages.
        size: Side of the film, a power of two.
        backbone: The second image backbone.

    Raises:
        ValueError: ``size`` is not a power of two.
    """

    def __init__(self, dim: int, size: int, backbone: nn.Module):
        super().__init__()
        if size & (size - 1):
            raise ValueError(f"the paper's spatialization doubles up to the film's size: {size} is not a power of two")
        stages = size.bit_length() - 1
        self.grow = nn.Sequential(*(_stage(dim, dim, last=False) for _ in range(stages - 1)), _stage(dim, 3, last=True))
        self.backbone = backbone

    def forward(self, feature: Tensor, z: Tensor) -> Tensor:
        return feature + self.backbone(self.grow(z[:, :, None, None]))


def _stage(dim: int, out: int, *, last: bool) -> nn.Sequential:
    up = [nn.ConvTranspose2d(dim, dim, 2, 2), nn.BatchNorm2d(dim), nn.ReLU(inplace=True)]
    mix = [nn.Conv2d(dim, out, 3, padding=1), nn.BatchNorm2d(out)]
    return nn.Sequential(*up, *mix, *([] if last else [nn.ReLU(inplace=True)]))
