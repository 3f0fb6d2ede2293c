"""An image as a picture: what a reader marked, what a model found, and the patient's record below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mdfnet.core.types import Classes, Detections, Target
from mdfnet.report.marks import Marks, font, shortened

#: A drawn image's longer side has at least this many pixels, so that boxes and names can be read.
SMALLEST = 512


def draw(
    image: np.ndarray,
    classes: Classes,
    *,
    target: Target | None = None,
    detections: Detections | None = None,
    record: Sequence[tuple[str, str]] = (),
    synthetic: Sequence[str] = (),
    size: int | None = None,
) -> Image.Image:
    """Draw boxes, names and the clinical record on an image, for reports and for looking.

    What a reader marked is dashed and thin, what a model found solid and with its score. Every class has a color of its
    own lightness (:func:`mdfnet.report.colors.class_colors`) and its name stands at the box: a gray print can be read.

    Args:
        image: uint8 or full-scale uint16 ``[H, W]``, 0 black.
        classes: Names of the labels.
        target: What was marked, in pixels of ``image``; outlines are drawn where they are known, boxes where not.
        detections: What was found, in pixels of ``image``; all are drawn, see
        :meth:`mdfnet.core.types.Detections.above`.
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
    picture = _gray(image, scale)
    marks = Marks(picture, classes, scale)
    if target is not None:
        marks.add_target(target)
    if detections is not None:
        marks.add_detections(detections)
    marks.finish()
    return _with_strip(picture, record, synthetic) if record or synthetic else picture


def _gray(image: np.ndarray, scale: float) -> Image.Image:
    gray = (image // 257).astype(np.uint8) if image.dtype == np.uint16 else image
    height, width = (max(1, round(side * scale)) for side in image.shape)
    return Image.fromarray(gray).resize((width, height), Image.Resampling.LANCZOS).convert("RGB")


def _with_strip(picture: Image.Image, record: Sequence[tuple[str, str]], synthetic: Sequence[str]) -> Image.Image:
    """The picture with a dark strip of text below."""
    letters = font(max(11, round(max(picture.size) / 45)))
    margin, line_height = letters.size // 2, round(letters.size * 1.4)
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
