"""Pictures of a dataset: a contact sheet of images with their annotations."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mdfnet.core.types import Classes, Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.images.read import read_sample_image

_CAPTION = 18  # pixels of height


def contact_sheet(dataset: Dataset, count: int = 12, columns: int = 4, cell: int = 320) -> Image.Image:
    """At most ``count`` example images with their boxes and class names, one image per class in turn.

    An image keeps its proportions in a square ``cell`` of so many pixels. What is synthetic is said on the sheet.
    """
    samples = examples(dataset, count)
    rows = -(-len(samples) // columns)
    sheet = Image.new("L", (columns * cell, rows * (cell + _CAPTION) + _CAPTION), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for position, sample in enumerate(samples):
        x, y = position % columns * cell, position // columns * (cell + _CAPTION)
        sheet.paste(_picture(sample, dataset.classes, cell), (x, y))
        draw.text((x + 2, y + cell + 1), sample.id, fill=0, font=font)
    notice = f"{dataset.name}: {len(samples)} of {len(dataset)} images"
    if dataset.synthetic:
        notice += f"; synthetic: {', '.join(dataset.synthetic)}"
    draw.text((2, sheet.height - _CAPTION + 1), notice, fill=0, font=font)
    return sheet


def examples(dataset: Dataset, count: int) -> list[Sample]:
    """Images that show the dataset's variety: classes and "no finding" take turns, in the dataset's order."""
    groups = [
        [sample for sample in dataset.samples if label in sample.target.labels]
        for label in range(1, len(dataset.classes) + 1)
    ]
    groups.append([sample for sample in dataset.samples if not len(sample.target)])
    chosen: dict[str, Sample] = {}
    for turn in range(max(map(len, groups))):
        for group in groups:
            if turn < len(group) and len(chosen) < count:
                chosen.setdefault(group[turn].id, group[turn])
    return list(chosen.values())


def _picture(sample: Sample, classes: Classes, cell: int) -> Image.Image:
    image = read_sample_image(sample)
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    scale = min(cell / image.shape[1], cell / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    picture = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    for box, label in zip((sample.target.boxes * scale).tolist(), sample.target.labels, strict=True):
        # White on a black rim, so that it shows on lung and on bone.
        draw.rectangle(box, outline=0, width=3)
        draw.rectangle(box, outline=255, width=1)
        corner = box[0] + 4, box[1] + 3
        draw.text(corner, classes.name(int(label)), fill=255, font=font, stroke_width=1, stroke_fill=0)
    framed = Image.new("L", (cell, cell), 255)
    framed.paste(picture, (0, 0))
    return framed
