"""What one would like to know of a detector before choosing it: its size, its maps, its sites."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mdfnet.core.errors import UserError
from mdfnet.core.settings import InputConfig
from mdfnet.models.detectors.base import Detector, MapSite, VectorSite, maps_of, outputs_of
from mdfnet.models.detectors.registry import Entry
from mdfnet.models.detectors.sizes import CLASSES, Size


@dataclass(frozen=True)
class Facts(Size):
    """A detector with its default settings."""

    map_sites: tuple[MapSite, ...]
    vector_sites: tuple[VectorSite, ...]


def facts(entry: Entry) -> Facts:
    """Look at a detector on torch's meta device where it allows that: tensors there have shapes and no values.

    Examples:
        >>> from mdfnet.models.detectors.registry import find
        >>> found = facts(find("rcnn"))
        >>> found.parameters, found.strides
        (480641, (8,))
    """
    try:
        return _facts(entry, "meta")
    except (NotImplementedError, RuntimeError, UserError):  # it reads numbers while it is made, as many do
        return _facts(entry, "cpu")


def _facts(entry: Entry, device: str) -> Facts:
    input = InputConfig()
    with torch.random.fork_rng(devices=[]), torch.device(device), torch.no_grad():
        detector = entry.build(entry.settings(name=entry.name), input, CLASSES).eval()
        strides = _strides(detector, torch.zeros(1, input.channels, input.size, input.size))
    parameters = sum(parameter.numel() for parameter in detector.parameters() if parameter.requires_grad)
    return Facts(parameters, strides, detector.map_sites, detector.vector_sites)


def _strides(detector: Detector, images: Tensor) -> tuple[int, ...] | None:
    names = [site.module for site in detector.map_sites]
    outputs = outputs_of(detector, names, lambda: detector.detect(images))
    if len(outputs) < len(names):
        return None
    return tuple(round(images.shape[-1] / map.shape[-1]) for name in names for map in maps_of(outputs[name]))
