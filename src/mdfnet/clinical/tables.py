"""Clinical tables: one row per image or patient, one column per feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from mdfnet.clinical.records import Invalid, check_units, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Floats
from mdfnet.core.csv_tables import Row, Table, read_table
from mdfnet.core.errors import UserError, nearest


@dataclass(frozen=True)
class ClinicalTable:
    """What a clinical table says, row by row."""

    ids: tuple[str, ...]  #: What each row is about, unique
    values: Floats  #: float32 ``[N, F]`` in schema order and units, NaN = missing
    extra: dict[str, tuple[str, ...]]  #: Column name -> its text per row, for columns that are not features
    notes: tuple[dict[str, str], ...]  #: Per row feature name -> why its value was turned to missing
    unused: tuple[str, ...]  #: Columns of the file that were neither features nor asked for
    numbers: tuple[int, ...] = ()  #: Row of the file for each, as spreadsheets count

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def invalid(self) -> dict[str, int]:
        """Feature name -> how many values were turned to missing."""
        return dict(Counter(name for notes in self.notes for name in notes))

    def record(self, identifier: str | None) -> Floats:
        """The float32 ``[F]`` vector of one id, all NaN when the table does not have it."""
        if identifier not in self.index:
            return np.full(self.values.shape[1], np.nan, np.float32)
        return np.asarray(self.values[self.index[identifier]])

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of each id."""
        return {identifier: row for row, identifier in enumerate(self.ids)}


def read_clinical_table(
    path: str | Path,
    schema: Schema,
    *,
    id_column: str,
    extra: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    unused: Literal["error", "ignore"] = "error",
) -> ClinicalTable:
    """Read a clinical table; every feature of the schema needs a column, which may be empty.

    Args:
        path: CSV in UTF-8; see `mdfnet.core.csv_tables.read_table`. Decimal commas are read where the delimiter is no
        comma.
        schema: What the columns mean.
        id_column: Column that says what a row is about.
        extra: Further columns to hand back as text.
        columns: Feature name -> name of its column, where they differ.
        units: Feature name -> UCUM unit of its column, where it is not the schema's.
        invalid: "error" stops at the first implausible value, "missing" turns such values to missing and counts them.
        unused: What to do with other columns: "error", or "ignore" and list them.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "clinical.csv"
        >>> _ = path.write_text("image,age,gender,view\\na,61,F,PA\\nb,,M,\\n")
        >>> table = read_clinical_table(path, Schema.load("age-sex-view"), id_column="image", columns={"sex": "gender"})
        >>> table.ids, table.values.tolist()
        (('a', 'b'), [[61.0, 0.0, 0.0], [nan, 1.0, nan]])
    """
    table = read_table(path)
    table.require(id_column, *extra)
    column_of = column_names(table, schema, columns or {})
    rest = tuple(name for name in table.columns if name not in {id_column, *extra, *column_of.values()})
    if rest and unused == "error":
        known = [*schema.names, id_column, *extra]
        raise UserError(f"unknown column {rest[0]!r}", where=table.path, fix=nearest(rest[0], known))
    check_units(schema, units or {})
    rows = table.by(id_column)
    results = [
        read_record(schema, cells_of(row, schema, column_of), where=row.where, invalid=invalid, units=units)
        for row in rows.values()
    ]
    values = np.stack([result.values for result in results]) if results else np.empty((0, len(schema)), np.float32)
    texts = {name: tuple(row[name] for row in rows.values()) for name in extra}
    notes, numbers = tuple(result.notes for result in results), tuple(row.number for row in rows.values())
    return ClinicalTable(tuple(rows), values, texts, notes, rest, numbers)


def column_names(table: Table, schema: Schema, columns: Mapping[str, str]) -> dict[str, str]:
    """Feature name -> column of a table, in schema order."""
    for name in columns:
        schema.index(name)
    names = {name: columns.get(name, name) for name in schema.names}
    for name, column in names.items():
        if column not in table.columns:
            fix = f"add the column, empty where unknown, or name another one for it; {nearest(column, table.columns)}"
            raise UserError(f"no column {column!r} for clinical feature {name!r}", where=table.path, fix=fix)
    return names


def cells_of(row: Row, schema: Schema, column_of: Mapping[str, str]) -> dict[str, str]:
    """The cells of a row that are clinical features; decimal commas of numbers become points where they can occur."""
    return {
        feature.name: row.decimal(column_of[feature.name]) if feature.kind == "number" else row[column_of[feature.name]]
        for feature in schema.features
    }
