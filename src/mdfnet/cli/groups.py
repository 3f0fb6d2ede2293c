"""Measures by group of patients, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mdfnet.metrics.groups import GROUP_MEASURES, Group, Standing


def print_groups(groups: Sequence[Group]) -> None:
    """Print the measures by group with 95 % intervals, and say where a group falls short of the rest."""
    console = Console()
    console = console if console.is_terminal else Console(width=160)  # a log or a pipe: no squeezing to 80 columns
    table = Table("", "group", title="by group of patients", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("patients", "boxes", *GROUP_MEASURES, ""):
        table.add_column(heading, justify="right")
    for number, group in enumerate(groups):
        first = number == 0 or groups[number - 1].grouping != group.grouping
        if first and number:
            table.add_section()
        cells = [_cell(group.standings[name]) for name in GROUP_MEASURES]
        name = escape(group.grouping) if first else ""
        table.add_row(name, escape(group.name), str(group.patients), str(group.truths), *cells, verdict(group))
    console.print(table)
    console.print(
        "Falls short: the interval of the difference to the rest, corrected over all groups, lies below zero.",
        highlight=False,
    )


def verdict(group: Group) -> str:
    """What there is to say about a group, in few words."""
    if group.too_small:
        return "too small to compare"
    short = group.falls_short
    return f"falls short: {', '.join(short)}" if short else ""


def _cell(standing: Standing) -> str:
    if math.isnan(standing.value):
        return "–"
    return f"{standing.value:.2f} ({standing.low:.2f} to {standing.high:.2f})"
