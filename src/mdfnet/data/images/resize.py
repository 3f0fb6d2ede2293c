"""Images made smaller once, when a dataset is written, with their annotations: the longest side bounded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from mdfnet.core.arrays import Array, Floats
from mdfnet.core.types import Sample, Target

#: Antialiasing and sharp; a box filter would smear a nodule, no filter at all would alias ribs.
_FILTER = Image.Resampling.LANCZOS


def shrunk_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height with the longest side at most ``longest`` pixels and the aspect kept. Images are not enlarged.

    Examples:
        >>> shrunk_size(2544, 3056, 1024), shrunk_size(500, 400, 1024)
        ((852, 1024), (500, 400))
    """
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink_image(image: Array, size: tuple[int, int]) -> Array:
    """An image ``[H, W]``, uint8 or uint16, at another width and height, antialiased.

    Examples:
        >>> shrink_image(np.full((30, 20), 40000, np.uint16), (2, 3)).tolist()
        [[40000, 40000], [40000, 40000], [40000, 40000]]
    """
    if image.shape == size[::-1]:
        return image
    if image.dtype == np.uint8:
        return np.array(Image.fromarray(image).resize(size, _FILTER))
    wide = np.asarray(Image.fromarray(image.astype(np.float32)).resize(size, _FILTER))  # Pillow filters no 16 bits
    clipped: Floats = np.clip(np.rint(wide), 0, np.iinfo(image.dtype).max)
    return clipped.astype(image.dtype)


def shrink_sample(sample: Sample, longest: int) -> Sample:
    """A sample with size, boxes, outlines and spacing as they are once its image is `shrunk_size`; not the image
    itself.

    Examples:
        >>> sample = Sample("a", Path("a.png"), 2000, 1000, Target.of([[100, 200, 300, 500]], [1]), None)
        >>> small = shrink_sample(sample, 500)
        >>> small.width, small.height, small.target.boxes.tolist()
        (500, 250, [[25.0, 50.0, 75.0, 125.0]])
    """
    width, height = shrunk_size(sample.width, sample.height, longest)
    scale = np.array([width / sample.width, height / sample.height])
    target = sample.target
    outlines = [None if outline is None else (outline * scale).astype(np.float32) for outline in target.polygons]
    boxes = (target.boxes * np.tile(scale, 2)).astype(np.float32)
    spacing = sample.spacing and (float(sample.spacing[0] / scale[0]), float(sample.spacing[1] / scale[1]))
    target = Target.of(boxes, target.labels, outlines)
    return replace(sample, width=width, height=height, target=target, spacing=spacing)


def write_png(image: Array, path: Path) -> None:
    """Write an image ``[H, W]``, uint8 or uint16, as PNG without loss."""
    Image.fromarray(image).save(path, format="PNG", compress_level=1)  # higher levels: much slower, hardly smaller
