"""Image backbones: a torchvision classifier's trunk, cut where its stride is what the detector wants."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from mdfnet.errors import UserError, nearest


class Backbone(nn.Module):
    """A trunk and a 3x3 convolution: ``[B, in_channels, S, S] -> [B, channels, S / stride, S / stride]``.

    Where the trunk goes deeper than the map's stride, its last output is enlarged and added, as a feature pyramid does
    (Lin et al., CVPR 2017): small findings need the fine map, telling them apart needs the deep one.

    With ``mobilenet_v3_small``, stride and depth 32, 64 channels, no norm and 3 input channels it is the paper's
    (arXiv 2302.13390): 1,258,848 parameters.

    Args:
        name: A torchvision classifier with a ``.features`` trunk.
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
            _grey_input(self.trunk)
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


def load_weights(net: Backbone, name: str, weights: str) -> None:
    """Start a backbone's trunk from pretrained weights; a grey first layer gets the sum over the colors.

    Args:
        net: The backbone.
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


def _features(name: str) -> nn.Sequential:
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise UserError(f"no torchvision classifier {name!r}", where="detector.backbone", fix=nearest(name, known))
    features = getattr(torchvision.models.get_model(name, weights=None), "features", None)
    if not isinstance(features, nn.Sequential):
        fix = "take mobilenet_v3_small, for one"
        raise UserError(f"{name} has no .features trunk", where="detector.backbone", fix=fix)
    return features


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
