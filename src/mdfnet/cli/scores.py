"""Scores as tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from mdfnet.cli.console import table_of, terminal
from mdfnet.evaluation.compare import Comparison
from mdfnet.evaluation.score import Scored
from mdfnet.metrics.comparison import Difference
from mdfnet.metrics.groups import GROUP_MEASURES, Group, Standing
from mdfnet.models.operating_points import Operating, PointResult

#: Columns: measure -> heading.
MEASURES = {"AP@IoU=0.25": "AP25", "AP@IoU=0.5": "AP50", "AP@IoBB=0.5": "AP IoBB50", "AR@IoU=0.5": "AR50"}
SHOWN_AGREEMENT = ("sensitivity", "precision", "false_positives_per_image", "kappa", "model_sensitivity")
COUNTS = {"true_positives": "TP", "false_positives": "FP", "false_negatives": "FN"}


def print_scores(scored: Scored) -> None:
    """One model: scores per class with 95 % intervals over patients, and what its operating points give here."""
    evaluation, headings = scored.evaluation, (*MEASURES.values(), *COUNTS.values())
    images = f"{len(evaluation.images)} images, {evaluation.images_with_truths} with findings"
    table = table_of(["finding", "boxes"], headings, f"{scored.name}: {images}")
    for k, row in enumerate(evaluation.rows()):
        cells = [_with_interval(row[measure], scored.intervals[measure][k]) for measure in MEASURES]
        table.add_row(escape(row["class"]), str(row["truths"]), *cells, *(str(row[name]) for name in COUNTS))
    console = terminal()
    console.print(table)
    caption = f"score at least {evaluation.score_threshold:g}, IoBB 0.5. 95 % intervals: bootstrap over patients."
    console.print(f"TP, FP, FN: {caption}", highlight=False)
    if scored.operating is not None and scored.points:
        console.print(_points_table(scored.points, scored.operating.fitted_on))


def _points_table(points: Sequence[PointResult], fitted_on: str) -> Table:
    title = f"operating points, found on {escape(fitted_on)}; IoBB 0.5, all findings together"
    table = table_of(["point"], ("sensitivity there", "here", "FP per image there", "here"), title)
    for point in points:
        alarms = _with_interval(point.false_positives_per_image[-1], point.false_positives_intervals[-1], ".2f")
        sensitivity = _with_interval(point.sensitivity[-1], point.sensitivity_intervals[-1], ".2f")
        table.add_row(point.name, _number(point.fitted[0], ".2f"), sensitivity, f"{point.fitted[1]:.2f}", alarms)
    return table


def print_groups(groups: Sequence[Group]) -> None:
    """Print the measures by group with 95 % intervals, and say where a group falls short of the rest."""
    console = terminal()
    table = table_of(["", "group"], ("patients", "boxes", *GROUP_MEASURES, ""), "by group of patients", box=SIMPLE_HEAD)
    for number, group in enumerate(groups):
        first = number == 0 or groups[number - 1].grouping != group.grouping
        if first and number:
            table.add_section()
        cells = [_standing(group.standings[name]) for name in GROUP_MEASURES]
        name = escape(group.grouping) if first else ""
        table.add_row(name, escape(group.name), str(group.patients), str(group.truths), *cells, _shortfall(group))
    console.print(table)
    console.print(
        "Falls short: the interval of the difference to the rest, corrected over all groups, lies below zero.",
        highlight=False,
    )


def _shortfall(group: Group) -> str:
    if group.too_small:
        return "too small to compare"
    short = group.falls_short
    return f"falls short: {', '.join(short)}" if short else ""


def _standing(standing: Standing) -> str:
    if math.isnan(standing.value):
        return "–"
    return f"{standing.value:.2f} ({standing.low:.2f} to {standing.high:.2f})"


def print_agreement(agreement: Mapping[str, Any]) -> None:
    """The second reading against the first, and the model on the same images at as many false positives."""
    console = terminal()
    for overlap, result in agreement["overlaps"].items():
        table = table_of(
            ["finding"],
            ("boxes", "sensitivity", "precision", "FP per image", "kappa (image)", "model at these FP"),
            f"second reading, {agreement['images']} images, {overlap}",
        )
        for row in result:
            cells = [_with_interval(row[name], row[f"{name}_interval"], ".2f") for name in SHOWN_AGREEMENT]
            table.add_row(escape(row["finding"]), str(row["boxes"]), *cells)
        console.print(table)
    if agreement["unknown"]:
        what = ", ".join(f"{escape(name)} ({count})" for name, count in agreement["unknown"].items())
        console.print(f"Boxes of the second reading that the model has no class for: {what}.", highlight=False)


def print_comparison(comparison: Comparison) -> None:
    """What a reviewer asks for: the difference per finding, how sure, and what other measures say."""
    console, headline = terminal(), comparison.measures[0]
    title = f"{escape(headline)}: second minus first; {escape(comparison.what)}"
    table = table_of(["finding", "boxes"], ("first", "second", "difference (95 %)", "p", "p, Holm", ""), title)
    for row, boxes in zip(comparison.of(headline), (*comparison.truths, sum(comparison.truths)), strict=True):
        table.add_row(escape(row.finding), str(boxes), *_difference_cells(row), _p(row.p_corrected), row.verdict)
    console.print(table)
    table = table_of(["measure"], ("first", "second", "difference (95 %)", "p", ""), "all findings together")
    for measure in comparison.measures:
        row = comparison.of(measure)[-1]
        table.add_row(escape(measure.replace("_", " ")), *_difference_cells(row), row.verdict)
    console.print(table)
    for sentence in comparison.sentences():
        console.print(escape(sentence), highlight=False, soft_wrap=True)


def _difference_cells(row: Difference) -> list[str]:
    form = ".1f" if row.measure in COUNTS else ".3f"
    change = _number(row.value, f"+{form}")
    if not math.isnan(row.low):
        change += f" ({row.low:+{form}} to {row.high:+{form}})"
    return [_number(row.first, form), _number(row.second, form), change, _p(row.p)]


def _p(value: float) -> str:
    return "–" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _with_interval(value: float, limits: tuple[float, float] | None, form: str = ".3f") -> str:
    text = _number(value, form)
    return text if limits is None or math.isnan(limits[0]) else f"{text} ({limits[0]:.2f} to {limits[1]:.2f})"


def print_operating(operating: Operating) -> None:
    """Operating points with their scores per class, and the temperatures."""
    console = terminal()
    table = table_of(
        ["point"],
        ("sensitivity", "FP per image", *map(escape, operating.temperatures)),
        f"fitted on {escape(operating.fitted_on)}",
    )
    for point in operating.points:
        cells = [_number(point.sensitivity), f"{point.false_positives_per_image:.2f}"]
        table.add_row(point.name, *cells, *(_number(point.thresholds[name]) for name in operating.temperatures))
    table.add_section()
    table.add_row("temperature", "", "", *(f"{value:.2f}" for value in operating.temperatures.values()))
    console.print(table)
    console.print(
        f"A box is a hit at {operating.hit}. Columns per finding: score from which it counts.", highlight=False
    )


def _number(value: float, form: str = ".3f") -> str:
    return "–" if math.isnan(value) else format(value, form)
