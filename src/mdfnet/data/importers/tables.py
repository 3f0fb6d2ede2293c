"""Import of two CSV tables, of films and of boxes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.data.coco import is_coordinate
from mdfnet.data.dataset import check_inside
from mdfnet.data.images import film_size
from mdfnet.data.importers.reading import FILM_COLUMNS, About, FilmTable, Imported, Reading
from mdfnet.data.layout import film_id
from mdfnet.errors import UserError, nearest
from mdfnet.privacy import quoted
from mdfnet.tables import Row, read_table
from mdfnet.types import Classes, Target

#: Columns of the boxes' table; corners in pixels of the film.
BOX_COLUMNS = ("image_id", "label", "x1", "y1", "x2", "y2")


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
        films: One row per film: image_id, file (below ``images``; default: the image_id), the schema's columns, and
            where known patient_id, split, view. Films without boxes are kept: nothing was marked on them.
        images: Folder of the films.
        schema: What the clinical columns mean.
        about: Name, source and license.
        classes: Names in label order. Default: those of the table, sorted.
        reading: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row.
    """
    reading = reading or Reading()
    reading.check_columns((*schema.names, *FILM_COLUMNS, *BOX_COLUMNS))
    table = FilmTable.read(films, schema, reading)
    marks, names = _read_boxes(Path(boxes), table, reading)
    if not (classes or names):
        raise UserError("no boxes, so no classes are known", where=boxes, fix="name the classes")
    known = Classes(tuple(classes or sorted(names)))
    studies = []
    for identifier in table.clinical.ids:
        path = Path(images) / (table.text(identifier, "file") or identifier)
        size = film_size(path)
        target = _target(marks[identifier], known, size, reading)
        studies.append(table.study(film_id(identifier), identifier, path, size, target))
    return table.dataset(studies, known, about, Counter())


def _read_boxes(path: Path, films: FilmTable, reading: Reading) -> tuple[dict[str, list[Row]], set[str]]:
    """Rows by film, and the class names in them."""
    table = read_table(path)
    table.require(*map(reading.column, BOX_COLUMNS))
    marks = defaultdict(list)
    for row in table:
        identifier = row[reading.column("image_id")]
        if identifier not in films.clinical.index:
            what = f"the film of this box is not in {films.path}"
            raise UserError(what, where=row.where, fix="remove the row or add the film")
        if not row[reading.column("label")]:
            raise UserError("the box has no label", where=row.where, fix="name the finding, or remove the row")
        marks[identifier].append(row)
    return marks, {row[reading.column("label")] for row in table}


def _target(rows: Sequence[Row], classes: Classes, size: tuple[int, int], reading: Reading) -> Target:
    boxes, labels = [], []
    for row in rows:
        name = row[reading.column("label")]
        if name not in classes.names:
            raise UserError(f"unknown class {name!r}", where=row.where, fix=nearest(name, classes.names))
        box = np.array([_number(row, reading.column(corner)) for corner in BOX_COLUMNS[2:]], np.float32)
        if not (box[2:] > box[:2]).all():
            corners = ", ".join(f"{corner:g}" for corner in box)
            raise UserError(f"box {corners} has no area", where=row.where, fix="x2 and y2 lie beyond x1 and y1")
        check_inside(box, *size, row.where)
        boxes.append(box)
        labels.append(classes.label(name))
    return Target.of(boxes, labels)


def _number(row: Row, column: str) -> float:
    try:
        number = float(row.decimal(column))
    except ValueError:
        number = math.nan
    if not is_coordinate(number):
        raise UserError(f"{column} is {quoted(row[column])}, not a number of pixels", where=row.where)
    return number
