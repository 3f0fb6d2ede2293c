"""Checks of the clinical table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from mdfnet.clinical.records import read_record
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import cells_of
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.layout import CLINICAL, VIEWS
from mdfnet.errors import UserError, nearest
from mdfnet.tables import Table

#: A column is said to give a finding away only where at least this many films are with and without it.
FEWEST_FILMS = 5
OWN_COLUMNS = ("image", "patient_id", "view")


def check_clinical(raw: RawDataset) -> Iterator[Finding]:
    """Columns, rows without film and films without row, values, constant columns, columns that give a finding away."""
    table = raw.clinical
    if table is None:
        return
    schema = raw.description.clinical_schema if raw.description else None
    known = {*OWN_COLUMNS, *(schema.names if schema else table.columns)}
    for column in sorted(set(table.columns) - known):
        yield Finding("column-unknown", "error", f"unknown column {column!r}", CLINICAL, 1, nearest(column, known))
    for column in sorted(known - set(table.columns)):
        fix = nearest(column, table.columns)
        yield Finding("column-missing", "error", f"no column {column!r}", CLINICAL, 1, fix)
    if "image" in table.columns:
        yield from _check_rows(raw, table)
    if schema:
        features = [name for name in schema.names if name in table.columns]
        present = schema.model_copy(update={"features": tuple(schema[name] for name in features)}) if features else None
        yield from _check_values(table, present) if present else ()
        yield from _check_columns(raw, table, features)


def _check_rows(raw: RawDataset, table: Table) -> Iterator[Finding]:
    rows: dict[str, int] = {}
    for row in table:
        name = row["image"]
        if name in rows:
            what = f"film {name!r} stands in row {rows[name]} already"
            yield Finding("row-twice", "error", what, CLINICAL, row.number, "keep one of the two rows")
        elif name not in raw.labels:
            what = f"row of film {name!r}, which is not in the dataset"
            yield Finding("row-without-film", "error", what, CLINICAL, row.number, "remove the row or add the film")
        rows.setdefault(name, row.number)
    for name in raw.labels:
        if name not in rows:
            fix = "add a row, empty where nothing is known"
            yield Finding("film-without-row", "error", f"no row for film {name!r}", CLINICAL, fix=fix)


def _check_values(table: Table, schema: Schema) -> Iterator[Finding]:
    columns = {name: name for name in schema.names}
    for row in table:
        if "view" in table.columns and row["view"] not in ("", *VIEWS):
            what = f"view is {row['view']!r}, not one of {', '.join(VIEWS)} or empty"
            yield Finding("value-invalid", "error", what, CLINICAL, row.number, "frontal films only")
        try:
            cells = cells_of(row, schema, columns)
        except UserError as error:
            yield Finding.of_error("value-invalid", error, CLINICAL, row.number)
            continue
        for name, note in read_record(schema, cells, invalid="missing").notes.items():
            if name != "view":
                fix = "check the value and its unit, or leave it empty"
                yield Finding("value-invalid", "error", note, CLINICAL, row.number, fix)


def _check_columns(raw: RawDataset, table: Table, features: list[str]) -> Iterator[Finding]:
    rows = {row["image"]: row for row in table if row.cells.get("image") in raw.labels}
    marked = {
        label: {name for name in rows if category_id in raw.labels[name]}
        for category_id, label in raw.category_names.items()
    }
    for column in features:
        values = {row[column] for row in table if row[column]}
        fix = "it tells nothing; leave it out of the schema"
        if len(values) == 1:
            what = f"column {column!r} is {min(values)!r} in every row that has it"
            yield Finding("column-constant", "warning", what, CLINICAL, fix=fix)
        if not values:
            yield Finding("column-empty", "warning", f"column {column!r} is empty", CLINICAL, fix=fix)
        yield from _check_giveaway({name: row[column] for name, row in rows.items()}, column, marked)


def _check_giveaway(values: Mapping[str, str], column: str, marked: Mapping[str, set[str]]) -> Iterator[Finding]:
    """A value, or that a value is missing, that is there exactly when a finding is: the label has leaked.

    ``values``: film -> cell; ``marked``: class -> films that show it.
    """
    having = defaultdict(set)
    for film, value in values.items():
        having[value].add(film)
    for value, films in having.items():
        if min(len(films), len(values) - len(films)) < FEWEST_FILMS:
            continue
        for label in (label for label, showing in marked.items() if showing == films):
            what = f"column {column!r} is {value or 'missing'!r} exactly where {label!r} is marked"
            fix = "it was made from the label; leave it out of the schema"
            yield Finding("column-equals-label", "warning", what, CLINICAL, fix=fix, count=len(films))
