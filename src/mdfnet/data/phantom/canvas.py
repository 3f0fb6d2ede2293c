"""The canvas that density is painted on, and the few brushes that everything is painted with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mdfnet.core.arrays import Floats

Point: TypeAlias = tuple[float, float]

#: Points, width, and strength in [0, 1]; width 0 is a filled polygon.
Stroke: TypeAlias = tuple[Sequence[Point], float, float]

#: The canvas reaches beyond the image on every side, so that the usual rotations and shifts leave no empty corner.
MARGIN = 0.06


class Canvas:
    """A square grid over the image and its margin, in the coordinates of :mod:`mdfnet.data.phantom.anatomy`.

    Examples:
        >>> canvas = Canvas(128)
        >>> canvas.x.shape, canvas.y.shape
        ((1, 128), (128, 1))
    """

    def __init__(self, size: int) -> None:
        self.size = size
        steps = (np.arange(size, dtype=np.float32) + 0.5) / size * (1 + 2 * MARGIN) - MARGIN
        self.x = (steps - 0.5)[None, :]
        self.y = steps[:, None]

    def pixels(self, points: Iterable[Point]) -> list[Point]:
        """Grid positions of (x, y) points."""
        scale = self.size / (1 + 2 * MARGIN)
        return [((x + 0.5 + MARGIN) * scale, (y + MARGIN) * scale) for x, y in points]

    def sketch(self, strokes: Iterable[Stroke], blur: float) -> Floats:
        """Lines and polygons, blurred by so many parts of the image's side: float32 ``[size, size]`` in [0, 1]."""
        scale = self.size / (1 + 2 * MARGIN)
        image = Image.new("L", (self.size, self.size))
        pen = ImageDraw.Draw(image)
        for points, width, strength in strokes:
            value = round(255 * strength)
            if width:
                pen.line(self.pixels(points), fill=value, width=max(1, round(width * scale)))
            else:
                pen.polygon(self.pixels(points), fill=value)
        return np.asarray(image.filter(ImageFilter.BoxBlur(blur * scale)), np.float32) / 255


@lru_cache(maxsize=4)
def canvas(size: int) -> Canvas:
    """The canvas of a size, made once."""
    return Canvas(size)


def ramp(distance: Floats, width: float) -> Floats:
    """A border seen on an image, by how far inside each point lies: 0 outside, then quickly to 1 over ``width``.

    Examples:
        >>> ramp(np.array([-1.0, 0.5, 2.0]), 1.0)
        array([0.  , 0.75, 1.  ])
    """
    inside = clip01(distance / width)
    return inside * (2 - inside)


def clip01(values: Floats) -> Floats:
    """Values cut to [0, 1]."""
    return np.asarray(np.clip(values, 0, 1))


def clouds(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Smooth noise of mean 0 and standard deviation near 1 with ``cells`` blobs a side: float32 ``[size, size]``."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))
