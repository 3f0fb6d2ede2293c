"""Tables as CSV and LaTeX: every digit for programs, every character safe for paper."""

import csv
import io
import shutil
import subprocess

import pytest

from mdfnet.report.tables import Column, ReportTable, TableCell, as_csv, as_latex, write_table

NAN = float("nan")
TABLE = ReportTable(
    "scores",
    "AP at 50 % & more",
    (Column("Class"), Column("Boxes"), Column("image_only", "AP, IoU 0.5"), Column("fused", "AP, IoU 0.5")),
    (
        (
            TableCell("Mass"),
            TableCell(1234, form="{:,d}"),
            TableCell(1 / 3, 0.25, 0.4),
            TableCell(0.5, 0.4, 0.6, difference=0.2),
        ),
        (
            TableCell("a_b ~ {x} \\ ^ <5> # $"),
            TableCell(0, form="{:,d}"),
            TableCell(NAN),
            TableCell(NAN, difference=NAN),
        ),
        (TableCell("all"), TableCell(1234, form="{:,d}"), TableCell(1 / 3), TableCell(-0.5)),
    ),
    note="95 % intervals",
    total=True,
)


def test_csv_has_all_digits_and_intervals_in_columns_of_their_own():
    rows = list(csv.DictReader(io.StringIO(as_csv(TABLE))))
    assert list(rows[0]) == [
        "Class",
        "Boxes",
        *(f"AP, IoU 0.5 image_only{end}" for end in ("", " low", " high")),
        *(f"AP, IoU 0.5 fused{end}" for end in ("", " low", " high")),
    ]
    assert rows[0]["AP, IoU 0.5 image_only"] == "0.333333" and rows[0]["Boxes"] == "1234"
    assert rows[1]["AP, IoU 0.5 fused"] == "" and rows[1]["Class"] == "a_b ~ {x} \\ ^ <5> # $"
    assert rows[2]["AP, IoU 0.5 fused"] == "-0.5", "a minus that programs read"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("\\caption{AP at 50 \\% \\& more}", "the caption is escaped"),
        (" & \\multicolumn{1}{c}{} & \\multicolumn{2}{c}{AP, IoU 0.5} \\\\", "a heading over its columns"),
        ("\\cmidrule(lr){3-4}", "a rule below it"),
        ("Class & Boxes & image\\_only & fused \\\\", "names are escaped"),
        ("Mass & 1,234 & 0.33 (0.25 to 0.40) & 0.50 (0.40 to 0.60) \\\\", "intervals beside values"),
        ("all & 1,234 & 0.33 & $-$0.50 \\\\", "a real minus"),
    ],
)
def test_latex_lines(line, why):
    assert line in as_latex(TABLE).splitlines(), why


def test_latex_has_as_many_cells_in_every_row():
    body = as_latex(TABLE).partition("\\toprule")[2].partition("\\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
    assert [line.replace("\\&", "").count("&") for line in rows] == [3] * 4


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="NEEDS LATEX: pdflatex is absent")
def test_latex_compiles(tmp_path):
    head, tail = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}", "\\end{document}"
    text = head + as_latex(TABLE) + tail
    (tmp_path / "paper.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


def test_files_are_written_under_the_tables_name(tmp_path):
    write_table(TABLE, tmp_path / "tables")
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["scores.csv", "scores.tex"]
