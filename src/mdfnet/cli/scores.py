"""Scores as tables for the terminal."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mdfnet.metrics.evaluation import Evaluation
from mdfnet.operating import Operating
from mdfnet.scoring import Scored

#: Columns: measure -> heading.
MEASURES = {"AP@IoU=0.25": "AP25", "AP@IoU=0.5": "AP50", "AP@IoBB=0.5": "AP IoBB50", "AR@IoU=0.5": "AR50"}
COUNTS = {"true_positives": "TP", "false_positives": "FP", "false_negatives": "FN"}


def print_scores(scored: Scored) -> None:
    """One model: scores per class, AP50 with its 95 % interval over patients."""
    table = Table("finding", "boxes", title=f"{scored.name}: {_films(scored.evaluation)}", title_justify="left")
    for heading in (*MEASURES.values(), *COUNTS.values()):
        table.add_column(heading, justify="right")
    for row, (low, high) in zip(scored.evaluation.rows(), scored.intervals, strict=True):
        cells = [_number(row[measure]) for measure in MEASURES]
        if not math.isnan(low):
            cells[1] += f" ({low:.2f} to {high:.2f})"
        table.add_row(escape(row["class"]), str(row["truths"]), *cells, *(str(row[name]) for name in COUNTS))
    _print(table, scored.evaluation)


def print_comparison(first: Evaluation, second: Evaluation, differences: list[dict[str, Any]]) -> None:
    """Two models on the same films: first, second and difference per class."""
    table = Table("finding", "boxes", title=f"first, second, difference: {_films(first)}", title_justify="left")
    for heading in (*MEASURES.values(), *COUNTS.values()):
        table.add_column(heading, justify="right")
    for before, after, change in zip(first.rows(), second.rows(), differences, strict=True):
        cells = [f"{_number(before[m])} {_number(after[m])} {_number(change[m], '+.3f')}" for m in MEASURES]
        cells += [f"{before[name]} {after[name]} {change[name]:+d}" for name in COUNTS]
        table.add_row(escape(before["class"]), str(before["truths"]), *cells)
    _print(table, first)


def print_operating(operating: Operating) -> None:
    """Operating points with their scores per class, and the temperatures."""
    console = _console()
    table = Table("point", title=f"fitted on {escape(operating.fitted_on)}", title_justify="left")
    for heading in ("sensitivity", "FP per film", *map(escape, operating.temperatures)):
        table.add_column(heading, justify="right")
    for point in operating.points:
        cells = [_number(point.sensitivity), f"{point.false_positives_per_film:.2f}"]
        table.add_row(point.name, *cells, *(_number(point.thresholds[name]) for name in operating.temperatures))
    table.add_section()
    table.add_row("temperature", "", "", *(f"{value:.2f}" for value in operating.temperatures.values()))
    console.print(table)
    console.print(
        f"A box is a hit at {operating.hit}. Columns per finding: score from which it counts.", highlight=False
    )


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=160)  # a log or a pipe: no squeezing to 80 columns


def _films(scores: Evaluation) -> str:
    return f"{len(scores.films)} films, {scores.films_with_truths} with findings"


def _print(table: Table, scores: Evaluation) -> None:
    console = _console()
    console.print(table)
    console.print(
        f"TP, FP, FN: score at least {scores.score_threshold:g}, IoBB 0.5. AP50: 95 % interval, patient bootstrap.",
        highlight=False,
    )


def _number(value: float, form: str = ".3f") -> str:
    return "–" if math.isnan(value) else format(value, form)
