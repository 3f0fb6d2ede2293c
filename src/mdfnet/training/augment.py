"""Augmentation of images in training. Chest-safe: nothing that moves the heart to the other side."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mdfnet.core.outlines import ellipse, extents
from mdfnet.core.types import Target


@dataclass(frozen=True)
class Chest:
    """A little rotation, zoom, shift, exposure and noise; no flips.

    Boxes follow their outlines, or the inscribed ellipses where only the box is known, so that rotation does not
    inflate them. A finding that mostly leaves the image is dropped.
    """

    rotate: float = 6.0  #: Largest angle, degrees
    zoom: float = 0.1  #: Largest relative change in size
    shift: float = 0.05  #: Largest shift, as a share of the image's side
    exposure: float = 0.2  #: Largest relative change in contrast and in gamma
    noise: float = 0.02  #: Largest standard deviation of the noise, gray values being in [0, 1]
    visible: float = 0.3  #: A finding is kept if at least this share of its box stays on the image

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        """Augment one square image ``[C, S, S]`` and its target in the same pixels."""
        side = image.shape[-1]
        matrix = self._matrix(random)
        grid = F.affine_grid(torch.from_numpy(np.linalg.inv(matrix)[None, :2]).float(), [1, 1, side, side], False)
        image = F.grid_sample(image[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
        return self._expose(image, random), self._move(target, matrix, side)

    def _matrix(self, random: np.random.Generator) -> np.ndarray:
        """From the image's coordinates in [-1, 1] to the augmented one's."""
        largest = (math.radians(self.rotate), self.zoom, 2 * self.shift, 2 * self.shift)
        angle, zoom, x, y = random.uniform(-1, 1, 4) * largest
        cos, sin = (1 + zoom) * math.cos(angle), (1 + zoom) * math.sin(angle)
        return np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1]])

    def _move(self, target: Target, matrix: np.ndarray, side: int) -> Target:
        moved = []
        for box, label, polygon in zip(target.boxes, target.labels, target.polygons, strict=True):
            outline = polygon if polygon is not None else ellipse(box)
            points = (outline / side * 2 - 1) @ matrix[:2, :2].T + matrix[:2, 2]
            points = (points + 1) / 2 * side
            whole, inside = extents(points), extents(points.clip(0, side))
            if _area(inside) > 0 and _area(inside) >= self.visible * _area(whole):
                moved.append((inside, label, None if polygon is None else points.astype(np.float32)))
        return Target.of(*zip(*moved, strict=True)) if moved else Target.of([], [])

    def _expose(self, image: Tensor, random: np.random.Generator) -> Tensor:
        contrast, gamma = np.exp(random.uniform(-self.exposure, self.exposure, 2))
        middle = image.mean()
        image = ((image - middle) * float(contrast) + middle).clamp(0, 1).pow(float(gamma))
        noise = torch.from_numpy(random.standard_normal(image.shape[1:], dtype=np.float32))
        return (image + noise * float(random.uniform(0, self.noise))).clamp(0, 1)


def flip(image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
    """The paper's augmentation: left and right swapped in half of the cases (arXiv 2302.13390, authors' code).

    It puts the heart on the wrong side and is here only to reproduce the paper.
    """
    if random.uniform() < 0.5:
        return image, target
    side = image.shape[-1]
    boxes = target.boxes.copy()
    boxes[:, [0, 2]] = side - boxes[:, [2, 0]]
    mirror = np.array([-1, 1], np.float32), np.array([side, 0], np.float32)
    polygons = [None if p is None else p * mirror[0] + mirror[1] for p in target.polygons]
    return image.flip(-1), Target.of(boxes, target.labels, polygons)


#: Augmentations by their name in the config.
AUGMENTATIONS: dict[str, Callable[[Tensor, Target, np.random.Generator], tuple[Tensor, Target]]] = {
    "none": lambda image, target, random: (image, target),
    "chest": Chest(),
    "paper": flip,
}


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
