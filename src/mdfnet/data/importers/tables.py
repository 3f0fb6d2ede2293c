"""Import of two CSV tables, of images and of boxes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.csv_tables import Row, read_table
from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import quoted
from mdfnet.core.types import Target
from mdfnet.data.coco import is_coordinate
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.common import DatasetInfo, ImageTable, ImportOptions, ImportResult, classes_named
from mdfnet.data.targets import TargetBuilder

#: Columns of the table of boxes; corners in pixels of the image.
BOX_COLUMNS = ("image_id", "label", "x1", "y1", "x2", "y2")


def import_csv(
    boxes: str | Path,
    metadata: str | Path,
    images: str | Path,
    schema: Schema,
    info: DatasetInfo,
    *,
    classes: Sequence[str] | None = None,
    options: ImportOptions | None = None,
) -> ImportResult:
    """Import images with boxes from two tables.

    Args:
        boxes: One row per box: image_id, label, x1, y1, x2, y2 in pixels of the image.
        metadata: One row per image: image_id, file (below ``images``; default: the image_id), the schema's columns, and
            where known patient_id, split, view. Images without boxes are kept: nothing was annotated on them.
        images: Folder of the images.
        classes: Names in label order. Default: those of the table, sorted.
        schema, info, options: As for `mdfnet.data.importers.import_coco`.

    Raises:
        UserError: What is wrong in which file and row.
    """
    table = ImageTable.read(metadata, schema, options, BOX_COLUMNS)
    box_table = BoxTable(boxes, table.options, classes)
    for identifier, rows in box_table.rows.items():
        if identifier not in table.clinical.index:
            what = f"the image of this box is not in {metadata}"
            raise UserError(what, where=rows[0].where, fix="remove the row or add the image")
    samples = []
    for identifier in table.clinical.ids:
        path = Path(images) / (table.text(identifier, "file") or identifier)
        size = image_size(path)
        samples.append(table.sample(identifier, path, size, box_table.target(identifier, size)))
    return table.result(samples, box_table.classes, info)


class BoxTable:
    """The table of boxes: ``rows`` by image_id in the file's order, and ``classes``: those named, or those found,
    sorted.
    """

    def __init__(self, path: str | Path | None, options: ImportOptions, names: Sequence[str] | None):
        self._columns = {name: options.column(name) for name in BOX_COLUMNS}
        self.rows = self._read(path) if path else {}
        labels = (row[self._columns["label"]] for rows in self.rows.values() for row in rows)
        self.classes = classes_named(names, labels, path)

    def _read(self, path: str | Path) -> Mapping[str, Sequence[Row]]:
        table = read_table(path)
        table.require(*self._columns.values())
        rows = defaultdict(list)
        for row in table:
            if not row[self._columns["label"]]:
                raise UserError("the box has no label", where=row.where, fix="name the finding, or remove the row")
            rows[row[self._columns["image_id"]]].append(row)
        return dict(rows)

    def target(self, identifier: str | None, size: tuple[int, int]) -> Target:
        """The boxes of an image of this width and height."""
        found = TargetBuilder(*size)
        for row in self.rows.get(identifier or "", ()):
            label = self.classes.label(row[self._columns["label"]], row.where)
            corners = [_number(row, self._columns[corner]) for corner in BOX_COLUMNS[2:]]
            found.add(np.array(corners, np.float32), label, row.where)
        return found.target()


def _number(row: Row, column: str) -> float:
    try:
        number = float(row.decimal(column))
    except ValueError:
        number = math.nan
    if not is_coordinate(number):
        raise UserError(f"{column} is {quoted(row[column])}, not a number of pixels", where=row.where)
    return number
