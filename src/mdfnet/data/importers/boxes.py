"""The table of boxes: one row per box, corners in pixels of the image."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mdfnet.core.csv_tables import Row, read_table
from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import quoted
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import is_coordinate
from mdfnet.data.importers.common import ImportOptions, classes_named
from mdfnet.data.targets import TargetBuilder

BOX_COLUMNS = ("image_id", "label", "x1", "y1", "x2", "y2")


class BoxTable:
    """Boxes by image.

    Args:
        path: CSV with `BOX_COLUMNS`; None: there are no boxes.
        options: Which columns they are.
        names: Names of the classes in label order; None: those in the table, sorted.

    Attributes:
        rows: image_id -> its rows, in the file's order.
        classes: The classes.

    Raises:
        UserError: No such table, a column is missing, a box has no label, or no class is known.
    """

    def __init__(self, path: str | Path | None, options: ImportOptions, names: Sequence[str] | None):
        self._columns = {name: options.column(name) for name in BOX_COLUMNS}
        self.rows = self._read(path) if path else {}
        labels = (row[self._columns["label"]] for rows in self.rows.values() for row in rows)
        self.classes: Classes = classes_named(names, labels, path)

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
        """The boxes of an image of this width and height.

        Raises:
            UserError: Unknown class, or a box is no box or lies outside the image.
        """
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
