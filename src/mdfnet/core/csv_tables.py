"""Tables of text as people really save them: CSV with commas, semicolons or tabs, with or without a byte-order mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import read_text

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Row:
    """One row of a table: its cells by column, stripped of surrounding blanks, and where it is from."""

    #: Where; the header is row 1
    file: Path
    number: int
    cells: dict[str, str]  #: Column -> text
    decimal_comma: bool = False  #: Whether a number may have one: the delimiter is another character

    @property
    def where(self) -> str:
        """File and row, as spreadsheets count (the header is row 1)."""
        return f"{self.file} row {self.number}"

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def decimal(self, column: str) -> str:
        """A cell that holds a number, with a decimal point also where the table has decimal commas."""
        cell = self.cells[column]
        if "," in cell and not self.decimal_comma:
            fix = "write decimals with a point, or separate the cells by semicolons"
            raise UserError(f"{column} has a comma in a number", where=self.where, fix=fix)
        return cell.replace(",", ".")


@dataclass(frozen=True)
class Table:
    """A table as it is in the file, every cell still text."""

    path: Path  #: Where it came from
    columns: tuple[str, ...]  #: Names of the header
    rows: tuple[Row, ...]  #: Those below the header
    delimiter: str  #: What separates the cells; a decimal comma is possible only when it is not a comma

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def require(self, *columns: str) -> None:
        """Make sure that columns exist."""
        for column in columns:
            if column not in self.columns:
                raise UserError(f"no column {column!r}", where=self.path, fix=nearest(column, self.columns))

    def by(self, column: str) -> dict[str, Row]:
        """Rows by a column that identifies them: every cell of it is filled, and no two are the same."""
        self.require(column)
        rows: dict[str, Row] = {}
        for row in self:
            key = row[column]
            if not key:
                raise UserError(f"{column!r} is empty", where=row.where, fix="every row needs one")
            if key in rows:
                what = f"the same {column} stands in row {rows[key].number} already"
                raise UserError(what, where=row.where, fix="keep one of the two rows")
            rows[key] = row
        return rows


def read_table(path: str | Path, problems: list[UserError] | None = None) -> Table:
    """Read a table with a header from UTF-8 text; the delimiter is what the header has most of.

    What is wrong with single rows is raised, or collected in ``problems``; such rows are then left out.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "vitals.csv"
        >>> _ = path.write_text("image;temperature\\na.png;37,5\\n", encoding="utf-8-sig")
        >>> table = read_table(path)
        >>> table.columns, table.rows[0].number, table.rows[0]["temperature"]
        (('image', 'temperature'), 2, '37,5')
    """
    path = Path(path)
    text = read_text(path)
    if not text.strip():
        raise UserError("the table is empty", where=path, fix="it needs a header row")
    if "\0" in text:
        raise UserError("not a table but binary data", where=path, fix="give a CSV file in UTF-8")
    delimiter = max(DELIMITERS, key=text.splitlines()[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(name.strip() for name in next(lines))
        _check_header(columns, path)
        rows = []
        for cells in lines:
            if not any(map(str.strip, cells)):
                continue
            try:
                rows.append(_row(cells, columns, path, lines.line_num, delimiter))
            except UserError as problem:
                if problems is None:
                    raise
                problems.append(problem)
    except csv.Error as error:
        raise UserError(f"not a table: {error}", where=f"{path} row {lines.line_num}") from None
    return Table(path, columns, tuple(rows), delimiter)


def _check_header(columns: Sequence[str], path: Path) -> None:
    if not columns:
        raise UserError("there is no header", where=f"{path} row 1", fix="name the columns in the first row")
    for index, name in enumerate(columns):
        if not name:
            raise UserError(f"column {index + 1} has no name", where=f"{path} row 1")
        if name in columns[:index]:
            raise UserError(f"column {name!r} is duplicated", where=f"{path} row 1", fix="rename or remove one")


def _row(cells: Sequence[str], columns: Sequence[str], path: Path, number: int, delimiter: str) -> Row:
    if len(cells) != len(columns):
        fix = "put cells that contain the delimiter in quotation marks"
        if delimiter == "," and len(cells) > len(columns):
            fix = "write decimals with a point, or put cells that contain a comma in quotation marks"
        what = f"{len(cells)} cells under {len(columns)} columns"
        raise UserError(what, where=f"{path} row {number}", fix=fix)
    return Row(path, number, dict(zip(columns, map(str.strip, cells), strict=True)), delimiter != ",")


def format_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV text with commas and ``\\n`` ends.

    Examples:
        >>> format_table(["image", "age"], [["a.png", 61]])
        'image,age\\na.png,61\\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
