"""The contract of a detector, and the sites it offers to fusion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from mdfnet.types import Detections


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
    """A linear or convolutional layer of a head: where 1-D fusion happens.

    Args:
        module: Its name in the detector.
        rois: Name of the RoI pooler, where the layer sees the RoIs of all films in one ``[N, C]`` table.
    """

    module: str
    rois: str | None = None


class Detector(nn.Module, ABC):
    """Finds boxes on films. Losses and detection are two methods, not a mode.

    Attributes:
        map_sites, vector_sites: Where fusion may attach.
    """

    map_sites: tuple[MapSite, ...]
    vector_sites: tuple[VectorSite, ...]
    #: Whether targets need ``masks``.
    needs_masks: bool = False

    @abstractmethod
    def losses(self, images: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Training losses by name, scalars.

        Args:
            images: float32 ``[B, C, S, S]`` in [0, 1].
            targets: Per film ``boxes`` float32 ``[N, 4]`` in network pixels and ``labels`` int64 ``[N]``, 1-based.
        """

    @abstractmethod
    def detect(self, images: Tensor) -> list[Detections]:
        """Detections per film in network pixels."""


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
