"""Image backbones: a torchvision classifier's trunk, cut where its stride is what the detector wants."""

from __future__ import annotations

import functools
from collections import OrderedDict

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from mdfnet.detectors.settings import ComposedConfig
from mdfnet.detectors.weights import find_weights, load_fitting, sum_colors
from mdfnet.errors import UserError, nearest


class Backbone(nn.Module):
    """A trunk and a 3x3 convolution: ``[B, in_channels, S, S] -> [B, channels, S / stride, S / stride]``.

    Where the trunk goes deeper than the map's stride, its last output is enlarged and added, as a feature pyramid does
    (Lin et al., CVPR 2017): small findings need the fine map, telling them apart needs the deep one.

    With ``mobilenet_v3_small``, stride and depth 32, 64 channels, no norm and 3 input channels it is the paper's
    (arXiv 2302.13390): 1,258,848 parameters.

    Args:
        name: A torchvision classifier with a ``.features`` trunk, or a ResNet.
        stride: Input pixels per cell of the map.
        depth: Stride of the trunk's last layer, at least ``stride``.
        channels: Channels of the map.
        norm: Put batch norm and ReLU behind the convolution.
        momentum: Of all batch norms; None leaves the trunk's own. MobileNetV3's 0.01 was made for ImageNet's million
            steps: in a run of a thousand, evaluation would lag far behind training.
        in_channels: 1 or 3.

    Raises:
        UserError: No such classifier, or it has no map of that stride.

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
        features = _features(name)
        layers = _layers(name)
        for wanted in (stride, depth):
            if wanted not in layers:
                known = ", ".join(map(str, layers))
                raise UserError(f"{name} has no map of stride {wanted}", where="detector.stride", fix=f"it has {known}")
        (self.tap, fine), (last, deep) = layers[stride], layers[depth]
        self.trunk = features[: last + 1]
        if in_channels == 1:
            grey_input(self.trunk)
        self.lateral = nn.Conv2d(fine, channels, 1) if depth > stride else None
        self.top = nn.Conv2d(deep, channels, 1) if depth > stride else None
        width = channels if depth > stride else deep
        self.neck = nn.Conv2d(width, channels, 3, padding=1, bias=not norm)
        self.norm = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True)) if norm else nn.Identity()
        for module in self.modules():
            if momentum is not None and isinstance(module, nn.BatchNorm2d):
                module.momentum = momentum

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for index, layer in enumerate(self.trunk):
            x = layer(x)
            if index == self.tap:
                fine = x
        if self.lateral is not None:
            fine = self.lateral(fine)
            x = fine + F.interpolate(self.top(x), fine.shape[-2:], mode="nearest")
        return self.norm(self.neck(x))


class Pyramid(nn.Module):
    """A backbone's map and coarser ones made from it: ``[B, in_channels, S, S]`` -> one map per level, by name.

    Args:
        base: Makes the finest map.
        levels: Number of maps; each has half the side of the one before.

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


def load_weights(net: Backbone, name: str, weights: str) -> None:
    """Start a backbone's trunk from pretrained weights.

    Args:
        net: The backbone.
        name: The classifier it was made from.
        weights: See :func:`mdfnet.detectors.weights.find_weights`.

    Raises:
        UserError: The weights cannot be had or do not fit.
    """
    state = {key.removeprefix("features."): value for key, value in find_weights(name, weights).items()}
    load_fitting(net.trunk, state, where=weights, fix=f"give the weights of {name}")


def pretrain(config: ComposedConfig, net: nn.Module) -> None:
    """Start the trunks of all backbones in a network from the weights a config names, if any.

    Raises:
        UserError: The weights cannot be had or do not fit.
    """
    if config.weights is None:
        return
    state = find_weights(config.backbone, config.weights)
    state = {key.removeprefix("features."): value for key, value in state.items()}
    for module in net.modules():
        if isinstance(module, Backbone):
            load_fitting(module.trunk, state, where=config.weights, fix=f"give the weights of {config.backbone}")


def _features(name: str) -> nn.Sequential:
    """A classifier without its pooling and classification: its ``.features``, or what stands before ``.avgpool``."""
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise UserError(f"no torchvision classifier {name!r}", where="detector.backbone", fix=nearest(name, known))
    classifier = torchvision.models.get_model(name, weights=None)
    features = getattr(classifier, "features", None)
    if isinstance(features, nn.Sequential):
        return features
    if not isinstance(classifier, torchvision.models.ResNet):
        fix = "take mobilenet_v3_small or resnet50, for two"
        raise UserError(f"{name} has no trunk that can be cut", where="detector.backbone", fix=fix)
    layers = list(classifier.named_children())
    return nn.Sequential(OrderedDict(layers[: [child for child, _ in layers].index("avgpool")]))


@functools.cache
def _strides(name: str) -> tuple[tuple[int, int], ...]:
    """Stride and channels behind every layer of a classifier's trunk."""
    side, found = 256, []
    # Shapes only: nothing is computed, and the random numbers of whoever asks first stay as they are.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        x = torch.zeros(1, 3, side, side)
        for layer in _features(name).eval():
            x = layer(x)
            found.append((side // x.shape[-1], x.shape[1]))
    return tuple(found)


def _layers(name: str) -> dict[int, tuple[int, int]]:
    """Stride -> index and channels of the last layer of that stride."""
    return {stride: (index, channels) for index, (stride, channels) in enumerate(_strides(name))}


def grey_input(net: nn.Module) -> None:
    """Let a network's first convolution take grey films; it starts as if the film were copied to three channels.

    A stem that first lays the pixels of a patch behind each other, as YOLOX's, sees three channels of each of them.
    """
    owner, name = next(
        (module, name)
        for module in net.modules()
        for name, child in module.named_children()
        if isinstance(child, nn.Conv2d)
    )
    old = getattr(owner, name)
    pixels = old.in_channels // 3
    new = nn.Conv2d(pixels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)
    with torch.no_grad():
        new.weight.copy_(sum_colors(old.weight))
        if old.bias is not None:
            new.bias.copy_(old.bias)
    setattr(owner, name, new)
