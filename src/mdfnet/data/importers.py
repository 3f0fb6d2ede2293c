"""From other people's files to a dataset: COCO and a clinical table, or two CSV tables of films and boxes.

Importers read and check; `mdfnet.data.dataset.write_dataset` writes. What they leave out or turn to missing is counted in notes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mdfnet.clinical.records import Invalid
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import ClinicalTable, read_clinical_table
from mdfnet.data.coco import box_of, outline_of, read_coco_json
from mdfnet.data.dataset import Dataset, check_inside
from mdfnet.data.images import film_size
from mdfnet.data.layout import SPLITS, VIEWS, film_id
from mdfnet.data.split import FRACTIONS, split_by_patient
from mdfnet.errors import UserError, nearest
from mdfnet.tables import Row, read_table
from mdfnet.types import Classes, Study, Target

#: Columns of the films' table that are no clinical features; all but the first may be absent.
FILM_COLUMNS = ("image_id", "file", "patient_id", "split", "view")
#: Columns of the boxes' table; corners in pixels of the film.
BOX_COLUMNS = ("image_id", "label", "x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class About:
    """What a dataset says about itself; see `mdfnet.data.dataset.Dataset`."""

    name: str
    source: str = ""
    license: str = ""
    synthetic: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """How to read the tables.

    Args:
        columns: Name of a feature or of one of `FILM_COLUMNS` and `BOX_COLUMNS` -> column of the file, where they differ.
        units: Feature name -> UCUM unit its column is in, where it is not the schema's.
        invalid: "error", or "missing" to turn values that cannot be right to missing, with a count.
        fractions, seed: For `split_by_patient`, where the films have no split yet.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    invalid: Invalid = "error"
    fractions: Mapping[str, float] = field(default_factory=lambda: FRACTIONS)
    seed: int = 0

    def column(self, name: str) -> str:
        """The file's column for a name."""
        return self.columns.get(name, name)


@dataclass(frozen=True)
class Imported:
    """An imported dataset, not yet written, and what was left out or turned to missing, in sentences with counts."""

    dataset: Dataset
    notes: tuple[str, ...]


def import_csv(
    boxes: str | Path,
    films: str | Path,
    images: str | Path,
    schema: Schema,
    about: About,
    *,
    classes: Sequence[str] | None = None,
    reading: Reading | None = None,
) -> Imported:
    """Import films with boxes from two tables.

    Args:
        boxes: One row per box: image_id, label, x1, y1, x2, y2 in pixels of the film.
        films: One row per film: image_id, file (below ``images``; default: the image_id), the schema's columns, and where
            known patient_id, split, view. Films without boxes are kept; they are films on which nothing was marked.
        images: Folder of the films.
        schema: What the clinical columns mean.
        about: Name, source and license.
        classes: Names in label order. Default: those of the table, sorted.
        reading: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row.
    """
    reading = reading or Reading()
    _check_columns(reading, schema, (*FILM_COLUMNS, *BOX_COLUMNS))
    table = _FilmTable.read(films, schema, reading)
    marks = _read_boxes(Path(boxes), table, reading)
    if not marks and classes is None:
        raise UserError("no boxes, so no classes are known", where=boxes, fix="name the classes")
    known = Classes(tuple(classes or sorted({row[reading.column("label")] for rows in marks.values() for row in rows})))
    studies = []
    for identifier in table.clinical.ids:
        path = Path(images) / table.file(identifier)
        width, height = film_size(path)
        target = _csv_target(marks.get(identifier, []), known, width, height, reading)
        studies.append(table.study(film_id(identifier), identifier, path, (width, height), target))
    return _finish(studies, known, schema, about, table, reading, Counter())


def import_coco(
    annotations: str | Path,
    images: str | Path,
    schema: Schema,
    about: About,
    *,
    films: str | Path | None = None,
    reading: Reading | None = None,
) -> Imported:
    """Import a COCO detection file; the category ids are kept.

    Args:
        annotations: COCO JSON. Crowd regions are left out; outlines in several parts or run-length coded are left out and
            their boxes kept; both are counted in the notes.
        images: Folder below which the ``file_name``s lie.
        schema: What the clinical columns mean.
        about: Name, source and license.
        films: Table with one row per film: image_id (the file name, with or without folder and suffix), the schema's
            columns, and where known patient_id, split, view. Without it all clinical values are missing.
        reading: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row or annotation.
    """
    reading = reading or Reading()
    _check_columns(reading, schema, FILM_COLUMNS)
    content = read_coco_json(annotations)
    categories = content["categories"]
    classes = Classes(tuple(entry["name"] for entry in categories), tuple(entry["id"] for entry in categories))
    table = _FilmTable.read(films, schema, reading) if films else _FilmTable.empty(schema, reading)
    marks, notes = defaultdict(list), Counter()
    for annotation in content["annotations"]:
        marks[annotation["image_id"]].append(annotation)
    studies = []
    for image in content["images"]:
        name, path = image["file_name"], Path(images) / image["file_name"]
        where = f"{annotations} image {name}"
        size = film_size(path)
        if size != (image["width"], image["height"]):
            what = f"the film has {size[0]} x {size[1]} pixels, not {image['width']} x {image['height']}"
            raise UserError(what, where=where, fix="boxes must be in pixels of this film")
        target = _coco_target(marks[image["id"]], classes, size, where, notes)
        studies.append(table.study(film_id(name), table.row_of(name), path, size, target))
    return _finish(studies, classes, schema, about, table, reading, notes)
