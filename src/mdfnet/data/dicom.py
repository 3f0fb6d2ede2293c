"""Chest films from DICOM, in the order of the standard's display pipeline.

Stored values -> modality LUT -> VOI LUT or window -> polarity (DICOM PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mdfnet.data.images import MOST_PIXELS, check_pixels
from mdfnet.errors import UserError

#: A deflated file may inflate to this many bytes: the largest film at 16 bits and as much again for the rest.
MOST_BYTES = 4 * MOST_PIXELS

_LATERAL_VIEWS = ("LL", "RL", "LLO", "RLO", "LATERAL")


def read_dicom(path: str | Path) -> np.ndarray:
    """Read a frontal film from a DICOM file as it is to be looked at.

    The first window or VOI LUT of the file is used; a film without one keeps its full range. MONOCHROME1 is inverted
    over the full output range, whatever the film's own extremes.

    Returns:
        ``[H, W]`` uint8 up to 8 bits stored, else uint16 at full scale.

    Raises:
        UserError: Damaged, not a single-frame grey film, lateral, mirrored, raw ("for processing"), too large, or
            compressed in a way that needs a decoder which is not installed.
    """
    dataset = _read(path)
    _check_film(dataset, path)
    try:
        stored = dataset.pixel_array
        values, low, high = _displayed(stored, dataset)
    except RuntimeError as error:
        if "missing dependencies" not in str(error):
            raise _damaged(path, error) from None
        name = dataset.file_meta.TransferSyntaxUID.name
        raise UserError(f"no decoder for {name}", where=path, fix="pip install 'mdfnet[dicom]'") from None
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise _damaged(path, error) from None
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = high + low - values
    depth = np.uint8 if dataset.BitsStored <= 8 else np.uint16
    white = np.iinfo(depth).max
    scaled = (values - low) * (white / (high - low)) if (low, high) != (0, white) else values
    return np.clip(np.rint(scaled), 0, white).astype(depth)


def dicom_size(path: str | Path) -> tuple[int, int]:
    """Width and height from the header.

    Raises:
        UserError: See `read_dicom`.
    """
    dataset = _read(path, stop_before_pixels=True)
    _check_film(dataset, path, pixels=False)
    return int(dataset.Columns), int(dataset.Rows)


def _read(path: str | Path, **options: bool) -> pydicom.Dataset:
    try:
        _check_inflated_size(path)
        return pydicom.dcmread(path, **options)
    except UserError:
        raise
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise _damaged(path, error) from None


def _check_inflated_size(path: str | Path) -> None:
    """Refuse a small file that inflates to gigabytes; pydicom would inflate it whole before anything can be asked."""
    meta = pydicom.filereader.read_file_meta_info(path)
    if meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return
    with open(path, "rb") as file:
        file.seek(128 + 4 + 12 + meta.FileMetaInformationGroupLength)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflater.decompress(file.read(), MOST_BYTES)
    if inflater.unconsumed_tail:
        raise UserError(f"inflates to more than {MOST_BYTES // 1_000_000} MB", where=path, fix="is it a chest film?")


def _check_film(dataset: pydicom.Dataset, path: str | Path, pixels: bool = True) -> None:
    for keyword in ("Rows", "Columns", "BitsStored", "PhotometricInterpretation", *(("PixelData",) if pixels else ())):
        if dataset.get(keyword) in (None, ""):
            raise UserError(f"the DICOM file has no {keyword}", where=path, fix="is it a chest film?")
    check_pixels(dataset.Columns, dataset.Rows, path)
    frames, interpretation = int(dataset.get("NumberOfFrames") or 1), dataset.PhotometricInterpretation
    if frames > 1:
        raise UserError(f"{frames} frames in one file", where=path, fix="give single films")
    if interpretation not in ("MONOCHROME1", "MONOCHROME2") or dataset.get("SamplesPerPixel", 1) != 1:
        raise UserError(f"not a grey film but {interpretation}", where=path, fix="give the original radiograph")
    if dataset.BitsStored > 16:
        raise UserError(f"{dataset.BitsStored} bits per pixel", where=path, fix="films have up to 16")
    if dataset.get("PresentationIntentType") == "FOR PROCESSING":
        raise UserError("raw detector data (for processing)", where=path, fix="give the film for presentation")
    _check_projection(dataset, path)


def _check_projection(dataset: pydicom.Dataset, path: str | Path) -> None:
    meanings = [str(code.get("CodeMeaning", "")) for code in dataset.get("ViewCodeSequence") or ()]
    view = str(dataset.get("ViewPosition") or "").strip().upper()
    if view in _LATERAL_VIEWS or any("lateral" in meaning.lower() for meaning in meanings):
        raise UserError(f"a lateral view ({view or meanings[0]})", where=path, fix="give frontal films, PA or AP")
    orientation = dataset.get("PatientOrientation") or ()
    if len(orientation) == 2 and str(orientation[0]).startswith("R"):
        fix = "mirror it, so that the patient's left is on the picture's right"
        raise UserError(f"stored mirrored (patient orientation {'/'.join(orientation)})", where=path, fix=fix)


def _displayed(stored: np.ndarray, dataset: pydicom.Dataset) -> tuple[np.ndarray, float, float]:
    """Values after modality and VOI transformation, with the lowest and highest that could come out."""
    signed = dataset.get("PixelRepresentation", 0)
    extremes = np.array([0, 2**dataset.BitsStored - 1]) - (2 ** (dataset.BitsStored - 1) if signed else 0)
    values = apply_modality_lut(stored, dataset)
    if dataset.get("ModalityLUTSequence"):
        extremes = np.array([0, 2 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1])
    else:
        extremes = np.sort(apply_modality_lut(extremes, dataset))
    if dataset.get("VOILUTSequence"):
        extremes = np.array([0, 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1])
    values = apply_voi_lut(values, dataset, index=0)
    return values, float(extremes[0]), float(extremes[1])


def _damaged(path: str | Path, error: Exception) -> UserError:
    return UserError(f"the DICOM file is damaged ({type(error).__name__})", where=path, fix="fetch or export it again")
