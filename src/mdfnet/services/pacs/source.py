"""The image that a report is about: whom it shows and where it belongs, read within bounds."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path

from pydicom import Dataset

from mdfnet.core.errors import UserError
from mdfnet.data.images.dicom_file import read_header, refusing_damage

#: Which image it is; without these nothing can point to it.
IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "Rows", "Columns")

#: What an object of the same study has in common with it; may be empty (PS3.3, type 2 of patient and study).
_COMMON = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)

#: What is read of an image's header to report on it, beside what it is displayed by.
KEYWORDS = (
    *IDENTITY,
    *_COMMON,
    *("SpecificCharacterSet", "IssuerOfPatientID", "StudyDescription", "PatientAge", "TimezoneOffsetFromUTC"),
    *("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "PresentationLUTShape", "ImageLaterality"),
    *("BodyPartExamined", "AnatomicRegionSequence", "ImageType"),
)

#: Whom it names. Kept from highdicom, which quotes unusual names in warnings, and added when the object is made.
_NAMES = ("PatientName", "ReferringPhysicianName")
_SEXES = ("", "M", "F", "O")
_AGE = re.compile(r"\d{3}[DWMY]")


def read_source(path: str | Path) -> Dataset:
    """An image's header with what reports on it need, without its pixels."""
    source = read_header(path, KEYWORDS)
    with refusing_damage(path):
        check_identity(source, path)
    return source


def check_identity(source: Dataset, where: object = None) -> None:
    """Refuse an image that nothing can point to."""
    missing = [keyword for keyword in IDENTITY if not source.get(keyword)]
    if missing:
        raise UserError(f"the image has no {missing[0]}", where=where, fix="give it as the archive holds it")


def evidence(source: Dataset) -> Dataset:
    """A copy without pixels and names, in which all is there that an object of the same study takes over.

    Unknown values are empty, and so are those that would not be valid in what is made of it.
    """
    check_identity(source)
    common = Dataset()
    common.update({element.tag: deepcopy(element) for element in source if element.keyword != "PixelData"})
    for keyword in _COMMON:
        if common.get(keyword) is None or keyword in _NAMES:
            setattr(common, keyword, "")
    if common.PatientSex not in _SEXES:
        common.PatientSex = "O"
    if "PatientAge" in common and not _AGE.fullmatch(str(common.PatientAge)):
        del common.PatientAge
    return common


def named(made: Dataset, source: Dataset) -> Dataset:
    """The finished object with the names of whom the image is about."""
    for keyword in _NAMES:
        if keyword in source:
            made[keyword] = source[keyword]
    return made


def patient_orientation(source: Dataset) -> tuple[str, str]:
    """Of rows and columns; a frontal image that does not say is as it is hung: patient's left on the right."""
    stated = source.get("PatientOrientation")
    return (str(stated[0]), str(stated[1])) if stated and len(stated) == 2 else ("L", "F")
