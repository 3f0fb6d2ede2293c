"""Predictions as files: COCO results for tools, CSV for people and spreadsheets, and how the records were used.

All are written whole or not at all; tables are read back exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mdfnet.core.csv_tables import Row, format_table, read_table
from mdfnet.core.errors import UserError
from mdfnet.core.files import write_text
from mdfnet.core.former_names import as_written
from mdfnet.core.types import Classes, Detections, Sample, Target

#: Columns of the CSV: image, class name, score in [0, 1], box corners in pixels of the original image.
COLUMNS = ("image", "label", "score", "x1", "y1", "x2", "y2")

#: Tables of the annotations and of the images beside the predictions of an evaluation.
ANNOTATIONS, IMAGES = "annotations.csv", "images.csv"

_ANNOTATION_COLUMNS = ("image", "label", *COLUMNS[3:])

_Corners = tuple[float, float, float, float]


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
    write_text(path, coco_text(image_ids, detections, classes))


def coco_text(image_ids: Sequence[str | int], detections: Sequence[Detections], classes: Classes) -> str:
    """What :func:`write_coco` writes."""
    _check_images(image_ids, detections)
    entries = [
        {"image_id": image, "category_id": classes.id_of(label), "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        for image, found in zip(image_ids, detections, strict=True)
        for label, score, (x1, y1, x2, y2) in _rows(found)
    ]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in entries)
    return f"[{lines}]\n"


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
    write_text(path, csv_text(image_ids, detections, classes))


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
    """Write how each image's clinical record was used as JSON: image -> used, missing, refused, unseen, unknown.

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
    write_text(path, json.dumps(uses, indent=1, ensure_ascii=False) + "\n")


def read_csv(path: str | Path, classes: Classes) -> dict[str, Detections]:
    """Read such a table back: detections per image in main memory, highest score first.

    Image ids come back as strings; other columns are passed over.

    Raises:
        UserError: The file is no such table (see :func:`mdfnet.core.csv_tables.read_table`), a class is unknown, a box
            is not four finite numbers with sides of 0 or more, or a score is outside [0, 1]; the row is given.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "predictions.csv"
        >>> _ = path.write_text("image,label,score,x1,y1,x2,y2\\nimage-1,Effusion,0.9,10,20,40,80\\n")
        >>> read_csv(path, Classes(("Effusion",)))["image-1"].boxes.tolist()
        [[10.0, 20.0, 40.0, 80.0]]
    """
    table = read_table(path)
    table.require(*COLUMNS)
    images: dict[str, list[tuple[int, float, _Corners]]] = {}
    for row in table:
        label, box = _annotation(row, classes)
        score = _number(row, "score")
        if not 0 <= score <= 1:
            raise UserError(f"score is {score:g}, outside 0 to 1", where=row.where)
        images.setdefault(row["image"], []).append((label, score, box))
    return {image: _detections(rows) for image, rows in images.items()}


def write_annotations(folder: str | Path, samples: Sequence[Sample], classes: Classes) -> None:
    """Write the ground truth as ``annotations.csv`` (image, label, corners) and the patients as ``images.csv``."""
    rows = [
        [sample.id, classes.name(label), *(str(np.float32(side)) for side in box)]
        for sample in samples
        for label, box in zip(sample.target.labels.tolist(), sample.target.boxes.tolist(), strict=True)
    ]
    write_text(Path(folder) / ANNOTATIONS, format_table(_ANNOTATION_COLUMNS, rows))
    patients = [(sample.id, sample.patient) for sample in samples]
    write_text(Path(folder) / IMAGES, format_table(("image", "patient"), patients))


def read_annotations(folder: str | Path, classes: Classes) -> dict[str, tuple[str, Target]]:
    """Read them back: image -> patient and ground truth, in the order of ``images.csv``."""
    folder = Path(folder)
    images = read_table(as_written(folder / IMAGES))
    images.require("image", "patient")
    found: dict[str, list[tuple[int, _Corners]]] = {name: [] for name in images.by("image")}
    table = read_table(as_written(folder / ANNOTATIONS))
    table.require(*_ANNOTATION_COLUMNS)
    for row in table:
        if row["image"] not in found:
            raise UserError(f"{row['image']!r} is no image of {IMAGES}", where=row.where)
        found[row["image"]].append(_annotation(row, classes))
    targets = {name: Target.of([box for _, box in one], [label for label, _ in one]) for name, one in found.items()}
    return {row["image"]: (row["patient"], targets[row["image"]]) for row in images}


def _check_images(image_ids: Sequence[str | int], detections: Sequence[Detections]) -> None:
    if len(image_ids) != len(detections):
        raise ValueError(f"{len(image_ids)} image ids, {len(detections)} detections")
    if len(set(image_ids)) < len(image_ids):
        raise ValueError("image ids are not unique")


def _rows(found: Detections) -> Iterator[tuple[int, float, list[float]]]:
    boxes, labels, scores = (np.asarray(values).tolist() for values in (found.boxes, found.labels, found.scores))
    return zip(labels, scores, boxes, strict=True)


def _annotation(row: Row, classes: Classes) -> tuple[int, _Corners]:
    label = classes.label(row["label"], row.where)
    x1, y1, x2, y2 = (_number(row, column) for column in COLUMNS[3:])
    if x2 < x1 or y2 < y1:
        raise UserError(f"box is {x2 - x1:g} wide and {y2 - y1:g} high", where=row.where, fix="both must be 0 or more")
    return label, (x1, y1, x2, y2)


def _number(row: Row, column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{column} holds {row[column]!r}, not a finite number", where=row.where)
    return number


def _detections(rows: Sequence[tuple[int, float, _Corners]]) -> Detections:
    labels, scores, boxes = zip(*sorted(rows, key=lambda row: -row[1]), strict=True)
    import torch

    corners, confidence = (torch.tensor(values, dtype=torch.float32) for values in (boxes, scores))
    return Detections(corners, torch.tensor(labels), confidence)
