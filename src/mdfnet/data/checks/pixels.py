"""An image's pixels in a few numbers, from reading it once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mdfnet.core.arrays import Array, Bools, Floats, Ints

#: Side of the thumbnail from which images are told apart.
SIDE = 24

#: Letters are looked for in images reduced to about this many pixels a side at most; on an image smaller than the
#: least no line of text is legible.
TEXT_SIDE, LEAST_TEXT_SIDE = 1024, 128

#: A step of brightness from one pixel to its neighbor that anatomy does not have, of 255.
STEP = 32

#: Letters are looked for in windows of this share of the image's width and height, within this share of its border.
WINDOW, LINE, BORDER = 0.19, 0.012, 0.2

#: Strokes a row that make a line of letters. On 1,591 NIH images a marker with a technologist's initials has up to
#: 12.8, a word 13.2 and more, and all but one of 305 more than 14.
STROKES = 13


@dataclass(frozen=True)
class Pixels:
    """An image in a few numbers."""

    shape: tuple[int, ...]  #: Height and width
    bits: int  #: 8 or 16
    digest: bytes  #: SHA-256 of the pixels; equal for equal images of equal shape
    #: float32 ``[1104]``, steps of a 24 x 24 thumbnail down and across, at mean 0 and length 1. The product of two is
    #: the correlation of two images' shapes: the same under scaling, compression and changes of brightness and
    #: contrast, -1 for an image and its negative
    fingerprint: Floats
    thumbnail: Floats  #: float32 ``[576]``, the thumbnail itself at mean 0 and length 1
    levels: int  #: Number of distinct values
    same: float  #: Share of pixels that have the most frequent value
    contrast: float  #: Width of the middle 98 % of values, on a scale of 255
    text: bool  #: Whether a line of letters is near the border

    @classmethod
    def of(cls, image: Array) -> Pixels:
        """Of a uint8 or uint16 ``[H, W]`` image.

        Examples:
            >>> Pixels.of(np.full((40, 30), 7, np.uint8)).same
            1.0
        """
        counts = np.bincount(image.ravel())
        below = np.cumsum(counts) / image.size
        low, high = np.searchsorted(below, [0.01, 0.99])
        gray = image if image.dtype == np.uint8 else (image >> 8).astype(np.uint8)
        small = np.asarray(Image.fromarray(gray).resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
        steps = np.concatenate([np.diff(small, axis=0).ravel(), np.diff(small, axis=1).ravel()])
        return cls(
            image.shape,
            8 * image.itemsize,
            hashlib.sha256(image.tobytes()).digest(),
            _unit(steps),
            _unit(small.ravel()),
            int((counts > 0).sum()),
            float(counts.max() / image.size),
            float(high - low) * (1 if image.dtype == np.uint8 else 255 / 65535),
            has_text(gray),
        )


def has_text(image: Array) -> bool:
    """Whether a uint8 image has a line of upright letters near its border: many strokes side by side.

    A stroke is a sharp step up with one down: bones, tubes and a single marker have few in a window, a word has many.
    Letters rotated by a right angle, handwriting, faint letters and white on white are not detected.

    Examples:
        >>> from PIL import ImageDraw
        >>> image = Image.new("L", (512, 512), 60)
        >>> has_text(np.asarray(image))
        False
        >>> ImageDraw.Draw(image).text((20, 20), "DOE JOHN 1954-03-02", fill=255)
        >>> has_text(np.asarray(image))
        True
    """
    if min(image.shape) < LEAST_TEXT_SIDE:
        return False
    factor = max(1, max(image.shape) // TEXT_SIDE)
    image = np.asarray(Image.fromarray(image).reduce(factor)) if factor > 1 else image
    height, width = image.shape
    line, window = max(4, round(LINE * height)) // 2, round(WINDOW * width)
    step = np.diff(image.astype(np.int16), axis=1)
    strokes = np.minimum(_strokes(step > STEP, line, window), _strokes(step < -STEP, line, window)) / (2 * line)
    rows, columns = strokes.shape
    down = (np.arange(rows) + 1) * line / height
    across = (np.arange(columns) + window / 2) / width
    near = (np.abs(down - 0.5) > 0.5 - BORDER)[:, None] | (np.abs(across - 0.5) > 0.5 - BORDER)[None]
    return bool((strokes >= STROKES)[near].any())


def _strokes(edges: Bools, line: int, window: int) -> Ints:
    """Edges in windows two ``line`` high, every ``line`` rows, and ``window`` wide, at every column."""
    rows = len(edges) // line
    lines = edges[: rows * line].reshape(rows, line, -1).sum(1, dtype=np.int32)
    along: Ints = np.cumsum(np.pad(lines[1:] + lines[:-1], ((0, 0), (1, 0))), axis=1)
    return along[:, window:] - along[:, :-window]


def _unit(values: Floats) -> Floats:
    values = values - values.mean()
    return np.asarray(values / (np.linalg.norm(values) + 1e-9), np.float32)
