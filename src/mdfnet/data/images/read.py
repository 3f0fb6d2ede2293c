"""Images from files: PNG, JPEG and DICOM to one gray image, at the full depth that the file holds."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample
from mdfnet.data.images.intensity import AS_IS, Intensity, checked_intensity
from mdfnet.data.images.limits import MOST_PIXELS, check_pixels

#: Deflate, and so PNG, makes at most 1032 bytes of one; JPEG, with a bit for a block of 64 pixels at least, fewer.
_MOST_PIXELS_PER_BYTE = 1032

#: What Pillow and zlib raise on files that are damaged.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def read_image(path: str | Path, intensity: Intensity = AS_IS, at_least: tuple[int, int] | None = None) -> Array:
    """Read an image as it is to be looked at: high values bright.

    PNG and JPEG in any color mode become gray (ITU-R 601 luma; transparency lies over black); gray values are kept as
    they are. DICOM: see `mdfnet.data.images.dicom.read_dicom`. The content tells which it is, not the name.

    Args:
        path: Where it lies.
        intensity: Recipe for DICOM.
        at_least: Width and height that will do. A JPEG is then decoded at a half, a quarter or an eighth, which costs
            less, as long as it has twice that; made as small, it differs from the whole one by less than a gray level
            on average.

    Returns:
        ``[H, W]`` uint8 or, from more than 8 bits, uint16 at full scale (65535 is white).

    Raises:
        UserError: Not there, empty, truncated, not an image, or larger than `MOST_PIXELS`; names the file.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "image.png"
        >>> Image.fromarray(np.full((4, 6), 40000, np.uint16)).save(path)
        >>> read_image(path).dtype, read_image(path).shape, int(read_image(path)[0, 0])
        (dtype('uint16'), (4, 6), 40000)
    """
    if is_dicom(path):
        from mdfnet.data.images.dicom import read_dicom

        return read_dicom(path, intensity)
    try:
        with _opened(path) as image:
            if at_least and image.format == "JPEG":
                image.draft(None, (2 * at_least[0], 2 * at_least[1]))
            return _gray(image)
    except _DAMAGED as error:
        raise UserError(f"the image is damaged: {error}", where=path, fix="fetch or export it again") from None


def image_size(path: str | Path) -> tuple[int, int]:
    """Width and height of an image in pixels, from its header alone: damage to the pixels is not seen."""
    if is_dicom(path):
        from mdfnet.data.images.dicom import checked_header

        header = checked_header(path)
        return int(header.Columns), int(header.Rows)
    with _opened(path) as image:
        return image.size


def read_sample_image(sample: Sample, at_least: tuple[int, int] | None = None) -> Array:
    """The image of a sample; see `read_image`. One of another size than its annotations are for is refused."""
    image = read_image(sample.image, checked_intensity(sample.intensity, sample.image), at_least)
    size = image.shape[::-1] if at_least is None else image_size(sample.image)
    if size != (sample.width, sample.height):
        found, known = f"{size[0]} x {size[1]}", f"{sample.width} x {sample.height}"
        what = f"the image has {found} pixels, its annotations are for {known}"
        raise UserError(what, where=sample.image, fix="give the image that the boxes were drawn on")
    return image


def unit_range(image: Array) -> NDArray[np.float32]:
    """An image as read, uint8 or uint16 ``[H, W]`` -> float32 ``[H, W]`` in [0, 1]: the scale of all networks here.

    Examples:
        >>> unit_range(np.array([[0, 51, 255]], np.uint8)).tolist() == [[0, np.float32(0.2), 1]]
        True
    """
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


def is_dicom(path: str | Path) -> bool:
    """Whether a file is DICOM, by its content."""
    try:
        with open(path, "rb") as file:
            head = file.read(132)
    except FileNotFoundError:
        raise UserError("no such image", where=path) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=path) from None
    if not head:
        raise UserError("the file is empty", where=path)
    return head[128:] == b"DICM"


def _opened(path: str | Path) -> Image.Image:
    try:
        image = Image.open(path, formats=("PNG", "JPEG"))
    except Image.DecompressionBombError:
        raise UserError(f"more than {MOST_PIXELS // 1_000_000} million pixels", where=path) from None
    except _DAMAGED:
        raise UserError("not a PNG, JPEG or DICOM image", where=path) from None
    check_pixels(*image.size, path)
    _check_bytes(image, path)
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UserError(f"{frames} images in one file", where=path, fix="give one image per file")
    if image.format == "JPEG" and image.getexif().get(0x0112, 1) != 1:
        raise UserError("stored turned (EXIF orientation)", where=path, fix="save it upright")
    return image


def _check_bytes(image: Image.Image, path: str | Path) -> None:
    """Refuse a header that claims more pixels than the file can hold, before memory is taken for them."""
    pixels, there = image.width * image.height, Path(path).stat().st_size
    packed = 8 if image.mode in ("1", "P") else 1  # PNG stores up to 8 such pixels in a byte
    if pixels > there * packed * _MOST_PIXELS_PER_BYTE:
        what = f"the image is damaged: {image.width} x {image.height} pixels claimed in {there} bytes"
        raise UserError(what, where=path, fix="fetch or export it again")


def _gray(image: Image.Image) -> Array:
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
