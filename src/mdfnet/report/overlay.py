"""An image as a picture: a reader's annotations, a model's detections, and the patient's record below."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from mdfnet.core.arrays import Array, Floats
from mdfnet.core.types import Classes, Detections, Target
from mdfnet.report.colors import Color, class_colors, ink_on

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the picture
Point = tuple[float, float]

_HALO = (0, 0, 0)  # around lines and behind annotations' names: all colors stay visible on white bone and on black air
_WHITE = (255, 255, 255)

#: A drawn image's longer side has at least this many pixels, so that boxes and names can be read.
SMALLEST = 512


def draw(
    image: Array,
    classes: Classes,
    *,
    target: Target | None = None,
    detections: Detections | None = None,
    record: Sequence[tuple[str, str]] = (),
    synthetic: Sequence[str] = (),
    size: int | None = None,
) -> Image.Image:
    """Draw boxes, names and the clinical record on an image, for reports and for looking.

    Annotations are dashed and thin, detections solid and with their scores. Every class has a color of its own
    lightness (:func:`mdfnet.report.colors.class_colors`), and its name is at the box: a gray print can be read.

    Args:
        image: uint8 or full-scale uint16 ``[H, W]``, 0 black.
        classes: Names of the labels.
        target: Annotations, in pixels of ``image``; outlines are drawn where they are known, boxes where not.
        detections: In pixels of ``image``; all are drawn, see :meth:`mdfnet.core.types.Detections.above`.
        record: Names and values of the clinical record (:func:`mdfnet.report.record.describe`), written below the
            image.
        synthetic: Which of images, findings and clinical are made up; written below the image.
        size: Longer side of the drawn image in pixels. Default: the image's own, at least 512.

    Returns:
        RGB picture; the image fills its width, the strip with the record, if any, adds to its height.

    Raises:
        ValueError: The image is not a uint8 or uint16 array ``[H, W]`` with at least one pixel.

    Examples:
        >>> image = np.zeros((64, 128), np.uint8)
        >>> draw(image, Classes(("Effusion",)), target=Target.of([[8, 8, 32, 40]], [1])).size
        (512, 256)
    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16) or image.size == 0:
        raise ValueError(f"an image is uint8 or uint16 [H, W], not {image.dtype} {list(image.shape)}")
    scale = (size or max(SMALLEST, *image.shape)) / max(image.shape)
    gray = (image // 257).astype(np.uint8) if image.dtype == np.uint16 else image
    height, width = (max(1, round(side * scale)) for side in image.shape)
    picture = Image.fromarray(gray).resize((width, height), Image.Resampling.LANCZOS).convert("RGB")
    painter = BoxPainter(picture, classes, scale)
    if target is not None:
        painter.add_annotations(target)
    if detections is not None:
        painter.add_detections(detections)
    painter.finish()
    return _with_strip(picture, record, synthetic) if record or synthetic else picture


def _with_strip(picture: Image.Image, record: Sequence[tuple[str, str]], synthetic: Sequence[str]) -> Image.Image:
    """The picture with a dark strip of text below."""
    letters = font(max(11, round(max(picture.size) / 45)))
    margin, line_height = int(letters.size // 2), round(letters.size * 1.4)
    notes = [f"synthetic: {', '.join(synthetic)}"] if synthetic else []
    texts = [*notes, *(f"{name} {value}" for name, value in record)]
    lines = list(_wrapped(texts, letters, picture.width - 2 * margin))
    sheet = Image.new("RGB", (picture.width, picture.height + len(lines) * line_height + 2 * margin), (24, 24, 24))
    sheet.paste(picture)
    canvas = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        canvas.text((margin, picture.height + margin + number * line_height), line, fill=(235, 235, 235), font=letters)
    return sheet


def _wrapped(texts: Iterable[str], letters: ImageFont.FreeTypeFont, width: float) -> Iterator[str]:
    line = ""
    for text in texts:
        longer = f"{line}  ·  {text}" if line else text
        if line and letters.getlength(longer) > width:
            yield line
            longer = text
        line = shortened(longer, letters, width)
    yield line


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


def named_scores(detections: Detections, classes: Classes) -> list[str]:
    """What was found, each with its score: such as "Effusion 0.87"."""
    pairs = zip(detections.labels, detections.scores, strict=True)
    return [f"{classes.name(int(label))} {float(score):.2f}" for label, score in pairs]


@dataclass(frozen=True)
class _Name:
    text: str
    box: Box
    ground: Color
    ink: Color
    frame: Color
    below: bool


@dataclass
class BoxPainter:
    """The boxes of one picture: lines are drawn at once, names last, on top and out of each other's way."""

    picture: Image.Image  #: RGB, drawn on in place
    classes: Classes
    scale: float  #: Pixels of the picture per pixel of the image
    _names: list[_Name] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._canvas = ImageDraw.Draw(self.picture)
        self._colors = class_colors(len(self.classes))
        longer = max(self.picture.size)
        self._width = max(2, round(longer / 240))
        self._font = font(max(11, round(longer / 45)))

    def add_annotations(self, target: Target) -> None:
        """Draw annotations: dashed and thin, along the outline where it is known, else the box."""
        for sides, label, polygon in zip(target.boxes, target.labels.tolist(), target.polygons, strict=True):
            color, box = self._colors[label - 1], self._box(sides)
            outline = np.array(_corners(box)) if polygon is None else np.asarray(polygon) * self.scale
            for dash in _dashes(outline, length=4 * self._width):
                self._line(dash, color, max(2, round(self._width * 0.6)))
            name = self.classes.name(label)
            self._names.append(_Name(name, box, ground=_HALO, ink=_WHITE, frame=color, below=True))

    def add_detections(self, detections: Detections) -> None:
        """Draw detections: solid, with the score, the highest score on top."""
        boxes, labels, scores = (np.asarray(part) for part in (detections.boxes, detections.labels, detections.scores))
        for index in np.argsort(scores, kind="stable"):
            label, box = int(labels[index]), self._box(boxes[index])
            color, corners = self._colors[label - 1], _corners(box)
            self._line([*corners, corners[0]], color, self._width)
            name = f"{self.classes.name(label)} {scores[index]:.2f}"
            self._names.append(_Name(name, box, ground=color, ink=ink_on(color), frame=_HALO, below=False))

    def finish(self) -> None:
        """Write the names, that of the highest score first, so that it is nearest to its box."""
        taken: list[Box] = []
        pad = self._width
        for name in reversed(self._names):
            text = shortened(name.text, self._font, self.picture.width - 4 * pad)
            size = self._font.getlength(text) + 2 * pad, sum(self._font.getmetrics()) + pad
            place = free_place(name.box, size, self.picture.size, taken, below=name.below)
            taken.append(place)
            self._canvas.rectangle(place, fill=name.ground, outline=name.frame)
            self._canvas.text((place[0] + pad, place[1] + pad // 2), text, fill=name.ink, font=self._font)

    def _box(self, sides: ArrayLike) -> Box:
        x1, y1, x2, y2 = (np.asarray(sides) * self.scale).tolist()
        return x1, y1, x2, y2

    def _line(self, points: list[Point], color: Color, width: int) -> None:
        self._canvas.line(points, fill=_HALO, width=width + 2, joint="curve")
        self._canvas.line(points, fill=color, width=width, joint="curve")


def free_place(box: Box, size: tuple[float, float], picture: tuple[int, int], taken: list[Box], *, below: bool) -> Box:
    """Where a name of a size (width, height) goes: at its box, inside the picture, if possible on no other name.

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
    right, bottom = picture[0] - 1 - width, picture[1] - 1 - height
    corners = [(max(0, min(x, right)), max(0, min(y, bottom))) for x, y in [*nearby, *further]]
    places = [(x, y, x + width, y + height) for x, y in corners]
    return min(places, key=lambda place: sum(_shared_area(place, other) for other in taken))


def _shared_area(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def _corners(box: Box) -> list[Point]:
    x1, y1, x2, y2 = box
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _dashes(outline: Floats, length: float) -> Iterator[list[Point]]:
    """Pieces of a closed outline, alternately drawn and left out."""
    closed = np.concatenate([outline, outline[:1]])
    sides = [np.hypot(*(end - start)) for start, end in itertools.pairwise(closed)]
    along = np.concatenate([[0], np.cumsum(sides)])
    for start in np.arange(0, along[-1], 2 * length):
        end = min(start + length, along[-1])
        stops = [start, *along[(along > start) & (along < end)], end]
        yield list(zip(*(np.interp(stops, along, closed[:, axis]).tolist() for axis in (0, 1)), strict=True))
