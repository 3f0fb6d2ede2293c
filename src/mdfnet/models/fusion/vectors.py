"""1-D fusion: let a layer of a head see the patient beside its own input.

A fuser takes the layer's input ``x [..., in]``, what it gave ``y [..., out]`` and the clinical vectors ``z``, which
broadcast to them, and gives ``[..., out]``. All start as the plain layer, bit by bit, unless told otherwise.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn

from mdfnet.models.fusion.maps import zeroed

Layer: TypeAlias = nn.Linear | nn.Conv2d  #: What can be fused


class VectorFuser(nn.Module, ABC):
    """Lets a layer see the patients beside its own input."""

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor: ...


class Concat(VectorFuser):
    """``layer(cat[x, z])``, written as ``layer(x) + project(z)``: the layer and its pretrained weights stay.

    Without ``zero_start`` it starts as a fresh linear layer over ``[x, z]`` (torch's default for its width), which is
    what the paper trains.

    Examples:
        >>> import torch
        >>> layer = nn.Linear(6, 4)
        >>> x, z = torch.rand(5, 6), torch.rand(5, 3)
        >>> torch.equal(Concat(3, layer)(x, layer(x), z), layer(x))
        True
    """

    def __init__(self, dim: int, layer: Layer, *, zero_start: bool = True):
        super().__init__()
        width_in, width_out = channels_of(layer)
        self.project = zeroed(nn.Linear(dim, width_out, bias=False))
        if not zero_start:
            bound = 1 / math.sqrt(width_in + dim)
            for parameter in (self.project.weight, *layer.parameters()):
                nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        added: Tensor = self.project(z)
        return y + added


class FiLMVector(VectorFuser):
    """Scale and shift what the layer gives by the patient: feature-wise linear modulation (Perez et al., AAAI 2018)."""

    def __init__(self, dim: int, layer: Layer):
        super().__init__()
        self.project = zeroed(nn.Linear(dim, 2 * channels_of(layer)[1]))

    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        projected: Tensor = self.project(z)
        scale, shift = projected.chunk(2, -1)
        return y * (1 + scale) + shift


class Residual(VectorFuser):
    """``layer(x) + mlp(cat[x, z])``: what is added depends on the patient and on what is looked at.

    Written with one projection for each, so that ``z`` is not copied to every row of ``x``.
    """

    def __init__(self, dim: int, layer: Layer, *, hidden: int = 64):
        super().__init__()
        width_in, width_out = channels_of(layer)
        self.look, self.know = nn.Linear(width_in, hidden), nn.Linear(dim, hidden, bias=False)
        self.out = zeroed(nn.Linear(hidden, width_out))

    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        hidden = self.look(x).add_(self.know(z)).relu_()  # in place: there may be as many rows as a map has cells
        added: Tensor = self.out(hidden)
        return y + added


def channels_of(layer: Layer) -> tuple[int, int]:
    """Input and output channels of a layer.

    Examples:
        >>> channels_of(nn.Conv2d(3, 8, 1)), channels_of(nn.Linear(4, 2))
        ((3, 8), (4, 2))
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    return layer.in_channels, layer.out_channels


#: Vector fusers by their name in the config.
VECTORS: dict[str, Callable[[int, Layer], VectorFuser]] = {"concat": Concat, "film": FiLMVector, "residual": Residual}
