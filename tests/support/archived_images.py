"""Images as an archive holds them, and detections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from mdfnet.core.types import Detections, RecordUse


def archived(number: int = 1, **tags) -> dict:
    """Tags of a frontal image of a made-up patient, as a modality sends it."""
    return {
        "SOPInstanceUID": generate_uid(entropy_srcs=["image", str(number)]),
        "StudyInstanceUID": generate_uid(entropy_srcs=["study", str(number)]),
        "SeriesInstanceUID": generate_uid(entropy_srcs=["series", str(number)]),
        "PatientID": f"SYNTHETIC-{number:03}",
        "PatientName": f"Synthetic^Image {number}",
        "PatientSex": "F",
        "PatientBirthDate": "19600101",
        "StudyDate": "20240301",
        "StudyTime": "120000",
        "Modality": "DX",
        "PresentationIntentType": "FOR PRESENTATION",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        **tags,
    }


@pytest.fixture
def archived_image(image, tmp_path) -> Callable[..., Path]:
    """Writes such an image: ``archived_image(name="a", pixels=..., Keyword=value)``."""

    def write(name: str = "a", number: int = 1, pixels=None, **tags) -> Path:
        given = {} if pixels is None else {"pixels": pixels}
        return image(tmp_path / f"{name}.dcm", **given, **archived(number, **tags))

    return write


def found(*boxes, labels=None, scores=None, record: RecordUse | None = None) -> Detections:
    """Detections of boxes, with falling scores."""
    boxes = np.float32(boxes).reshape(-1, 4)
    labels = np.array(labels if labels is not None else [1] * len(boxes), np.int64)
    scores = np.float32(scores if scores is not None else np.linspace(0.9, 0.5, len(boxes)))
    return Detections(boxes, labels, scores, record=record)
