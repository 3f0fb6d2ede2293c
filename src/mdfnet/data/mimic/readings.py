"""REFLACX: what radiologists drew on images, as ellipses with labels and certainty (Bigolin Lanfredi et al., 2022)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import ArrayLike

from mdfnet.core.arrays import Floats
from mdfnet.core.csv_tables import Row, read_table
from mdfnet.core.errors import UserError
from mdfnet.core.types import PAPER_CLASSES
from mdfnet.data.mimic.rules import EllipseLabels, Findings, Rules
from mdfnet.data.mimic.tables import ColumnKinds, TableFiles, load

READING_COLUMNS: ColumnKinds = {
    "id": "text",
    "eye_tracking_data_discarded": "text",
    "dicom_id": "text",
    "subject_id": "key",
    "image_size_x": "key",
    "image_size_y": "key",
}

#: What phase 1 calls otherwise than phases 2 and 3; the paper merges the same.
SYNONYMS = {
    "Mass": "Lung nodule or mass",
    "Nodule": "Lung nodule or mass",
    "Emphysema": "High lung volume / emphysema",
    "Pleural thickening": "Pleural abnormality",
    "Pleural effusion": "Pleural abnormality",
}

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_NO_LABELS = (*_CORNERS, "certainty", "Other")
_TRUE = ("true", "1", "1.0")

#: Why an ellipse gives no box, or fewer than its labels.
UNCERTAIN = "less certain than asked"
OTHER_LABELS = "none of the labels asked for"
NO_AREA = "without area on the image"
FURTHER_LABELS = "further labels of an ellipse, left out"


@dataclass(frozen=True)
class LabeledBoxes:
    """What one reader drew on one image, or several agreed on: float32 boxes ``[N, 4]`` and a label for each."""

    boxes: Floats
    labels: tuple[str, ...]

    @classmethod
    def of(cls, boxes: Sequence[ArrayLike], labels: Sequence[str]) -> LabeledBoxes:
        """From a list of boxes and one of labels."""
        return cls(np.asarray(boxes, np.float32).reshape(-1, 4), tuple(labels))

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Reading:
    """One radiologist's reading of one image, and what the other tables say about the image."""

    place: str  #: File and row, for messages
    #: As REFLACX has them
    id: str
    image: str
    subject: int
    #: Of the image that was read, in pixels
    width: int
    height: int
    discarded: bool  #: Whether REFLACX discarded the eye tracking
    #: As MIMIC-CXR-JPG has them; None where it does not have the image
    study: int | None
    view: str | None
    mismatch: bool  #: Whether REFLACX and MIMIC-CXR-JPG have the image under different patients
    #: The stay the image was taken in, and how the match came out
    stay: int | None
    outcome: str | None
    unpadded: bool  #: Whether the image's time lost a leading zero


def load_readings(database: duckdb.DuckDBPyConnection, source: TableFiles) -> list[Reading]:
    """All readings with what ``images`` and ``matches`` say about their images, in the order of the files."""
    load(database, source, READING_COLUMNS, unique="id")
    rows = database.execute(
        """SELECT r.file, r.row, r.id, r.dicom_id, r.subject_id, image_size_x, image_size_y,
            lower(eye_tracking_data_discarded), study_id, view, f.subject_id <> r.subject_id, stay_id, outcome, unpadded
        FROM readings r LEFT JOIN images f USING (dicom_id) LEFT JOIN matches m USING (dicom_id)
        ORDER BY r.file, r.row"""
    ).fetchall()
    readings = []
    for file, row, name, image, subject, width, height, discarded, *rest in rows:
        place = source.place(file, row)
        if not (name and image and width and height):
            raise UserError("id, dicom_id or image size is empty or zero", where=place, fix="fetch the table again")
        study, view, mismatch, stay, outcome, unpadded = rest
        known = (study, view, bool(mismatch), stay, outcome, bool(unpadded))
        readings.append(Reading(place, name, image, subject, width, height, discarded in _TRUE, *known))
    return readings


def read_boxes(path: Path, reading: Reading, rules: Rules, fates: Counter[str]) -> LabeledBoxes:
    """Boxes around the ellipses of a reading; what is left out is counted in ``fates``."""
    try:
        table = read_table(path)
        table.require(*_CORNERS, "certainty")
    except UserError as error:
        raise UserError(error.what, where=f"ellipses of {reading.place}", fix="fetch the file again") from None
    boxes: list[Floats] = []
    labels: list[str] = []
    for row in table:
        box, found = _box(row, reading), _labels(row, rules)
        fates["ellipses"] += 1
        if _number(row, "certainty", reading) < rules.certainty:
            fates[UNCERTAIN] += 1
        elif not found:
            fates[OTHER_LABELS] += 1
        elif not (box[2:] > box[:2]).all():
            fates[NO_AREA] += 1
        else:
            if rules.ellipse_labels == EllipseLabels.first:
                fates[FURTHER_LABELS] += len(found) - 1
                found = found[:1]
            boxes += [box] * len(found)
            labels += found
    return LabeledBoxes.of(boxes, labels)


def label_order(label: str) -> tuple[int, str]:
    """The paper's five in the paper's order, then the others by name."""
    names = PAPER_CLASSES.names
    return (names.index(label) if label in names else len(names), label)


def _labels(row: Row, rules: Rules) -> list[str]:
    synonyms: Mapping[str, str] = {**SYNONYMS, **rules.synonyms}
    drawn = (name for name, cell in row.cells.items() if name not in _NO_LABELS and cell.lower() in _TRUE)
    found = {synonyms.get(name, name) for name in drawn}
    if rules.findings == Findings.five:
        found &= set(PAPER_CLASSES.names)
    return sorted(found, key=label_order)


def _box(row: Row, reading: Reading) -> Floats:
    """Extents of the ellipse, cut at the image's edges."""
    corners = [_number(row, corner, reading) for corner in _CORNERS]
    return np.clip(np.array(corners, np.float32), 0, [reading.width, reading.height] * 2).astype(np.float32)


def _number(row: Row, column: str, reading: Reading) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        where = f"ellipses of {reading.place}, row {row.number}"
        raise UserError(f"{column} is not a number", where=where, fix="fetch the file again")
    return number
