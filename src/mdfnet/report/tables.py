"""Tables as plain values, written as HTML by the page's template, as CSV with all digits, and as LaTeX for a paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mdfnet.core.csv_tables import format_table
from mdfnet.core.files import write_text

#: What is not defined.
NOTHING = "–"


@dataclass(frozen=True)
class TableCell:
    """A cell: text, or a number with what belongs to it.

    Examples:
        >>> cell = TableCell(0.123, 0.1, 0.15)
        >>> cell.text, cell.interval
        ('0.12', '0.10 to 0.15')
        >>> TableCell(float("nan")).text, TableCell(-0.5, form="{:+.1f}").text
        ('–', '−0.5')
    """

    value: str | float  #: NaN is not defined
    #: Its interval, NaN without
    low: float = math.nan
    high: float = math.nan
    difference: float | None = None  #: By how much it differs from a reference; None without
    form: str = "{:.2f}"  #: How a number is written for people
    words: str = ""  #: What people read instead of the number, if anything

    @property
    def text(self) -> str:
        """The value alone, with a real minus sign."""
        return self.value if isinstance(self.value, str) else self.words or _formatted(self.value, self.form)

    @property
    def interval(self) -> str:
        """The interval, empty without one."""
        return "" if math.isnan(self.low) else " to ".join(_formatted(end, self.form) for end in (self.low, self.high))

    @property
    def change(self) -> str:
        """The difference with its sign, ±0 where it rounds to nothing; empty without one."""
        if self.difference is None:
            return ""
        if not math.isnan(self.difference) and float(self.form.format(self.difference)) == 0:
            return "±0"
        return _formatted(self.difference, self.form.replace(":", ":+"))


@dataclass(frozen=True)
class Column:
    """A column: its name, and the heading that it shares with its neighbors, if any."""

    name: str
    group: str = ""


#: Headings and rows as :meth:`ReportTable.of` takes them: a bare text is a column's name, a bare text or number a cell.
Heads = list[Column | str]
Rows = list[list[TableCell | str | float]]


@dataclass(frozen=True)
class ReportTable:
    """A table of a report."""

    name: str  #: Of its files
    caption: str
    columns: tuple[Column, ...]  #: The first names the rows
    rows: tuple[tuple[TableCell, ...], ...]  #: One cell per column
    note: str = ""  #: What a reader has to know beside it
    total: bool = False  #: Whether the last row sums up the others
    breaks: tuple[int, ...] = ()  #: Numbers of the rows, from 0, above which a rule is drawn

    @classmethod
    def of(
        cls,
        name: str,
        caption: str,
        columns: Heads,
        rows: Rows,
        note: str = "",
        *,
        total: bool = False,
        breaks: Iterable[int] = (),
    ) -> ReportTable:
        """A table from lists, bare texts and numbers."""
        heads = tuple(Column(one) if isinstance(one, str) else one for one in columns)
        cells = (tuple(one if isinstance(one, TableCell) else TableCell(one) for one in row) for row in rows)
        return cls(name, caption, heads, tuple(cells), note, total, tuple(breaks))

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headings over the columns from the second on, with how many columns each spans."""
        spans: list[tuple[str, int]] = []
        for column in self.columns[1:]:
            if spans and column.group and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans

    @property
    def grouped(self) -> bool:
        """Whether there is a heading over columns."""
        return any(column.group for column in self.columns)


def write_table(table: ReportTable, folder: Path) -> None:
    """Write ``NAME.csv`` and ``NAME.tex`` into a folder."""
    for suffix, text in (("csv", as_csv(table)), ("tex", as_latex(table))):
        write_text(folder / f"{table.name}.{suffix}", text)


def as_csv(table: ReportTable) -> str:
    """All digits, intervals in columns of their own; what is not defined is an empty cell.

    Examples:
        >>> columns, row = ["finding", Column("fused", "AP")], ["Mass", TableCell(0.5, 0.4, 0.6)]
        >>> table = ReportTable.of("ap", "AP", columns, [row])
        >>> print(as_csv(table), end="")
        finding,AP fused,AP fused low,AP fused high
        Mass,0.5,0.4,0.6
    """
    with_interval = [any(not math.isnan(row[k].low) for row in table.rows) for k in range(len(table.columns))]
    header = []
    for column, has in zip(table.columns, with_interval, strict=True):
        name = f"{column.group} {column.name}".strip()
        header += [name, f"{name} low", f"{name} high"] if has else [name]
    rows: list[list[str]] = []
    for row in table.rows:
        rows.append([])
        for cell, has in zip(row, with_interval, strict=True):
            values = (cell.value, cell.low, cell.high) if has else (cell.value,)
            rows[-1] += [_digits(value) for value in values]
    return format_table(header, rows)


def as_latex(table: ReportTable) -> str:
    """A ``table`` for the package booktabs, everything escaped; intervals in parentheses.

    Examples:
        >>> table = ReportTable.of("ap", "AP at 50 %", ["finding", "a_b"], [["Mass", TableCell(0.5, 0.4, 0.6)]])
        >>> print(as_latex(table))
        % needs \\usepackage{booktabs}
        \\begin{table}
        \\caption{AP at 50 \\%}
        \\label{tab:ap}
        \\begin{tabular}{lr}
        \\toprule
        finding & a\\_b \\\\
        \\midrule
        Mass & 0.50 (0.40 to 0.60) \\\\
        \\bottomrule
        \\end{tabular}
        \\end{table}
        <BLANKLINE>
    """
    lines = ["% needs \\usepackage{booktabs}", "\\begin{table}", f"\\caption{{{escaped(table.caption)}}}"]
    lines += [f"\\label{{tab:{table.name}}}", f"\\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}", "\\toprule"]
    if table.grouped:
        lines += list(_group_lines(table))
    lines += [_latex_row(escaped(column.name) for column in table.columns), "\\midrule"]
    for number, row in enumerate(table.rows):
        if number and (number in table.breaks or (table.total and number == len(table.rows) - 1)):
            lines.append("\\midrule")
        texts = (f"{cell.text} ({cell.interval})" if cell.interval else cell.text for cell in row)
        lines.append(_latex_row(map(escaped, texts)))
    lines += ["\\bottomrule", "\\end{tabular}"]
    lines += [f"\\par\\smallskip {{\\footnotesize {escaped(table.note)}}}"] if table.note else []
    return "\n".join([*lines, "\\end{table}", ""])


def escaped(text: str) -> str:
    """Text that LaTeX sets as it stands.

    Examples:
        >>> escaped("50 % & more_{x} ~ \\\\")
        '50 \\\\% \\\\& more\\\\_\\\\{x\\\\} \\\\textasciitilde{} \\\\textbackslash{}'
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


_LATEX = {
    **{letter: f"\\{letter}" for letter in "%&_#{}$"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "−": "$-$",
    "±": "$\\pm$",
    "–": "--",
    "≥": "$\\geq$",
    "“": "``",
    "”": "''",
}


def _group_lines(table: ReportTable) -> Iterator[str]:
    cells, rules, first = [], [], 2
    for heading, span in table.groups:
        cells.append(f"\\multicolumn{{{span}}}{{c}}{{{escaped(heading)}}}")
        if heading:
            rules.append(f"\\cmidrule(lr){{{first}-{first + span - 1}}}")
        first += span
    yield _latex_row(["", *cells])
    yield " ".join(rules)


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _formatted(value: float, form: str) -> str:
    if math.isnan(value):
        return NOTHING
    text = form.format(value)
    return (text.replace("-", "±").replace("+", "±") if float(text.replace(",", "")) == 0 else text).replace("-", "−")


def _digits(value: str | float) -> str:
    if isinstance(value, str):
        return "" if value == NOTHING else value
    return "" if math.isnan(value) else f"{value:.6g}"
