"""The contract of a detector, and the sites it offers to fusion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mdfnet.core.settings import InputConfig
from mdfnet.core.types import Detections


@dataclass(frozen=True)
class MapSite:
    """A module whose output is one or more feature maps ``[B, C, H, W]``: where 3-D fusion happens.

    Args:
        module: Its name in the detector.
        channels: C of each map.
    """

    module: str
    channels: tuple[int, ...]


@dataclass(frozen=True)
class VectorSite:
    """A linear or convolutional layer of a head: where 1-D fusion may happen.

    Args:
        module: Its name in the detector.
        rois: Name of the RoI pooler, where the layer sees the RoIs of all images in one ``[N, C]`` table.
        last: The layer gives the class scores themselves. What a patient alone adds there moves every box of an image
            alike, so fusion must look at the layer's input, too.
    """

    module: str
    rois: str | None = None
    last: bool = False


class Detector(nn.Module, ABC):
    """Finds boxes on images. Losses and detection are two methods, not a mode.

    Attributes:
        map_sites, vector_sites: Where fusion may attach.
        image_part: Names of the modules up to which everything depends on the images alone, so that their outputs can
            be kept while records change. They come before, or are, the map sites.
        loss_names: Names of what :meth:`losses` gives.
    """

    map_sites: tuple[MapSite, ...]
    vector_sites: tuple[VectorSite, ...]
    image_part: tuple[str, ...]
    loss_names: tuple[str, ...]

    @abstractmethod
    def losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Training losses by name, scalars.

        Args:
            images: float32 ``[B, C, S, S]`` in [0, 1].
            targets: Per image ``boxes`` float32 ``[N, 4]`` in network pixels, ``labels`` int64 ``[N]``, 1-based, and
                ``masks`` uint8 ``[N, S, S]`` where the settings have ``outlines``.
        """

    @abstractmethod
    def detect(self, images: Tensor) -> list[Detections]:
        """Detections per image in network pixels, highest score first."""

    @abstractmethod
    def load_pretrained(self) -> None:
        """Start from the weights the settings name, if any.

        Raises:
            UserError: They cannot be had or do not fit.
        """

    def in_float32(self, names: Sequence[str]) -> None:
        """Let these modules give float32 under mixed precision: 8 bits of mantissa are 2 pixels in 512."""
        for name in names:
            self.get_submodule(name).register_forward_hook(_to_float32)


class Standardizing(Detector):
    """A detector that standardizes the images itself, because its library does not."""

    mean: Tensor
    std: Tensor

    def __init__(self, input: InputConfig):
        super().__init__()
        for name, values in (("mean", input.mean), ("std", input.std)):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)

    def standardized(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


@contextmanager
def mode_of(modules: Sequence[nn.Module], training: bool) -> Iterator[None]:
    """Set the ``training`` flag of these very modules, not of their children, and put it back.

    Torchvision's detectors choose between losses and detections by that flag; batch norm and dropout below keep theirs.
    """
    before = [module.training for module in modules]
    try:
        for module in modules:
            module.training = training
        yield
    finally:
        for module, flag in zip(modules, before, strict=True):
            module.training = flag


class _Answered(Exception):
    """All that was asked has answered; the rest of the network need not run."""


def outputs_of(module: nn.Module, names: Sequence[str], run: Callable[[], object]) -> dict[str, Any]:
    """What submodules give, before other hooks see it, by name in the order they answer; then the run is broken off.

    What ``run`` does not reach is not in the answer.

    Examples:
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Linear(5, 1))  # the last one would not fit
        >>> outputs_of(net, ["1"], lambda: net(torch.rand(2, 2, 3)))["1"].shape
        torch.Size([2, 4])
    """
    outputs: dict[str, Any] = {}

    def recorder(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def after(module: nn.Module, args: Any, output: Any) -> None:
            outputs[name] = output
            if len(outputs) == len(names):
                raise _Answered

        return after

    hooks = [module.get_submodule(name).register_forward_hook(recorder(name), prepend=True) for name in names]
    try:
        run()
    except _Answered:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


def _to_float32(module: nn.Module, args: Any, output: Any) -> Any:
    return each_tensor(output, lambda one: one.float() if one.dtype in (torch.float16, torch.bfloat16) else one)


def each_tensor(output: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """What a module gave, dicts, lists and tuples included, with every tensor changed."""
    if isinstance(output, Tensor):
        return change(output)
    if isinstance(output, dict):
        return type(output)((key, each_tensor(value, change)) for key, value in output.items())
    return type(output)(each_tensor(one, change) for one in output) if isinstance(output, list | tuple) else output


def maps_of(output: Any) -> Iterator[Tensor]:
    """The maps in what a map site gives."""
    if isinstance(output, Tensor):
        yield output
        return
    for value in output.values() if isinstance(output, dict) else output:
        yield value[0] if isinstance(value, tuple) else value
