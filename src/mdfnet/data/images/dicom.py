"""Chest X-rays from DICOM, in the order of the standard's display pipeline, or by another recipe.

Stored values -> modality LUT -> VOI LUT or window -> polarity (DICOM PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from mdfnet.core.arrays import Array, Floats
from mdfnet.core.conventions import VIEWS
from mdfnet.core.errors import UserError
from mdfnet.data.images.dicom_file import read_coded, read_header, read_pixels, refusing_damage
from mdfnet.data.images.intensity import AS_IS, MIMIC_CXR_JPG, Intensity, mimic_cxr_jpg
from mdfnet.data.images.limits import check_pixels

_LATERAL_VIEWS = ("LL", "RL", "LLO", "RLO", "LATERAL")

#: Storage classes of radiographs (PS3.4 B.5): computed, digital, and what was captured or digitized from film.
_RADIOGRAPHS = {
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.7.2",
    "1.2.840.10008.5.1.4.1.1.7.3",
}
#: Photometric interpretations that messages may name; another text could be anything, a patient's name too.
_COLORS = ("RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"


class Unsuitable(UserError):
    """A whole image, but none for us: lateral, mirrored, raw, several frames, not a radiograph; ``kind`` says which."""

    def __init__(self, what: str, *, where: object = None, fix: str | None = None, kind: str = "unsuitable"):
        super().__init__(what, where=where, fix=fix)
        self.kind = kind


@dataclass(frozen=True)
class Header:
    """What a DICOM header says of its image, as far as we ask."""

    #: In pixels
    width: int
    height: int
    patient: str  #: Identifier of the patient, empty where there is none
    view: str | None  #: "PA", "AP" or None
    sex: str | None  #: "F", "M" or None
    age: float | None  #: In years at the time of the image, or None
    #: Width and height of a pixel in mm, at the patient where it was calibrated, else at the detector
    spacing: tuple[float, float] | None
    burnt_in: bool  #: Whether the header says that annotations are burnt into the pixels


def read_dicom(path: str | Path, intensity: Intensity = AS_IS) -> Array:
    """Read a frontal image from a DICOM file as it is to be looked at.

    The first window or VOI LUT of the file is used; an image without one keeps its full range. MONOCHROME1 is inverted
    over the full output range, whatever the image's own extremes. Under `MIMIC_CXR_JPG`: see `mimic_cxr_jpg`.

    Returns:
        ``[H, W]`` uint8 up to 8 bits stored and under `MIMIC_CXR_JPG`, else uint16 at full scale.

    Raises:
        Unsuitable: Not a single-frame gray radiograph, lateral, mirrored, or raw ("for processing").
        UserError: Damaged, too large, or compressed in a way that nothing here decodes.
    """
    header = checked_header(path)
    return gray(read_pixels(path, header), header, path, intensity)


def checked_header(path: str | Path) -> pydicom.Dataset:
    """The header of a file that is found to be a frontal image's, see `read_header`; the pixels are not looked at."""
    header = read_header(path)
    _check_image(header, path)
    return header


def gray(stored: Array, header: pydicom.Dataset, path: str | Path, intensity: Intensity = AS_IS) -> Array:
    """Stored values ``[H, W]`` of an image with a checked header as it is to be looked at; see `read_dicom`."""
    inverted = header.PhotometricInterpretation == "MONOCHROME1"
    if intensity == MIMIC_CXR_JPG:
        return mimic_cxr_jpg(stored, inverted)
    with refusing_damage(path):
        return _displayed(stored, header, inverted)


def image_header(path: str | Path) -> Header:
    """What the header of a frontal image says; that its pixels are there is checked, but they are not decoded."""
    header = checked_header(path)
    read_coded(path, header)
    with refusing_damage(path):
        spacing = header.get("PixelSpacing") or header.get("ImagerPixelSpacing")
        return Header(
            width=int(header.Columns),
            height=int(header.Rows),
            patient=str(header.get("PatientID") or "").strip(),
            view=view_of(header),
            sex=_one_of(header.get("PatientSex"), ("F", "M")),
            age=age_of(header),
            spacing=(float(spacing[1]), float(spacing[0])) if spacing else None,  # DICOM: rows first
            burnt_in=_one_of(header.get("BurnedInAnnotation"), ("YES",)) is not None,
        )


def view_of(header: pydicom.Dataset) -> str | None:
    return _one_of(header.get("ViewPosition"), VIEWS)


def _one_of(value: Any, known: tuple[str, ...]) -> str | None:
    text = str(value or "").strip().upper()
    return text if text in known else None


def age_of(header: pydicom.Dataset) -> float | None:
    """From the dates, or as the header has it (``061Y``, ``010M``)."""
    born, taken = str(header.get("PatientBirthDate") or ""), str(header.get("StudyDate") or "")
    if len(born) == len(taken) == 8 and (born + taken).isdigit():
        lived = datetime.strptime(taken, "%Y%m%d") - datetime.strptime(born, "%Y%m%d")
        return round(lived.days / 365.25, 2)
    text = str(header.get("PatientAge") or "").strip()
    years = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
    return int(text[:-1]) * years[text[-1]] if text[:-1].isdigit() and text[-1] in years else None


def _check_image(header: pydicom.Dataset, path: str | Path) -> None:
    with refusing_damage(path):
        for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "PhotometricInterpretation"):
            if header.get(keyword) in (None, ""):
                raise UserError(f"the DICOM file has no {keyword}", fix="is it a chest X-ray?")
        check_pixels(int(header.Columns), int(header.Rows), path)
        for what, fix, kind in _unsuitable(header):
            raise Unsuitable(what, where=path, fix=fix, kind=kind)
        if header.BitsAllocated not in (8, 16) or not 0 < header.BitsStored <= header.BitsAllocated:
            what = f"{header.BitsStored} bits in {header.BitsAllocated} for a pixel"
            raise UserError(what, fix="images have up to 16 bits, in 8 or 16")


def _unsuitable(header: pydicom.Dataset) -> Iterator[tuple[str, str, str]]:
    """What makes a whole image none for us: in words, what to do, and its kind."""
    storage = header.get("SOPClassUID")
    if storage == _FOR_PROCESSING or header.get("PresentationIntentType") == "FOR PROCESSING":
        yield "raw detector data (for processing)", "give the image for presentation", "raw detector data"
    if storage and storage not in _RADIOGRAPHS:
        what = f"not a radiograph but {storage.name}" if storage.name != storage else "not a radiograph"
        yield what, "give the original radiograph", "not radiographs"
    frames, interpretation = int(header.get("NumberOfFrames") or 1), header.PhotometricInterpretation
    if frames > 1:
        yield f"{frames} frames in one file", "give single images", "several frames"
    if interpretation not in ("MONOCHROME1", "MONOCHROME2") or header.get("SamplesPerPixel", 1) != 1:
        what = f"not a gray image but {interpretation}" if interpretation in _COLORS else "not a gray image"
        yield what, "give the original radiograph", "not gray"
    meanings = [str(code.get("CodeMeaning", "")) for code in header.get("ViewCodeSequence") or ()]
    view = str(header.get("ViewPosition") or "").strip().upper()
    if view in _LATERAL_VIEWS or any("lateral" in meaning.lower() for meaning in meanings):
        yield "a lateral view", "give frontal images, PA or AP", "lateral views"
    orientation = list(header.get("PatientOrientation") or ())
    if len(orientation) == 2 and str(orientation[0]).startswith("R"):
        fix = "mirror it, so that the patient's left is on the image's right"
        yield "stored mirrored (patient orientation starts with R)", fix, "stored mirrored"


def _displayed(stored: Array, header: pydicom.Dataset, inverted: bool) -> Array:
    """The pipeline is a function of the value alone: each value goes its way once, then the image is looked up."""
    low = int(stored.min())
    values, darkest, brightest = _pipeline(np.arange(low, int(stored.max()) + 1), header)
    if inverted:
        values = brightest + darkest - values
    depth = np.uint8 if header.BitsStored <= 8 else np.uint16
    white = np.iinfo(depth).max
    if (darkest, brightest) != (0, white):
        values = (values - darkest) * (white / (brightest - darkest))
    table: Floats = np.clip(np.rint(values), 0, white)
    displayed: Array = table.astype(depth).take(stored.astype(np.int32) - low)
    return displayed


def _pipeline(stored: Array, header: pydicom.Dataset) -> tuple[Array, float, float]:
    """Values after modality and VOI transformation, with the lowest and highest that could come out."""
    signed = header.get("PixelRepresentation", 0)
    extremes = np.array([0, 2**header.BitsStored - 1]) - (2 ** (header.BitsStored - 1) if signed else 0)
    values = apply_modality_lut(stored, header)
    if header.get("ModalityLUTSequence"):
        extremes = np.array([0, 2 ** header.ModalityLUTSequence[0].LUTDescriptor[2] - 1])
    else:
        extremes = np.sort(apply_modality_lut(extremes, header))
    if header.get("VOILUTSequence"):
        extremes = np.array([0, 2 ** header.VOILUTSequence[0].LUTDescriptor[2] - 1])
    elif header.get("WindowWidth") in (None, "") or header.get("WindowCenter") in (None, ""):
        return values, float(extremes[0]), float(extremes[1])  # pydicom stumbles over empty ones
    return apply_voi_lut(values, header, index=0), float(extremes[0]), float(extremes[1])
