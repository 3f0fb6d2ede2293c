"""Image backbones: a classifier's trunk, cut where its stride is what the detector wants."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from mdfnet.models.detectors.settings import ComposedConfig
from mdfnet.models.detectors.trunks import trunk, trunk_state
from mdfnet.models.detectors.weights import load_fitting


class Backbone(nn.Module):
    """A trunk and a 3x3 convolution: ``[B, in_channels, S, S] -> [B, channels, S / stride, S / stride]``.

    Where the trunk goes deeper than the map's stride, its last output is enlarged and added, as a feature pyramid does
    (Lin et al., CVPR 2017): small findings need the fine map, classification needs the deep one.

    With ``mobilenet_v3_small``, stride and depth 32, 64 channels, no norm and 3 input channels it is the paper's (arXiv
    2302.13390): 1,258,848 parameters.

    The arguments are those of :class:`~mdfnet.models.detectors.settings.ComposedConfig`. MobileNetV3's own momentum,
    0.01, was made for ImageNet's million steps: in a run of a thousand, evaluation would lag far behind training.

    Examples:
        >>> net = Backbone("mobilenet_v2", stride=8, depth=16, channels=64, norm=True, momentum=0.1, in_channels=1)
        >>> net(torch.rand(1, 1, 64, 64)).shape
        torch.Size([1, 64, 8, 8])
    """

    def __init__(
        self, name: str, *, stride: int, depth: int, channels: int, norm: bool, momentum: float | None, in_channels: int
    ):
        super().__init__()
        self.out_channels = channels  # where torchvision's detectors look for it
        self.trunk, widths = trunk(name, sorted({stride, depth}), in_channels)
        fine, deep = widths[0], widths[-1]
        self.lateral = nn.Conv2d(fine, channels, 1) if depth > stride else None
        self.top = nn.Conv2d(deep, channels, 1) if depth > stride else None
        width = channels if depth > stride else deep
        self.neck = nn.Conv2d(width, channels, 3, padding=1, bias=not norm)
        self.norm = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True)) if norm else nn.Identity()
        for module in self.modules():
            if momentum is not None and isinstance(module, nn.BatchNorm2d):
                module.momentum = momentum

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.trunk(x)
        x = maps[-1]
        if self.lateral is not None and self.top is not None:
            fine = self.lateral(maps[0])
            x = fine + F.interpolate(self.top(x), fine.shape[-2:], mode="nearest")
        out: torch.Tensor = self.norm(self.neck(x))
        return out


class Pyramid(nn.Module):
    """A backbone's map and coarser ones made from it, each half the side of the one before; ``levels`` in all, by name.

    Examples:
        >>> base = Backbone("mobilenet_v2", stride=8, depth=16, channels=64, norm=True, momentum=0.1, in_channels=1)
        >>> [map.shape[-1] for map in Pyramid(base, levels=3)(torch.rand(1, 1, 64, 64)).values()]
        [8, 4, 2]
    """

    def __init__(self, base: Backbone, levels: int):
        super().__init__()
        self.base, self.out_channels = base, base.out_channels
        width = base.out_channels
        self.coarser = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
            for _ in range(levels - 1)
        )

    def forward(self, x: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        maps = [self.base(x)]
        for step in self.coarser:
            maps.append(step(maps[-1]))
        return OrderedDict((str(level), map) for level, map in enumerate(maps))


def image_backbone(config: ComposedConfig, in_channels: int) -> Backbone:
    """The backbone a config asks for."""
    return Backbone(
        config.backbone,
        stride=config.stride,
        depth=config.depth,
        channels=config.channels,
        norm=config.norm,
        momentum=config.norm_momentum,
        in_channels=in_channels,
    )


def pretrain(config: ComposedConfig, net: nn.Module) -> None:
    """Start the trunks of all backbones in a network from the weights a config names, if any."""
    if config.weights is None:
        return
    for module in net.modules():
        if isinstance(module, Backbone):
            state = trunk_state(config.backbone, config.weights, module.trunk)
            load_fitting(module.trunk, state, where=config.weights, fix=f"give the weights of {config.backbone}")
