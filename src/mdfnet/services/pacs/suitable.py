"""Which images the node reports on: frontal chest X-rays for presentation, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydicom import Dataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation

from mdfnet.core.conventions import VIEWS

#: Storage classes that are looked at (PS3.4 B.5): computed radiographs, and digital ones for presentation.
STORAGE = frozenset({str(ComputedRadiographyImageStorage), str(DigitalXRayImageStorageForPresentation)})

#: Codes of ViewCodeSequence that are frontal: SNOMED CT and, in older images, SNOMED RT (PS3.16 CID 4010).
_FRONTAL_CODES = {"399348003", "R-10206", "272479007", "R-10214"}
_CHEST_CODES = {"51185008", "T-D3000", "43799004", "T-D3050"}
_CHEST = ("CHEST", "THORAX")


def why_not(source: Dataset, unstated: Literal["skip", "take"] = "skip") -> str | None:
    """Why an image is not reported on, None where it is. Lateral and raw images are refused where pixels are read, too.

    The reason is fit for logs: it quotes nothing of the header that could be free text.

    Images that do not say that they are frontal, or of the chest, are skipped or taken, as ``unstated`` says.

    Examples:
        >>> image = Dataset()
        >>> image.SOPClassUID, image.Modality, image.ViewPosition = ComputedRadiographyImageStorage, "CR", "LL"
        >>> why_not(image), why_not(image, "take")
        ('not a frontal view', 'not a frontal view')
    """
    kind = str(source.get("SOPClassUID") or "")
    if kind not in STORAGE:
        return f"not CR or DX for presentation but {name_of(kind)}"
    if source.get("PresentationIntentType") == "FOR PROCESSING":
        return "raw detector data (for processing)"
    if source.get("Modality") not in ("CR", "DX"):
        return "modality is neither CR nor DX"
    frontal = _states(source, "ViewPosition", VIEWS, "ViewCodeSequence", _FRONTAL_CODES)
    chest = _states(source, "BodyPartExamined", _CHEST, "AnatomicRegionSequence", _CHEST_CODES)
    for stated, other, silent in (
        (frontal, "not a frontal view", "does not say whether it is frontal"),
        (chest, "of another part of the body", "does not say whether it is of the chest"),
    ):
        if stated is False:
            return other
        if stated is None and unstated == "skip":
            return silent
    return None


def name_of(storage: str) -> str:
    """What the standard calls a storage class; a private one has no name, and its UID is not quoted.

    Examples:
        >>> name_of("1.2.840.10008.5.1.4.1.1.2"), name_of("1.2.3")
        ('CT Image Storage', 'another kind of object')
    """
    name = UID(storage).name
    return name if name != storage else "another kind of object"


def taken_at(source: Dataset, zone: str) -> datetime | None:
    """When an image was taken, with its offset; None where it does not say to the minute.

    Of the acquisition where that is stated, else of the study, which began before: no later value can slip in. The
    time zone is that of images that do not name an offset.
    """
    pairs = [str(source.get("AcquisitionDateTime") or "").partition("&")[0]]
    for kind in ("Acquisition", "Study"):
        pairs.append(str(source.get(f"{kind}Date") or "") + str(source.get(f"{kind}Time") or ""))
    offset = str(source.get("TimezoneOffsetFromUTC") or "")
    return next((time for pair in pairs if (time := _time(pair, offset, zone))), None)


def _states(
    source: Dataset, keyword: str, names: Collection[str], sequence: str, codes: Collection[str]
) -> bool | None:
    """Whether a header states, by name or else by codes, what these are; None where it states nothing."""
    if name := str(source.get(keyword) or "").strip().upper():
        return name in names
    stated = [str(code.get("CodeValue", "")) for code in source.get(sequence) or ()]
    return all(code in codes for code in stated) if stated else None


def _time(text: str, offset: str, zone: str) -> datetime | None:
    """DICOM's YYYYMMDDHHMM[SS[.ffffff]][+ZZZZ]; a fraction of a second does not matter and is cut off."""
    main, sign, own = text.partition("+") if "+" in text else text.partition("-")
    digits = main.partition(".")[0].strip()
    offset = sign + own if sign else offset.strip()
    try:
        time = datetime.strptime(digits, {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}[len(digits)])
        return time.replace(tzinfo=datetime.strptime(offset, "%z").tzinfo if offset else ZoneInfo(zone))
    except (KeyError, ValueError):
        return None
