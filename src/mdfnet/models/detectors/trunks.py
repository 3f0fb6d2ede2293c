"""Trunks of image classifiers, torchvision's and timm's: ``[B, C, S, S]`` -> one map for each stride asked for."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

import torch
import torchvision
from torch import Tensor, nn

from mdfnet.core.errors import UserError, nearest
from mdfnet.models.detectors.weights import fetched, find_weights, read_weights, sum_colors

TIMM = "timm/"  #: Names that start so are timm's


class Cut(nn.Sequential):
    """A torchvision trunk up to the last layer asked for; gives the outputs of the layers at ``taps``, which rise."""

    def __init__(self, layers: nn.Sequential, taps: Sequence[int]):
        super().__init__(OrderedDict(list(layers.named_children())[: taps[-1] + 1]))
        self.taps = taps

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for index, layer in enumerate(self):
            x = layer(x)
            if index in self.taps:
                maps.append(x)
        return maps


def trunk(name: str, strides: Sequence[int], in_channels: int) -> tuple[nn.Module, list[int]]:
    """A classifier's trunk that gives a map of each stride (input pixels per cell, rising), and the maps' channels.

    The classifier is torchvision's, with a ``.features`` trunk, a ResNet, or ``timm/NAME``.

    Examples:
        >>> net, channels = trunk("resnet18", [8, 16], in_channels=1)
        >>> [tuple(map.shape) for map in net(torch.rand(1, 1, 64, 64))], channels
        ([(1, 128, 8, 8), (1, 256, 4, 4)], [128, 256])
    """
    known = {stride: (index, channels) for index, (stride, channels) in enumerate(_strides(name))}
    for stride in strides:
        if stride not in known:
            fix = f"it has {', '.join(map(str, known))}"
            raise UserError(f"{name} has no map of stride {stride}", where="detector.stride", fix=fix)
    taps = [known[stride][0] for stride in strides]
    if name.startswith(TIMM):
        net = _timm(name, in_chans=in_channels, out_indices=taps)
    else:
        net = Cut(_features(name), taps)
        if in_channels == 1:
            gray_input(net)
    return net, [known[stride][1] for stride in strides]


def trunk_state(name: str, weights: str, net: nn.Module) -> dict[str, Tensor]:
    """A classifier's pretrained weights under the names they have in its trunk.

    ``weights`` is their name in torchvision, or of a pretrained tag in timm, which is downloaded; or a ``.safetensors``
    file with the classifier's state.
    """
    if not name.startswith(TIMM):
        return {key.removeprefix("features."): value for key, value in find_weights(name, weights).items()}
    given = read_weights(weights) if weights.endswith(".safetensors") else _download(name, weights)
    # In a trunk timm joins the first names with an underscore where the classifier has a dot.
    joined = {key.replace(".", "_"): value for key, value in given.items()}
    names = {key: key.replace(".", "_") for key in net.state_dict()}
    return {key: joined[name] for key, name in names.items() if name in joined}


def gray_input(net: nn.Module) -> None:
    """Let a network's first convolution take gray images; it starts as if the image were copied to three channels.

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
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias)
    setattr(owner, name, new)


@functools.cache
def _strides(name: str) -> tuple[tuple[int, int], ...]:
    """Stride and channels of every map of a classifier: behind each layer, or as timm gives them."""
    side, found = 256, []
    # Shapes only: nothing is computed, and the random numbers of whoever asks first stay as they are.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        x = torch.zeros(1, 3, side, side)
        if name.startswith(TIMM):
            return tuple((side // map.shape[-1], map.shape[1]) for map in _timm_maps(name, x))
        for layer in _features(name).eval():
            x = layer(x)
            found.append((side // x.shape[-1], x.shape[1]))
    return tuple(found)


def _features(name: str) -> nn.Sequential:
    """A classifier without its pooling and classification: its ``.features``, or what comes before ``.avgpool``."""
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


def _timm(name: str, **options: Any) -> nn.Module:
    """A trunk of timm; what lies behind its last map is left out."""
    try:
        import timm
    except ImportError:
        raise UserError(f"{name} needs timm", where="detector.backbone", fix="pip install 'mdfnet[timm]'") from None
    short = name.removeprefix(TIMM)
    if not timm.is_model(short):
        fix = nearest(short, timm.list_models()) if timm.list_models(f"*{short[:4]}*") else "see timm.list_models()"
        raise UserError(f"no timm classifier {short!r}", where="detector.backbone", fix=fix)
    try:
        made = timm.create_model(short, pretrained=False, features_only=True, **options)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise _no_maps(name, error) from None
    net = cast(timm.models.FeatureListNet, made)
    last, blocks = net.feature_info.module_name()[-1], getattr(net, "blocks", None)
    if last.startswith("blocks.") and isinstance(blocks, nn.Sequential):
        net.blocks = blocks[: int(last.split(".")[1]) + 1]
    return net


def _timm_maps(name: str, x: Tensor) -> list[Tensor]:
    try:
        maps: list[Tensor] = _timm(name).eval()(x)
    except (AssertionError, RuntimeError) as error:  # made for images of one size
        raise _no_maps(name, error) from None
    if any(map.ndim != 4 or map.shape[-1] != map.shape[-2] for map in maps):
        raise _no_maps(name, "they are not [B, C, H, W]")
    return maps


def _no_maps(name: str, reason: object) -> UserError:
    fix = "take timm/resnet18 or timm/convnext_atto, for two"
    return UserError(f"{name} has no maps for images of any size ({reason})", where="detector.backbone", fix=fix)


def _download(name: str, tag: str) -> dict[str, Tensor]:
    import timm

    short = name.removeprefix(TIMM)
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{short}.*")]
    return fetched(tag, name, tags, lambda: timm.create_model(f"{short}.{tag}", pretrained=True).state_dict())
