"""Image backbones: a torchvision classifier's trunk, cut where its stride is what the detector wants."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from mdfnet.errors import UserError, nearest


def backbone(
    name: str, *, stride: int, channels: int, norm: bool, momentum: float | None, in_channels: int
) -> nn.Sequential:
    """A trunk and a 3x3 convolution: ``[B, in_channels, S, S] -> [B, channels, S / stride, S / stride]``.

    With ``mobilenet_v3_small``, stride 32, 64 channels, no norm and 3 input channels it is the paper's
    (arXiv 2302.13390, section 3): 1,258,848 parameters.

    Args:
        name: A torchvision classifier with a ``.features`` trunk.
        stride: Input pixels per cell of the map.
        channels: Channels of the map.
        norm: Put batch norm and ReLU behind the convolution.
        momentum: Of all batch norms; None leaves the trunk's own. MobileNetV3's 0.01 was made for ImageNet's million steps:
            in a run of a thousand, evaluation would lag far behind training.
        in_channels: 1 or 3.

    Raises:
        UserError: No such classifier, or it has no trunk of that stride.

    Examples:
        >>> net = backbone("mobilenet_v3_small", stride=16, channels=64, norm=True, momentum=0.1, in_channels=1)
        >>> net(torch.rand(1, 1, 64, 64)).shape, net.out_channels
        (torch.Size([1, 64, 4, 4]), 64)
    """
    trunk = _trunk(name, stride)
    if in_channels == 1:
        _grey_input(trunk)
    width = _width(trunk, in_channels)
    layers = [("trunk", trunk), ("neck", nn.Conv2d(width, channels, 3, padding=1, bias=not norm))]
    if norm:
        layers += [("norm", nn.BatchNorm2d(channels)), ("act", nn.ReLU(inplace=True))]
    net = nn.Sequential(OrderedDict(layers))
    for module in net.modules():
        if momentum is not None and isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum
    net.out_channels = channels  # where torchvision's detectors look for it
    return net


def load_weights(net: nn.Sequential, name: str, weights: str) -> None:
    """Start a backbone's trunk from pretrained weights; a grey first layer gets the sum over the colors.

    Args:
        net: What :func:`backbone` made.
        name: The classifier it was made from.
        weights: A ``.safetensors`` file with the classifier's state, or a torchvision weight's name (``DEFAULT``,
            ``IMAGENET1K_V1``), which is downloaded.

    Raises:
        UserError: The weights cannot be had or do not fit.
    """
    state = _local(weights) if weights.endswith(".safetensors") else _download(name, weights)
    prefix = "features."
    state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    trunk = net.trunk
    wanted = trunk.state_dict()
    missing = [key for key in wanted if key not in state]
    if missing:
        raise UserError(f"no {prefix}{missing[0]} among the weights", where=weights, fix=f"give the weights of {name}")
    first = next(key for key in wanted if wanted[key].ndim == 4)
    if wanted[first].shape[1] == 1 and state[first].shape[1] == 3:
        state[first] = state[first].sum(1, keepdim=True)
    try:
        trunk.load_state_dict({key: state[key] for key in wanted})
    except RuntimeError as error:
        raise UserError(str(error).splitlines()[-1].strip(), where=weights, fix=f"give the weights of {name}") from None


def _local(path: str) -> dict[str, torch.Tensor]:
    if not Path(path).is_file():
        raise UserError("no such weights file", where=path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"not a safetensors file: {error}", where=path) from None


def _download(name: str, weights: str) -> dict[str, torch.Tensor]:
    known = torchvision.models.get_model_weights(name)
    if weights not in known.__members__:
        raise UserError(
            f"{name} has no weights {weights!r}", where="detector.weights", fix=nearest(weights, known.__members__)
        )
    try:
        return known[weights].get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        fix = "give a local .safetensors file as detector.weights, or detector.weights=null to train from scratch"
        raise UserError(f"cannot download {weights} of {name} ({error})", where="detector.weights", fix=fix) from None


def _trunk(name: str, stride: int) -> nn.Sequential:
    known = [model for model in torchvision.models.list_models(module=torchvision.models)]
    if name not in known:
        raise UserError(f"no torchvision classifier {name!r}", where="detector.backbone", fix=nearest(name, known))
    net = torchvision.models.get_model(name, weights=None)
    features = getattr(net, "features", None)
    if not isinstance(features, nn.Sequential):
        raise UserError(
            f"{name} has no .features trunk", where="detector.backbone", fix="take mobilenet_v3_small, for one"
        )
    kept, x, side = [], torch.zeros(1, 3, 256, 256), 256
    net.eval()
    with torch.no_grad():
        for layer in features:
            x = layer(x)
            if side // x.shape[-1] > stride:
                break
            kept.append(layer)
    trunk = nn.Sequential(*kept)
    if _stride(trunk) != stride:
        raise UserError(f"{name} has no feature map of stride {stride}", where="detector.stride")
    return trunk.train()


def _stride(trunk: nn.Sequential) -> int:
    with torch.no_grad():
        return 256 // trunk.eval()(torch.zeros(1, 3, 256, 256)).shape[-1]


def _width(trunk: nn.Sequential, in_channels: int) -> int:
    with torch.no_grad():
        width = trunk.eval()(torch.zeros(1, in_channels, 64, 64)).shape[1]
    trunk.train()
    return width


def _grey_input(trunk: nn.Sequential) -> None:
    """Give the first convolution one input channel; starts as if the grey film were copied to three."""
    owner, name = next(
        (module, name)
        for module in trunk.modules()
        for name, child in module.named_children()
        if isinstance(child, nn.Conv2d)
    )
    old = getattr(owner, name)
    new = nn.Conv2d(1, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)
    with torch.no_grad():
        new.weight.copy_(old.weight.sum(1, keepdim=True))
    setattr(owner, name, new)
