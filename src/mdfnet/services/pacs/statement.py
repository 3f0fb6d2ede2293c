"""What an algorithm says of an image, as each DICOM object about it says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset

from mdfnet.core.arrays import Floats
from mdfnet.core.types import Classes, Detections
from mdfnet.services.pacs.algorithm import MANUFACTURER, Algorithm, uid_of

#: Kind of object -> number of its series, far from those of modalities, and what it shows.
_SERIES = {"report": (9901, "boxes"), "capture": (9902, "overlay"), "presentation": (9903, "boxes")}


@dataclass(frozen=True)
class Statement:
    """Boxes on an image, and who says so."""

    source: Dataset  #: The image's header, see `mdfnet.services.pacs.source.read_source`
    detections: Detections  #: All of them are reported; boxes in pixels of the image
    classes: Classes
    algorithm: Algorithm
    record: Floats | None = None  #: float32 ``[F]`` the model was given; part of what the UIDs are made of

    def boxes(self) -> Iterator[tuple[Floats, str, float]]:
        """Closed outline ``[5, 2]``, name and score of each box."""
        corners = np.asarray(self.detections.boxes, np.float64).reshape(-1, 4)
        outlines = corners[:, [[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]
        for outline, label, score in zip(outlines, self.detections.labels, self.detections.scores, strict=True):
            yield outline, self.classes.name(int(label)), float(score)

    def uid(self, kind: str) -> str:
        return uid_of(kind, self.algorithm, self.source.SOPInstanceUID, self.record)

    def attributes(self, kind: str) -> dict[str, Any]:
        """What an object of a kind says of itself and its maker, as highdicom's constructors take it."""
        number, what = _SERIES[kind]
        texts = (self.algorithm.name, *self.classes.names)
        plain = self.source.get("SpecificCharacterSet") in (None, "", "ISO_IR 6") and all(map(str.isascii, texts))
        return {
            "series_instance_uid": self.uid(f"{kind} series"),
            "series_number": number,
            "series_description": f"{MANUFACTURER} {what}, research use only",
            "sop_instance_uid": self.uid(kind),
            "instance_number": 1,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": self.algorithm.title,
            "software_versions": self.algorithm.version,
            "device_serial_number": self.algorithm.sha256[:16],
            "specific_character_set": None if plain else "ISO_IR 192",  # UTF-8
        }
