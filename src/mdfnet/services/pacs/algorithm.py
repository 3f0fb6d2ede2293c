"""The algorithm as DICOM objects name it, and the UIDs of what it says."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mdfnet.core.arrays import Floats
from mdfnet.core.types import RecordUse
from mdfnet.models.card import NOTICE, read_card

#: Namespace of the UIDs made here, itself a name-based UUID (RFC 9562, section 5.5).
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:mdfnet:dicom")

MANUFACTURER = "MDF-Net"


@dataclass(frozen=True)
class Algorithm:
    """Who says what a DICOM object says.

    Examples:
        >>> Algorithm("demo", "0.1.0", "fc0c61db0f17dd28", 0.3).title
        'MDF-Net demo'
    """

    name: str  #: What the model is called
    version: str  #: Of the program that ran it
    sha256: str  #: Hash of the model's weights
    threshold: float = 0.3  #: Lowest score in [0, 1] of what is reported
    point: str | None = None  #: Name of the model's operating point whose scores per class take its place

    @classmethod
    def of(cls, folder: str | Path, threshold: float = 0.3, point: str | None = None) -> Algorithm:
        """Of a saved model."""
        card = read_card(folder)
        return cls(card.config.name, version("mdfnet"), card.weights_sha256, threshold, point)

    @property
    def title(self) -> str:
        """Name for people, at most the 64 characters that DICOM's LO holds."""
        return f"{MANUFACTURER} {self.name}"[:64]

    @property
    def reported_from(self) -> str:
        """From which score on boxes are reported, in words."""
        return f"from score {self.threshold:g}" if self.point is None else f"from operating point {self.point}"

    def parameters(self, use: RecordUse | None = None) -> list[str]:
        """What a reader needs to know of how the answer came about, a sentence each; no clinical values.

        Without a ``use`` of the record the model looks at images alone.
        """
        record = "image alone, no clinical values" if use is None else f"clinical values used: {_names(use.used)}"
        refused = [f"clinical values refused: {_names(use.refused)}"] if use is not None and use.refused else []
        boxes = f"boxes {self.reported_from}, scores are not calibrated"
        return [f"weights sha256 {self.sha256}", boxes, record, *refused, NOTICE]


def uid_of(kind: str, algorithm: Algorithm, image: str, record: Floats | None = None) -> str:
    """UID of an object about an image, the same whenever the same model says it of the same image and record.

    It is a name-based UUID as an integer under 2.25 (PS3.5 B.2): nobody needs to be asked for a root, and a rerun makes
    the same objects again, which an archive takes for what it has.

    ``kind`` is what it names, such as "report series"; ``image`` the SOP instance UID of the image; ``record`` float32
    ``[F]`` as the model was given it, NaN = missing.

    Examples:
        >>> algorithm = Algorithm("demo", "0.1.0", "fc0c61db0f17dd28")
        >>> uid_of("report", algorithm, "1.2.3") == uid_of("report", algorithm, "1.2.3")
        True
        >>> uid_of("report", algorithm, "1.2.3") == uid_of("report", algorithm, "1.2.3", np.float32([61, np.nan]))
        False
    """
    values = b""  # a record with nothing in it says what no record says
    if record is not None and not np.isnan(record).all():
        values = np.where(np.isnan(record), np.nan, record).astype("<f4").tobytes()  # NaN has many bit patterns
    given = hashlib.sha256(values).hexdigest() if values else ""
    facts = (kind, algorithm.sha256, algorithm.reported_from, image, given)
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(0).join(facts)).int}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
