"""Boxes, outlines and names on a picture: what a reader marked and what a model found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mdfnet.core.types import Classes, Detections, Target
from mdfnet.report.colors import class_colors, ink_on

Color = tuple[int, int, int]
Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the picture
Point = tuple[float, float]

_HALO = (0, 0, 0)  # around lines and behind truths' names: all colors stay visible on white bone and on black air
_WHITE = (255, 255, 255)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has the letters that Pillow's own font lacks."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)


def shortened(text: str, letters: ImageFont.FreeTypeFont, width: float) -> str:
    """Text cut, with an ellipsis, to what fits in ``width`` pixels.

    Examples:
        >>> shortened("Enlarged cardiac silhouette", font(12), 80)
        'Enlarged c…'
    """
    while len(text) > 1 and letters.getlength(text) > width:
        text = text.removesuffix("…")[:-1] + "…"
    return text


@dataclass(frozen=True)
class _Name:
    text: str
    box: Box
    ground: Color
    ink: Color
    frame: Color
    below: bool


@dataclass
class Marks:
    """The marks of one picture: lines are drawn at once, names last, on top and out of each other's way.

    Args:
        picture: RGB picture, drawn on in place.
        classes: Names of the labels.
        scale: Pixels of the picture per pixel of the image.
    """

    picture: Image.Image
    classes: Classes
    scale: float
    _names: list[_Name] = field(default_factory=list)

    def __post_init__(self):
        self._canvas = ImageDraw.Draw(self.picture)
        self._colors = class_colors(len(self.classes))
        longer = max(self.picture.size)
        self._width = max(2, round(longer / 240))
        self._font = font(max(11, round(longer / 45)))

    def add_target(self, target: Target) -> None:
        """Draw what was marked: dashed and thin, along the outline where it is known, else the box."""
        boxes = target.boxes * self.scale
        for box, label, polygon in zip(boxes, target.labels.tolist(), target.polygons, strict=True):
            color = self._colors[label - 1]
            outline = _corners(box) if polygon is None else np.asarray(polygon) * self.scale
            for dash in _dashes(outline, length=4 * self._width):
                self._line(dash, color, max(2, round(self._width * 0.6)))
            name = self.classes.name(label)
            self._names.append(_Name(name, tuple(box), ground=_HALO, ink=_WHITE, frame=color, below=True))

    def add_detections(self, detections: Detections) -> None:
        """Draw what was found: solid, with the score, the surest on top."""
        boxes, labels, scores = (np.asarray(part) for part in (detections.boxes, detections.labels, detections.scores))
        found = zip(boxes * self.scale, labels.tolist(), scores.tolist(), strict=True)
        for box, label, score in sorted(found, key=lambda one: one[2]):
            color = self._colors[label - 1]
            corners = [tuple(corner) for corner in _corners(box).tolist()]
            self._line([*corners, corners[0]], color, self._width)
            name = f"{self.classes.name(label)} {score:.2f}"
            self._names.append(_Name(name, tuple(box), ground=color, ink=ink_on(color), frame=_HALO, below=False))

    def finish(self) -> None:
        """Write the names, the surest detection's first so that it stands nearest to its box."""
        taken: list[Box] = []
        pad = self._width
        for name in reversed(self._names):
            text = shortened(name.text, self._font, self.picture.width - 4 * pad)
            size = self._font.getlength(text) + 2 * pad, sum(self._font.getmetrics()) + pad
            place = free_place(name.box, size, self.picture.size, taken, below=name.below)
            taken.append(place)
            self._canvas.rectangle(place, fill=name.ground, outline=name.frame)
            self._canvas.text((place[0] + pad, place[1] + pad // 2), text, fill=name.ink, font=self._font)

    def _line(self, points: list[Point], color: Color, width: int) -> None:
        self._canvas.line(points, fill=_HALO, width=width + 2, joint="curve")
        self._canvas.line(points, fill=color, width=width, joint="curve")


def free_place(box: Box, size: tuple[float, float], picture: tuple[int, int], taken: list[Box], *, below: bool) -> Box:
    """Where a name goes: at its box, inside the picture, and on no other name if that can be had.

    Args:
        box: What the name belongs to.
        size: Width and height of the name.
        picture: Width and height of the picture.
        taken: Where other names stand.
        below: Try under the box before above it.

    Examples:
        >>> free_place((10, 50, 90, 80), (40, 12), (100, 100), taken=[], below=False)
        (10, 38, 50, 50)
        >>> free_place((10, 50, 90, 80), (40, 12), (100, 100), taken=[(10, 38, 50, 50)], below=False)
        (50, 38, 90, 50)
    """
    x1, y1, x2, y2 = box
    width, height = size
    above = [(x1, y1 - height), (x2 - width, y1 - height)]
    under = [(x1, y2), (x2 - width, y2)]
    inside = [(x1, y1), (x2 - width, y1), (x1, y2 - height), (x2 - width, y2 - height)]
    nearby = [*under, *above, *inside] if below else [*above, *under, *inside]
    further = [(x, y + step * height) for step in (1, -1, 2, -2, 3, -3) for x, y in nearby[:2]]
    places = [_within((x, y, x + width, y + height), picture) for x, y in [*nearby, *further]]
    return min(places, key=lambda place: sum(_shared_area(place, other) for other in taken))


def _within(place: Box, picture: tuple[int, int]) -> Box:
    x1, y1, x2, y2 = place
    x = max(0, min(x1, picture[0] - 1 - (x2 - x1)))
    y = max(0, min(y1, picture[1] - 1 - (y2 - y1)))
    return x, y, x + x2 - x1, y + y2 - y1


def _shared_area(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def _corners(box: np.ndarray) -> np.ndarray:
    x1, y1, x2, y2 = box
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])


def _dashes(outline: np.ndarray, length: float) -> Iterator[list[Point]]:
    """Pieces of a closed outline, drawn and left out by turns all along it."""
    closed = np.concatenate([outline, outline[:1]])
    sides = [np.hypot(*(end - start)) for start, end in itertools.pairwise(closed)]
    along = np.concatenate([[0], np.cumsum(sides)])
    for start in np.arange(0, along[-1], 2 * length):
        end = min(start + length, along[-1])
        stops = [start, *along[(along > start) & (along < end)], end]
        yield [tuple(float(np.interp(stop, along, closed[:, axis])) for axis in (0, 1)) for stop in stops]
