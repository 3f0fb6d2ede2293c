"""The table of boxes: one row per box, corners in pixels of the image."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mdfnet.core.csv_tables import Row, read_table
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.pseudonyms import quoted
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import is_coordinate
from mdfnet.data.dataset_folder import check_inside
from mdfnet.data.importers.common import ImportOptions

#: Columns of the boxes' table; corners in pixels of the image.
BOX_COLUMNS = ("image_id", "label", "x1", "y1", "x2", "y2")


def read_boxes(path: str | Path, options: ImportOptions) -> dict[str, list[Row]]:
    """Rows by image, in the file's order.

    Raises:
        UserError: No such table, a column is missing, or a box has no label.
    """
    table = read_table(path)
    table.require(*map(options.column, BOX_COLUMNS))
    marks = defaultdict(list)
    for row in table:
        if not row[options.column("label")]:
            raise UserError("the box has no label", where=row.where, fix="name the finding, or remove the row")
        marks[row[options.column("image_id")]].append(row)
    return dict(marks)


def classes_of(
    marks: dict[str, list[Row]], options: ImportOptions, names: Sequence[str] | None, path: object
) -> Classes:
    """The classes named, or those in the table, sorted.

    Raises:
        UserError: There are none.
    """
    found = {row[options.column("label")] for rows in marks.values() for row in rows}
    if not (names or found):
        raise UserError("no boxes, so no classes are known", where=path, fix="name the classes")
    return Classes(tuple(names or sorted(found)))


def target_of(rows: Sequence[Row], classes: Classes, size: tuple[int, int], options: ImportOptions) -> Target:
    """What the rows of one image mark on it.

    Raises:
        UserError: Unknown class, or a box is no box or lies outside the image.
    """
    boxes, labels = [], []
    for row in rows:
        name = row[options.column("label")]
        if name not in classes.names:
            raise UserError(f"unknown class {name!r}", where=row.where, fix=nearest(name, classes.names))
        box = np.array([_number(row, options.column(corner)) for corner in BOX_COLUMNS[2:]], np.float32)
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
