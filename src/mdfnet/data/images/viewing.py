"""An image for a viewer: all gray values that the file has, and the window it is first shown with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydicom
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from mdfnet.core.arrays import Array
from mdfnet.data.images.dicom import checked_header, gray, view_of
from mdfnet.data.images.dicom_file import read_pixels, refusing_damage
from mdfnet.data.images.intensity import AS_IS, Intensity
from mdfnet.data.images.read import is_dicom, read_image

_MOST = 65535


@dataclass(frozen=True)
class Viewing:
    """How an image is shown first. Values are those of the pixels handed out, from 0 up."""

    kind: Literal["dicom", "png", "jpeg"]  #: What the file is
    bits: int  #: How many the largest possible value has
    invert: bool  #: Whether high values are dark (MONOCHROME1)
    #: Window, as DICOM has it (PS3.3 C.11.2.1.2)
    center: float
    width: float
    view: str | None = None  #: "PA", "AP" or None
    taken: datetime | None = None  #: When it was taken, in the header's own time; None where the file does not say


def read_for_viewing(path: str | Path, intensity: Intensity = AS_IS) -> tuple[Array, Array, Viewing]:
    """Read an image once, for the model and for a viewer.

    The model's image is as `read_image` gives it under ``intensity``; the viewer's is uint16 ``[H, W]``, of DICOM after
    the modality LUT, raised so that the least value there can be is 0. The last says how to show the latter.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "image.png"
        >>> Image.fromarray(np.full((4, 6), 200, np.uint8)).save(path)
        >>> image, values, viewing = read_for_viewing(path)
        >>> int(values[0, 0]), viewing.bits, viewing.center, viewing.width
        (200, 8, 128.0, 256.0)
    """
    if is_dicom(path):
        header = checked_header(path)
        stored = read_pixels(path, header)
        radiograph = gray(stored, header, path, intensity)
        with refusing_damage(path):
            return radiograph, *_viewed(stored, header)
    radiograph = read_image(path)
    bits = 8 * radiograph.itemsize
    with Image.open(path) as image:
        kind: Literal["png", "jpeg"] = "png" if image.format == "PNG" else "jpeg"
    return radiograph, radiograph.astype(np.uint16), Viewing(kind, bits, False, 2.0 ** (bits - 1), 2.0**bits)


def _viewed(stored: Array, header: pydicom.Dataset) -> tuple[Array, Viewing]:
    """The modality LUT is a function of the value alone: it is made once for all values, then looked up."""
    signed = header.get("PixelRepresentation", 0)
    least = -(2 ** (header.BitsStored - 1)) if signed else 0
    possible = np.arange(least, least + 2**header.BitsStored)
    table = np.asarray(apply_modality_lut(possible, header), np.float64)
    center, width = header.get("WindowCenter"), header.get("WindowWidth")
    if header.get("VOILUTSequence"):
        table = np.asarray(apply_voi_lut(table.astype(np.int64), header, index=0), np.float64)
        center = width = None
    low, high = float(table.min()), float(table.max())
    exact = high - low <= _MOST and bool((table == np.rint(table)).all())
    scale = 1.0 if exact else _MOST / max(high - low, 1e-9)
    values = np.rint((table - low) * scale).astype(np.uint16)[np.clip(stored.astype(np.int64) - least, 0, None)]
    if center in (None, "") or width in (None, ""):
        center, width = (low + high + 1 / scale) / 2, high - low + 1 / scale
    else:
        center, width = _first(center), max(1.0, _first(width))
    span = round((high - low) * scale)
    invert = header.PhotometricInterpretation == "MONOCHROME1"
    window = round((center - low) * scale, 3), round(width * scale, 3)
    return values, Viewing("dicom", max(1, span.bit_length()), invert, *window, view_of(header), _taken(header))


def _first(value: Any) -> float:
    return float(value if isinstance(value, int | float | str) else value[0])


def _taken(header: pydicom.Dataset) -> datetime | None:
    """From StudyDate and StudyTime (DICOM PS3.5 6.2: ``HHMMSS.FFFFFF``, from the right as short as one likes)."""
    day, time = str(header.get("StudyDate") or "").strip(), str(header.get("StudyTime") or "").strip()
    time = time.partition(".")[0]
    try:
        return datetime.strptime(day + time.ljust(6, "0"), "%Y%m%d%H%M%S") if time else None
    except ValueError:
        return None
