"""Scores as tables for the terminal."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mdfnet.metrics.evaluation import Evaluation
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


def _films(scores: Evaluation) -> str:
    return f"{len(scores.films)} films, {scores.films_with_truths} with findings"


def _print(table: Table, scores: Evaluation) -> None:
    console = Console()
    if not console.is_terminal:  # a log or a pipe: no squeezing to 80 columns
        console = Console(width=160)
    console.print(table)
    console.print(
        f"TP, FP, FN: score at least {scores.score_threshold:g}, IoBB 0.5. AP50: 95 % interval, patient bootstrap.",
        highlight=False,
    )


def _number(value: float, form: str = ".3f") -> str:
    return "–" if math.isnan(value) else format(value, form)
