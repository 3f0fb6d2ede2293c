"""How the stored values of a DICOM image become gray values: recipes with a name and a version.

A dataset declares the recipe its images went through, a model keeps the one it was trained on, and a DICOM image given
to that model goes through the same one. PNG and JPEG images have been through theirs already and are taken as they are.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mdfnet.core.arrays import Floats, Ints
from mdfnet.core.errors import UserError, nearest

Intensity = Literal["as-is", "window/1", "mimic-cxr-jpg/1"]

#: Nothing is known of how the images were made; a DICOM image is displayed as its header says, as under `WINDOW`.
AS_IS: Intensity = "as-is"
#: The display pipeline of the DICOM standard; see `mdfnet.data.images.dicom`.
WINDOW: Intensity = "window/1"
#: How MIMIC-CXR-JPG was made from MIMIC-CXR; see `mimic_cxr_jpg`.
MIMIC_CXR_JPG: Intensity = "mimic-cxr-jpg/1"


def checked_intensity(name: object, where: object = None) -> Intensity:
    """The name of a recipe, if it is one.

    Examples:
        >>> checked_intensity("window/2", "model.json")
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: model.json: unknown intensity recipe 'window/2'; did you mean 'window/1'?
    """
    known: tuple[Intensity, ...] = get_args(Intensity)
    for recipe in known:
        if recipe == name:
            return recipe
    raise UserError(f"unknown intensity recipe {name!r}", where=where, fix=nearest(str(name), known))


def mimic_cxr_jpg(stored: Ints, inverted: bool) -> NDArray[np.uint8]:
    """Stored values ``[H, W]`` -> uint8 ``[H, W]`` as in MIMIC-CXR-JPG: the image's own range, then equalized.

    No modality LUT and no window. The code is its author's, published in MIT-LCP/mimic-cxr issue 16: to [0, 255] by the
    image's least and greatest value, cut to whole numbers, ``inverted`` if MONOCHROME1, the histogram equalized.

    Examples:
        >>> mimic_cxr_jpg(np.array([[100, 300], [300, 900]], np.uint16), inverted=False)
        array([[  0, 170],
               [170, 255]], dtype=uint8)
    """
    low, span = int(stored.min()), int(np.ptp(stored))
    table = (np.arange(span + 1) / max(span, 1) * 255).astype(np.uint8)
    if inverted:
        table = ~table
    places = stored.astype(np.int32) - low
    gray = table[places]
    return equalization(np.bincount(gray.ravel(), minlength=256))[gray]


def equalization(histogram: Ints) -> NDArray[np.uint8]:
    """New gray value of each old one, uint8 ``[256]``, for counts ``[256]``; the same as OpenCV's ``equalizeHist``.

    Examples:
        >>> counts = np.bincount([10, 10, 10, 200], minlength=256)
        >>> table = equalization(counts)
        >>> int(table[10]), int(table[200])
        (0, 255)
    """
    first, count = int(np.flatnonzero(histogram)[0]), int(histogram.sum())
    if histogram[first] == count:
        return np.full(256, first, np.uint8)
    below = np.cumsum(histogram) - histogram[first]
    below[: first + 1] = 0
    scale = np.float32(255.0 / (count - histogram[first]))  # OpenCV computes in 32 bits
    table: Floats = np.clip(np.rint(below.astype(np.float32) * scale), 0, 255)
    return table.astype(np.uint8)
