"""How large an image may be."""

from __future__ import annotations

from pathlib import Path

from mdfnet.core.errors import UserError

#: Larger images than this are refused before they are decoded, in pixels. Chest X-rays have up to about 20 million.
MOST_PIXELS = 40_000_000


def check_pixels(width: int, height: int, path: str | Path) -> None:
    """Refuse an image too large to be a radiograph."""
    if not 0 < width * height <= MOST_PIXELS:
        what = f"{width} x {height} pixels, more than {MOST_PIXELS // 1_000_000} million"
        raise UserError(what if width * height else "the image has no pixels", where=path, fix="is it a chest X-ray?")
