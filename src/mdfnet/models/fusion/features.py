"""Runs the image part of a detector once and the rest as often as wanted, for any detector.

Fusion starts at the map sites, so what comes before them depends on the image alone. :func:`image_features` records
what the detector's image part gave, before any fuser sees it; :func:`replayed` lets these modules answer with the
recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mdfnet.models.detectors.base import Detector, each_tensor, outputs_of
from mdfnet.models.preprocessing import Geometry


@dataclass(frozen=True)
class Features:
    """The image part of a batch, before fusion."""

    images: Tensor  #: float32 ``[B, C, S, S]``, preprocessed
    geometries: tuple[Geometry, ...]  #: Where each image lies in it
    outputs: dict[str, Any]  #: What each module of the image part gave, by its name

    def __len__(self) -> int:
        return len(self.images)

    def for_records(self, count: int) -> Features:
        """One image ``count`` times, for as many records; several images as they are."""
        if len(self) != 1 or count < 2:
            return self
        outputs = each_tensor(self.outputs, lambda one: one.expand(count, *one.shape[1:]))
        return Features(self.images.expand(count, -1, -1, -1), self.geometries * count, outputs)

    def without_outputs(self) -> Features:
        """The same images, nothing of which is replayed."""
        return Features(self.images, self.geometries, {})


def image_features(detector: Detector, images: Tensor) -> dict[str, Any]:
    """Outputs of the detector's image part for ``images [B, C, S, S]``; what lies behind it is not run."""
    return outputs_of(detector, detector.image_part, lambda: detector.detect(images))


@contextmanager
def replayed(detector: torch.nn.Module, outputs: dict[str, Any]) -> Iterator[None]:
    """While entered, the named modules answer with these outputs instead of computing; their hooks still run."""
    modules = {detector.get_submodule(name): output for name, output in outputs.items()}
    try:
        for module, output in modules.items():
            module.forward = lambda *_, _output=output, **__: _output
        yield
    finally:
        for module in modules:
            module.__dict__.pop("forward", None)
