"""Phantom images as an archive holds them, and their records as a FHIR server holds them. All of it is synthetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from archived_images import archived
from fhir_stub import Fhir, observation, patient

from mdfnet.clinical.schema import Schema
from mdfnet.data.phantom.config import PhantomConfig
from mdfnet.data.phantom.generate import phantoms

ZONE = "Europe/Berlin"
SCHEMA = Schema.load("mimic-ed")


@dataclass(frozen=True)
class SyntheticImage:
    """One image with its record.

    Args:
        path: The DICOM file.
        uid: SOP instance UID.
        record: float32 ``[10]``: what was known when the image was taken.
    """

    path: Path
    uid: str
    record: np.ndarray


def synthetic_images(
    count: int, folder: Path, write: Callable[..., Path], fhir: Fhir, seed: int = 7, size: int = 256
) -> list[SyntheticImage]:
    """Write images and give their patients to a FHIR server.

    Each value is there three times: as the record has it, an hour before the image; wrong, five hours before; and
    wrong, an hour after. Only the first may be used."""
    now = datetime.now(timezone(timedelta(hours=1))).replace(hour=12, minute=0, second=0, microsecond=0)
    images = []
    for phantom in phantoms(PhantomConfig(count=count, size=size, seed=seed)):
        tags = archived(phantom.index, ViewPosition=phantom.view, StudyDate=f"{now:%Y%m%d}", StudyTime=f"{now:%H%M%S}")
        tags |= {"TimezoneOffsetFromUTC": "+0100", "ImageComments": "synthetic image", "PatientSex": None}
        age, sex = phantom.clinical[SCHEMA.index("age")], phantom.clinical[SCHEMA.index("gender")]
        born = None if np.isnan(age) else now.date() - timedelta(days=round(float(age) * 365.25))
        tags["PatientBirthDate"] = None
        name = tags["PatientID"]
        gender = "unknown" if np.isnan(sex) else SCHEMA["gender"].categories[int(sex)]
        fhir.patients.append(patient(name, {"F": "female", "M": "male"}.get(gender, gender), f"{born or ''}"))
        if born is None:
            del fhir.patients[-1]["birthDate"]
        record = phantom.clinical.copy()
        record[0] = np.nan if born is None else np.float32((now.date() - born).days / 365.25)
        for position, feature in enumerate(SCHEMA.features):
            if feature.kind == "number" and feature.name != "age" and not np.isnan(record[position]):
                wrong = round((feature.low + feature.high) / 2)
                for value, hours in ((float(record[position]), -1), (wrong, -5), (wrong, 1)):
                    time = now + timedelta(hours=hours)
                    fhir.observations.append(observation(name, feature.loinc, value, feature.unit, time))
        path = write(folder / f"{phantom.id}.dcm", pixels=phantom.image, bits=8, **tags)
        images.append(SyntheticImage(path, tags["SOPInstanceUID"], record))
    return images


#: What must not be reported on, with a word of the reason that the log gives.
UNSUITABLE = {
    "lateral": ({"ViewPosition": "LL"}, "not a frontal view"),
    "lateral by code": ({"ViewPosition": None, "ViewCodeSequence": "399067008"}, "not a frontal view"),
    "view not stated": ({"ViewPosition": None}, "does not say whether it is frontal"),
    "hand": ({"BodyPartExamined": "HAND"}, "of another part of the body"),
    "part not stated": ({"BodyPartExamined": None}, "does not say whether it is of the chest"),
    "for processing": ({"PresentationIntentType": "FOR PROCESSING"}, "raw detector data"),
    "other modality": ({"Modality": "MG"}, "neither CR nor DX"),
    "mirrored": ({"PatientOrientation": ["R", "F"]}, "stored mirrored"),
    "CT": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"}, "CT Image Storage"),
    "raw": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"}, "For Processing"),
    "capture": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "Secondary Capture"),
}


def unsuitable_images(folder: Path, write: Callable[..., Path]) -> dict[str, Path]:
    """One image of each kind that must not be reported on."""
    from pydicom.dataset import Dataset

    made = {}
    for number, (name, (tags, _)) in enumerate(UNSUITABLE.items(), 900):
        changed = dict(tags)
        if "ViewCodeSequence" in changed:
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = changed["ViewCodeSequence"], "SCT", "side"
            changed["ViewCodeSequence"] = [code]
        made[name] = write(folder / f"unsuitable-{number}.dcm", **archived(number, **changed))
    return made
