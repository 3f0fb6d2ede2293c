"""1-D fusion: let a layer of a head see the clinical vector beside its own input."""

from __future__ import annotations

import math

from torch import Tensor, nn


class Concat(nn.Module):
    """``layer(cat[x, z])``, written as ``layer(x) + project(z)``: the layer and its pretrained weights stay.

    Args:
        dim: Width of the clinical vector.
        layer: The linear or convolutional layer that is fused.
        zero_start: Start as the plain layer. False: as a fresh linear layer over ``[x, z]`` (torch's default for its
            width), which is what the paper trains.

    Examples:
        >>> import torch
        >>> layer = nn.Linear(6, 4)
        >>> x, z = torch.rand(5, 6), torch.rand(5, 3)
        >>> torch.equal(Concat(3, layer)(x, layer(x), z), layer(x))
        True
    """

    def __init__(self, dim: int, layer: nn.Linear | nn.Conv2d, *, zero_start: bool = True):
        super().__init__()
        width_in, width_out = channels_of(layer)
        self.project = nn.Linear(dim, width_out, bias=False)
        if zero_start:
            nn.init.zeros_(self.project.weight)
        else:
            bound = 1 / math.sqrt(width_in + dim)
            for parameter in (self.project.weight, layer.weight, layer.bias):
                nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        return y + self.project(z)


def channels_of(layer: nn.Linear | nn.Conv2d) -> tuple[int, int]:
    """Input and output channels of a layer.

    Examples:
        >>> channels_of(nn.Conv2d(3, 8, 1)), channels_of(nn.Linear(4, 2))
        ((3, 8), (4, 2))
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    return layer.in_channels, layer.out_channels
