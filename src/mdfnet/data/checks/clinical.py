"""Checks of the clinical table: its columns, its rows, and every value by itself."""

from __future__ import annotations

from collections.abc import Iterator

from mdfnet.clinical.records import read_record
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import cells_of
from mdfnet.core.conventions import VIEWS
from mdfnet.core.csv_tables import Table
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.pseudonyms import quoted
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.names import CLINICAL

#: Columns that are there beside those of the schema.
OWN_COLUMNS = ("image", "patient_id", "view")


def check_clinical(raw: RawDataset) -> Iterator[Finding]:
    """Columns, rows without image and images without row, invalid values."""
    table = raw.clinical
    if table is None:
        return
    schema = raw.description.clinical_schema if raw.description else None
    known = {*OWN_COLUMNS, *(schema.names if schema else table.columns)}
    for column in sorted(set(table.columns) - known):
        yield Finding("column-unknown", f"unknown column {column!r}", CLINICAL, 1, nearest(column, known))
    for column in sorted(known - set(table.columns)):
        yield Finding("column-missing", f"no column {column!r}", CLINICAL, 1, nearest(column, table.columns))
    if "image" in table.columns:
        yield from _check_rows(raw, table)
    if schema:
        features = tuple(feature for feature in schema.features if feature.name in table.columns)
        yield from _check_values(table, schema.model_copy(update={"features": features})) if features else ()


def _check_rows(raw: RawDataset, table: Table) -> Iterator[Finding]:
    rows: dict[str, int] = {}
    for row in table:
        name = row["image"]
        if name in rows:
            what = f"image {name!r} is in row {rows[name]} already"
            yield Finding("row-twice", what, CLINICAL, row.number)
        elif name not in raw.labels:
            what = f"row of image {name!r}, which is not in the dataset"
            yield Finding("row-without-image", what, CLINICAL, row.number)
        rows.setdefault(name, row.number)
    for name in raw.labels:
        if name not in rows:
            yield Finding("image-without-row", f"no row for image {name!r}", CLINICAL, images=(name,))


def _check_values(table: Table, schema: Schema) -> Iterator[Finding]:
    columns = {name: name for name in schema.names}
    for row in table:
        if "view" in table.columns and row["view"] not in ("", *VIEWS):
            what = f"view is {quoted(row['view'])}, not one of {', '.join(VIEWS)} or empty"
            yield Finding("value-invalid", what, CLINICAL, row.number, "frontal images only")
        try:
            cells = cells_of(row, schema, columns)
        except UserError as error:
            yield Finding.of_error("value-invalid", error, CLINICAL, row.number)
            continue
        for name, note in read_record(schema, cells, invalid="missing").notes.items():
            if name != "view":
                yield Finding("value-invalid", note, CLINICAL, row.number)
