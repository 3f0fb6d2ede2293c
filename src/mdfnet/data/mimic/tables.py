"""Reading the releases' tables with DuckDB: every row is there, or the message says which one is wrong.

Messages name file and row, never the content: a cell may identify a patient. Rows count as in a spreadsheet, the
header is row 1.
"""

from __future__ import annotations

import csv
import gzip
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import duckdb

from mdfnet.core.errors import UserError, nearest

#: What a column holds: a whole number that every row has, a point in time, a number, or text.
ColumnKind = Literal["key", "time", "number", "text"]

#: Column -> what it holds.
ColumnKinds: TypeAlias = dict[str, ColumnKind]

#: How MIMIC writes times. They have no zone: each patient's dates are shifted, the clock is the hospital's.
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")

_DIALECT = (
    "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', strict_mode = true, nullstr = '', "
    "max_line_size = 1000000"
)
_ZONE = r":\d\d(\.\d+)? ?([zZ]|[+-]\d\d(:?\d\d)?|[A-Z]{3,4})$"
_ROWS_AT_FAULT = "the file is damaged or was changed; fetch it again and compare with SHA256SUMS.txt"


@dataclass(frozen=True)
class TableFiles:
    """One table: a file, several that follow each other, or one per patient."""

    name: str  #: What it holds
    files: tuple[Path, ...]  #: Where; CSV, compressed or not
    pattern: str = ""  #: How to call them where their paths name patients

    def place(self, file: int, row: int | None = None) -> str:
        """File and row for a message."""
        text = f"{self.pattern} (file {file + 1} of {len(self.files)})" if self.pattern else str(self.files[file])
        return text if row is None else f"{text} row {row}"


@contextmanager
def opened(threads: int | None = None, memory: str = "1GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that spills over ``memory`` to a private folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="mdfnet-mimic-") as spill, duckdb.connect() as database:
        database.execute(f"SET memory_limit = {quoted(memory)}")
        database.execute(f"SET temp_directory = {quoted(spill)}")
        if threads:
            database.execute(f"SET threads = {threads:d}")
        try:
            yield database
        except duckdb.OutOfMemoryException:
            raise UserError("not enough memory for the tables", fix="free memory or disk space") from None
        except RuntimeError as error:
            if "interrupted" in str(error):  # what DuckDB makes of Ctrl-C
                raise KeyboardInterrupt from None
            raise


def load(
    database: duckdb.DuckDBPyConnection,
    source: TableFiles,
    columns: Mapping[str, ColumnKind],
    *,
    unique: str | None = None,
) -> int:
    """Make a table named as the source, with ``columns``, ``file`` (from 0) and ``row``; returns the number of rows.

    Empty cells are NULL, and so is a "number" that is none. ``unique`` is a column that identifies a row.

    Raises:
        UserError: A file is missing, cut short or no table, a column is missing, a key is empty or no whole number,
            a time cannot be read or has a zone, or two rows have the same ``unique``.
    """
    selects = [_select(source, header, files, columns) for header, files in _by_header(source, columns).items()]
    try:
        database.execute(f"CREATE OR REPLACE TABLE {source.name} AS {' UNION ALL '.join(selects)}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _read_error(source, error) from None
    _check(database, source, columns)
    if unique:
        _check_unique(database, source, unique)
    return int(database.execute(f"SELECT count(*) FROM {source.name}").fetchall()[0][0])


def header_of(path: Path) -> tuple[str, ...]:
    """Column names of a CSV file, compressed or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), None)
    except FileNotFoundError:
        raise UserError("no such file", where=path) from None
    except (OSError, EOFError, zlib.error) as error:
        what = "not a gzip file" if isinstance(error, gzip.BadGzipFile) else "cannot be read"
        raise UserError(what, where=path, fix="fetch it again") from None
    except (UnicodeDecodeError, csv.Error):
        raise UserError("not a table in UTF-8", where=path, fix="fetch it again") from None
    if not header:
        raise UserError("the table is empty", where=path, fix="fetch it again")
    return tuple(name.strip() for name in header)


def quoted(text: object) -> str:
    """Text as an SQL literal.

    Examples:
        >>> quoted("it's")
        "'it''s'"
    """
    return "'" + str(text).replace("'", "''") + "'"


def interval(hours: float) -> str:
    """Hours as an SQL interval.

    Examples:
        >>> interval(1.5)
        'to_microseconds(5400000000)'
    """
    return f"to_microseconds({round(hours * 3_600_000_000):d})"


def _by_header(source: TableFiles, columns: Mapping[str, ColumnKind]) -> dict[tuple[str, ...], list[int]]:
    """Header -> numbers of the files that have it."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, path in enumerate(source.files):
        try:
            header = header_of(path)
        except UserError as error:
            raise error.at(source.place(index)) from None
        for name in columns:
            if name not in header:
                known = [name for name in header if name]
                raise UserError(f"no column {name!r}", where=source.place(index), fix=nearest(name, known))
        groups.setdefault(header, []).append(index)
    return groups


def _select(source: TableFiles, header: Sequence[str], files: Sequence[int], columns: Mapping[str, ColumnKind]) -> str:
    """SQL that reads the files of one header; all cells come as text and are turned into their kind afterwards."""
    names = [name if name in columns else f"unread {position}" for position, name in enumerate(header)]
    types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    paths = ", ".join(quoted(source.files[index]) for index in files)
    cells = ", ".join(_typed(name, kind) for name, kind in columns.items())
    read = f"read_csv([{paths}], columns = {{{types}}}, {_DIALECT}, filename = {len(files) > 1})"
    if len(files) == 1:
        return f"SELECT {files[0]} AS file, row_number() OVER () + 1 AS row, {cells} FROM {read}"
    numbers = ", ".join(f"({quoted(source.files[index])}, {index})" for index in files)
    return f"""SELECT file, row_number() OVER (PARTITION BY filename) + 1 AS row, {cells}
        FROM {read} JOIN (VALUES {numbers}) numbers(filename, file) USING (filename)"""


def _typed(name: str, kind: ColumnKind) -> str:
    if kind == "key":
        whole = f"regexp_full_match(\"{name}\", '\\d+(\\.0+)?')"
        return f'CASE WHEN {whole} THEN TRY_CAST("{name}" AS BIGINT) END AS "{name}"'
    if kind == "number":
        return f'TRY_CAST("{name}" AS DOUBLE) AS "{name}"'
    if kind == "time":
        formats = ", ".join(map(quoted, TIME_FORMATS))
        parsed = f'try_strptime("{name}", [{formats}])'
        fault = f"""CASE WHEN "{name}" IS NULL OR {parsed} IS NOT NULL THEN NULL
            WHEN regexp_matches("{name}", {quoted(_ZONE)}) THEN 'has a time zone' ELSE 'is not a time' END"""
        return f'{parsed} AS "{name}", {fault} AS "{name} fault"'
    return f'trim("{name}") AS "{name}"'


def _check(database: duckdb.DuckDBPyConnection, source: TableFiles, columns: Mapping[str, ColumnKind]) -> None:
    for name, kind in columns.items():
        if kind not in ("key", "time"):
            continue
        fault = "'is empty or no whole number'" if kind == "key" else f'"{name} fault"'
        wrong = f'"{name}" IS NULL' if kind == "key" else f"{fault} IS NOT NULL"
        query = f"SELECT file, row, {fault} FROM {source.name} WHERE {wrong} ORDER BY file, row LIMIT 1"
        if found := database.execute(query).fetchone():
            file, row, what = found
            fix = "MIMIC's times have no zone; give the table as published" if "zone" in what else _ROWS_AT_FAULT
            raise UserError(f"{name} {what}", where=source.place(file, row), fix=fix)


def _check_unique(database: duckdb.DuckDBPyConnection, source: TableFiles, column: str) -> None:
    query = f"""SELECT list((file, row) ORDER BY file, row) FROM {source.name} GROUP BY "{column}" HAVING count(*) > 1
        ORDER BY 1 LIMIT 1"""
    if found := database.execute(query).fetchone():
        (file, row), (other_file, other_row) = found[0][:2]
        what = f"the same {column} as in {source.place(file, row)}"
        raise UserError(what, where=source.place(other_file, other_row), fix="keep one of the two rows")


def _read_error(source: TableFiles, error: duckdb.Error) -> UserError:
    """DuckDB's message without the line that it quotes. Of several files the one at fault is found by reading each."""
    for index, path in enumerate(source.files):
        names = {f"column {position}": "VARCHAR" for position in range(len(header_of(path)))}
        try:
            duckdb.execute(f"SELECT count(*) FROM read_csv({quoted(path)}, columns = {names}, {_DIALECT})")
        except duckdb.Error as single:
            return _explained(str(single), source, index)
    return _explained(str(error), source, 0)


def _explained(message: str, source: TableFiles, file: int) -> UserError:
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = source.place(file, int(line[1]) if line else None)
    reasons = {
        "end of GZIP": "the file is cut short",
        "not a GZIP": "not a gzip file",
        "GZIP": "the compressed file is damaged",
        "Expected Number of Columns": "the row has more or fewer cells than the header",
        "unterminated quote": "a quotation mark is not closed",
        "not utf-8": "not UTF-8 text",
    }
    what = next((text for part, text in reasons.items() if part.lower() in message.lower()), "cannot be read as CSV")
    return UserError(what, where=where, fix=_ROWS_AT_FAULT)
