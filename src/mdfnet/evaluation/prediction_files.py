"""Predictions as files: COCO results for tools, CSV for people and spreadsheets, and what became of the records.

Both are written whole or not at all, and read back exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mdfnet.core.csv_tables import Row, format_table, read_table
from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json, replacing
from mdfnet.core.types import Classes, Detections, Sample, Target

#: Columns of the CSV: image, class name, score in [0, 1], box corners in pixels of the original image.
COLUMNS = ("image", "label", "score", "x1", "y1", "x2", "y2")

#: Tables of the marks and of the images beside the predictions of an evaluation.
MARKS, IMAGES = "marks.csv", "images.csv"

_MARK_COLUMNS = ("image", "label", *COLUMNS[3:])

_Row = tuple[int, float, tuple[float, ...]]  # 1-based label, score, x1 y1 x2 y2


def write_coco(
    path: str | Path, image_ids: Sequence[str | int], detections: Sequence[Detections], classes: Classes
) -> None:
    """Write detections in the COCO results format, for pycocotools, FiftyOne and whatever else reads it.

    The file is a list of ``{"image_id", "category_id", "bbox": [x, y, width, height], "score"}`` with the *original*
    category ids of ``classes``. Masks are not written; an image without detections leaves no entry, as the format has
    it.

    Args:
        path: File to write; replaced in one step.
        image_ids: One id per image, a string or an integer, as the ground-truth file names them.
        detections: One per image, boxes xyxy in pixels of the original image; arrays or tensors in main memory.
        classes: Names and original ids.

    Raises:
        ValueError: Not one of ``detections`` per image id, or an image id twice.
        UserError: The file cannot be written.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "predictions.json"
        >>> found = Detections(np.float32([[10, 20, 40, 80]]), np.array([1]), np.float32([0.5]))
        >>> write_coco(path, ["image-1"], [found], Classes(("Effusion",), ids=(90,)))
        >>> json.loads(path.read_text())
        [{'image_id': 'image-1', 'category_id': 90, 'bbox': [10.0, 20.0, 30.0, 60.0], 'score': 0.5}]
    """
    text = coco_text(image_ids, detections, classes)
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def coco_text(image_ids: Sequence[str | int], detections: Sequence[Detections], classes: Classes) -> str:
    """What :func:`write_coco` writes."""
    _check_images(image_ids, detections)
    entries = [
        {
            "image_id": image,
            "category_id": classes.id_of(label),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
        }
        for image, found in zip(image_ids, detections, strict=True)
        for label, score, (x1, y1, x2, y2) in _rows(found)
    ]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in entries)
    return f"[{lines}]\n"


def read_coco(path: str | Path, classes: Classes) -> dict[str | int, Detections]:
    """Read COCO results back: detections per image as NumPy arrays, highest score first.

    Args:
        path: A file as :func:`write_coco` or any COCO tool writes it.
        classes: Names and original ids; labels come back 1-based.

    Returns:
        Detections by image id. An image without detections is not in the file and hence not here.

    Raises:
        UserError: The file is missing or not such a list, or an entry lacks a key, has an unknown category, a box that
            is not four finite numbers with sides >= 0, or a score outside [0, 1]; entries are counted from 1.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "predictions.json"
        >>> _ = path.write_text('[{"image_id": 7, "category_id": 90, "bbox": [10, 20, 30, 60], "score": 0.5}]')
        >>> found = read_coco(path, Classes(("Effusion",), ids=(90,)))[7]
        >>> found.boxes.tolist(), found.labels.tolist()
        ([[10.0, 20.0, 40.0, 80.0]], [1])
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        fix = (
            "a ground-truth file has images and annotations; results are one list"
            if isinstance(entries, dict)
            else None
        )
        raise UserError("not a list of COCO results", where=path, fix=fix)
    images: dict[str | int, list[_Row]] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"{path} entry {number}"
        row = _coco_row(entry, classes, where)
        images.setdefault(entry["image_id"], []).append(row)
    return {image: _detections(rows) for image, rows in images.items()}


def write_csv(
    path: str | Path, image_ids: Sequence[str | int], detections: Sequence[Detections], classes: Classes
) -> None:
    """Write detections as a table, one row each: image, label (class name), score, x1, y1, x2, y2.

    Takes and raises what :func:`write_coco` does.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "predictions.csv"
        >>> found = Detections(np.float32([[10, 20.5, 40, 80]]), np.array([1]), np.float32([0.9]))
        >>> write_csv(path, ["image-1"], [found], Classes(("Effusion",)))
        >>> print(path.read_text().strip())
        image,label,score,x1,y1,x2,y2
        image-1,Effusion,0.9,10.0,20.5,40.0,80.0
    """
    text = csv_text(image_ids, detections, classes)
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def csv_text(image_ids: Sequence[str | int], detections: Sequence[Detections], classes: Classes) -> str:
    """What :func:`write_csv` writes."""
    _check_images(image_ids, detections)
    rows = [
        [image, classes.name(label), *(str(np.float32(number)) for number in (score, *box))]
        for image, found in zip(image_ids, detections, strict=True)
        for label, score, box in _rows(found)
    ]
    return format_table(COLUMNS, rows)


def write_uses(path: str | Path, image_ids: Sequence[str | int], detections: Sequence[Detections]) -> None:
    """Write what became of each image's clinical record as JSON: image -> used, missing, refused, unseen, unknown.

    A file of its own, because COCO results have no entry for an image without detections. An image whose model looks at
    images alone has null. Takes and raises what :func:`write_coco` does.

    Examples:
        >>> import tempfile
        >>> from mdfnet.core.types import RecordUse
        >>> path = Path(tempfile.mkdtemp()) / "clinical.json"
        >>> found = Detections([], [], [], record=RecordUse(("age",), ("sex",)))
        >>> write_uses(path, ["image-1"], [found])
        >>> json.loads(path.read_text())["image-1"]
        {'used': ['age'], 'missing': ['sex'], 'refused': {}, 'unseen': {}, 'unknown': {}}
    """
    _check_images(image_ids, detections)
    uses = {image: found.record and vars(found.record) for image, found in zip(image_ids, detections, strict=True)}
    with replacing(path) as draft:
        draft.write_text(json.dumps(uses, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_csv(path: str | Path, classes: Classes) -> dict[str, Detections]:
    """Read such a table back: detections per image as NumPy arrays, highest score first.

    Image ids come back as strings; other columns are passed over.

    Raises:
        UserError: The file is no such table (see :func:`mdfnet.core.csv_tables.read_table`), a class is unknown, or a
            box or a score is not one (see :func:`read_coco`); the row is given.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "predictions.csv"
        >>> _ = path.write_text("image,label,score,x1,y1,x2,y2\\nimage-1,Effusion,0.9,10,20,40,80\\n")
        >>> read_csv(path, Classes(("Effusion",)))["image-1"].boxes.tolist()
        [[10.0, 20.0, 40.0, 80.0]]
    """
    table = read_table(path)
    table.require(*COLUMNS)
    images: dict[str, list[_Row]] = {}
    for row in table:
        images.setdefault(row["image"], []).append(_csv_row(row, classes))
    return {image: _detections(rows) for image, rows in images.items()}


def write_marks(folder: str | Path, samples: Sequence[Sample], classes: Classes) -> None:
    """Write what was marked as ``marks.csv`` (image, label, corners), and each image's patient as ``images.csv``."""
    rows = [
        [sample.id, classes.name(label), *(str(np.float32(side)) for side in box)]
        for sample in samples
        for label, box in zip(sample.target.labels.tolist(), sample.target.boxes.tolist(), strict=True)
    ]
    tables = {
        MARKS: format_table(_MARK_COLUMNS, rows),
        IMAGES: format_table(("image", "patient"), [(sample.id, sample.patient) for sample in samples]),
    }
    for name, text in tables.items():
        with replacing(Path(folder) / name) as draft:
            draft.write_text(text, encoding="utf-8")


def read_marks(folder: str | Path, classes: Classes) -> dict[str, tuple[str, Target]]:
    """Read them back: image -> patient and what was marked, in the order of ``images.csv``.

    Raises:
        UserError: A table is missing or damaged, a class is unknown, or a box is none; the row is given.
    """
    images = read_table(Path(folder) / IMAGES)
    images.require("image", "patient")
    marks: dict[str, list[tuple[int, tuple[float, ...]]]] = {name: [] for name in images.by("image")}
    table = read_table(Path(folder) / MARKS)
    table.require(*_MARK_COLUMNS)
    for row in table:
        if row["image"] not in marks:
            raise UserError(f"{row['image']!r} is no image of {IMAGES}", where=row.where)
        marks[row["image"]].append(_marked(row, classes))
    return {
        row["image"]: (row["patient"], Target.of([box for _, box in found], [label for label, _ in found]))
        for row in images
        for found in [marks[row["image"]]]
    }


def _check_images(image_ids: Sequence[str | int], detections: Sequence[Detections]) -> None:
    if len(image_ids) != len(detections):
        raise ValueError(f"{len(image_ids)} image ids, {len(detections)} detections")
    if len(set(image_ids)) < len(image_ids):
        raise ValueError("image ids are not unique")


def _rows(found: Detections) -> Iterable[_Row]:
    boxes, labels, scores = (np.asarray(values).tolist() for values in (found.boxes, found.labels, found.scores))
    return zip(labels, scores, boxes, strict=True)


def _coco_row(entry: object, classes: Classes, where: str) -> _Row:
    if not isinstance(entry, Mapping):
        raise UserError("not an object with image_id, category_id, bbox and score", where=where)
    for key in ("image_id", "category_id", "bbox", "score"):
        if key not in entry:
            raise UserError(f"no key {key!r}", where=where)
    if not isinstance(entry["image_id"], str | int):
        raise UserError(f"image_id is {entry['image_id']!r}, neither text nor an integer", where=where)
    try:
        label = classes.label_of_id(entry["category_id"])
    except UserError as error:
        raise error.at(where) from None
    box = entry["bbox"]
    if not isinstance(box, list) or len(box) != 4:
        raise UserError(f"bbox is {box!r}, not [x, y, width, height]", where=where)
    x, y, width, height = (_number(side, "bbox", where) for side in box)
    return label, _score(entry["score"], where), _box(x, y, x + width, y + height, where)


def _csv_row(row: Row, classes: Classes) -> _Row:
    label, box = _marked(row, classes)
    return label, _score(row["score"], row.where), box


def _marked(row: Row, classes: Classes) -> tuple[int, tuple[float, ...]]:
    try:
        label = classes.label(row["label"])
    except UserError as error:
        raise error.at(row.where) from None
    corners = (_number(row[column], column, row.where) for column in COLUMNS[3:])
    return label, _box(*corners, row.where)


def _number(value: object, name: str, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{name} holds {value!r}, not a finite number", where=where)
    return number


def _score(value: object, where: str) -> float:
    score = _number(value, "score", where)
    if not 0 <= score <= 1:
        raise UserError(f"score is {score:g}, outside 0 to 1", where=where)
    return score


def _box(x1: float, y1: float, x2: float, y2: float, where: str) -> tuple[float, ...]:
    if x2 < x1 or y2 < y1:
        raise UserError(f"box is {x2 - x1:g} wide and {y2 - y1:g} high", where=where, fix="both must be 0 or more")
    return x1, y1, x2, y2


def _detections(rows: list[_Row]) -> Detections:
    rows = sorted(rows, key=lambda row: -row[1])
    labels, scores, boxes = zip(*rows, strict=True)
    return Detections(np.float32(boxes).reshape(-1, 4), np.array(labels, np.int64), np.float32(scores))
