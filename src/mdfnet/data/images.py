"""Films from files: PNG, JPEG and DICOM to one grey picture, and nothing lost on the way that the file holds."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from mdfnet.errors import UserError

#: Larger films than this are refused before they are decoded, in pixels. Chest films have up to about 20 million.
MOST_PIXELS = 100_000_000

#: What Pillow and zlib raise on files that are damaged.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def read_film(path: str | Path) -> np.ndarray:
    """Read a film as it is to be looked at: high values bright.

    PNG and JPEG in any color mode become grey (ITU-R 601 luma; transparency lies over black); grey values are kept as
    they are. DICOM: see `mdfnet.data.dicom.read_dicom`. Which it is, is told from the content, not from the name.

    Returns:
        ``[H, W]`` uint8 or, from more than 8 bits, uint16 at full scale (65535 is white).

    Raises:
        UserError: Not there, empty, truncated, not a film, or larger than `MOST_PIXELS`; names the file.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "film.png"
        >>> Image.fromarray(np.full((4, 6), 40000, np.uint16)).save(path)
        >>> read_film(path).dtype, read_film(path).shape, int(read_film(path)[0, 0])
        (dtype('uint16'), (4, 6), 40000)
    """
    if _is_dicom(path):
        from mdfnet.data.dicom import read_dicom

        return read_dicom(path)
    try:
        with _opened(path) as image:
            return _grey(image)
    except DAMAGED as error:
        raise UserError(f"the film is damaged: {error}", where=path, fix="fetch or export it again") from None


def film_size(path: str | Path) -> tuple[int, int]:
    """Width and height of a film in pixels, from its header alone.

    Raises:
        UserError: See `read_film`; damage to the pixels is not seen.
    """
    if _is_dicom(path):
        from mdfnet.data.dicom import dicom_size

        return dicom_size(path)
    with _opened(path) as image:
        return image.size


def check_pixels(width: int, height: int, path: str | Path) -> None:
    """Refuse a picture too large to be a film.

    Raises:
        UserError: It has more than `MOST_PIXELS`, or none.
    """
    if not 0 < width * height <= MOST_PIXELS:
        what = f"{width} x {height} pixels, more than {MOST_PIXELS // 1_000_000} million"
        raise UserError(what if width * height else "the film has no pixels", where=path, fix="is it a chest film?")


def _is_dicom(path: str | Path) -> bool:
    try:
        with open(path, "rb") as file:
            head = file.read(132)
    except FileNotFoundError:
        raise UserError("no such film", where=path) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=path) from None
    if not head:
        raise UserError("the file is empty", where=path)
    return head[128:] == b"DICM"


def _opened(path: str | Path) -> Image.Image:
    try:
        image = Image.open(path, formats=("PNG", "JPEG"))
    except (*DAMAGED, Image.DecompressionBombError) as error:
        if isinstance(error, Image.DecompressionBombError):
            raise UserError(f"more than {MOST_PIXELS // 1_000_000} million pixels", where=path) from None
        raise UserError("not a PNG, JPEG or DICOM film", where=path) from None
    check_pixels(*image.size, path)
    if getattr(image, "n_frames", 1) > 1:
        raise UserError(f"{image.n_frames} pictures in one file", where=path, fix="give one film per file")
    if image.format == "JPEG" and image.getexif().get(0x0112, 1) != 1:
        raise UserError("stored turned (EXIF orientation)", where=path, fix="save it upright")
    return image


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    if image.mode not in ("L", "1"):
        image = image.convert("RGB")
        pixels = np.asarray(image)
        if (pixels == pixels[..., :1]).all():
            return pixels[..., 0].copy()
    return np.array(image.convert("L"))
