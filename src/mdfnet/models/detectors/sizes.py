"""Sizes of the detectors that come with the package, so that they are listed without being made. No torch in here.

``sizes.yaml`` holds what `mdfnet.models.detectors.facts.facts` gives; ``scripts/detector_sizes.py`` writes it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import yaml

CLASSES = 5  #: Classes of the detectors that are measured, as many as the paper's


@dataclass(frozen=True)
class Size:
    """How large a detector is with its default settings."""

    parameters: int  #: Learnable ones, without fusion
    #: Of each map at each map site, network pixels per cell, rounded; None where it cannot be told
    strides: tuple[int, ...] | None


@functools.cache
def sizes() -> dict[str, Size]:
    """Size by the name of the detector.

    Examples:
        >>> sizes()["rcnn"]
        Size(parameters=480641, strides=(8,))
    """
    text = (resources.files("mdfnet.models.detectors") / "sizes.yaml").read_text(encoding="utf-8")
    return {
        name: Size(row["parameters"], row["strides"] and tuple(row["strides"]))
        for name, row in yaml.safe_load(text).items()
    }
