"""What one would like to know of a detector before choosing it: its size, its maps, its sites."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mdfnet.core.errors import UserError
from mdfnet.core.settings import InputConfig
from mdfnet.models.detectors.base import MapSite, VectorSite, maps_of, outputs_of
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
        images = torch.zeros(1, input.channels, input.size, input.size)
        sites = [site.module for site in detector.map_sites]
        outputs = outputs_of(detector, sites, lambda: detector.detect(images))
    strides = None
    if len(outputs) == len(sites):
        strides = tuple(round(input.size / map.shape[-1]) for site in sites for map in maps_of(outputs[site]))
    parameters = sum(parameter.numel() for parameter in detector.parameters() if parameter.requires_grad)
    return Facts(parameters, strides, detector.map_sites, detector.vector_sites)
