"""How a dataset came to be, for the terminal: flow chart, clinical values, cautions."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mdfnet.data.provenance import Provenance


def print_provenance(provenance: Provenance) -> None:
    """Print the flow chart with what each step left out, what became of the clinical values, and the cautions."""
    console = Console()
    releases = ", ".join(f"{name} {number}" for name, number in provenance.releases.items())
    console.print(f"made by {escape(provenance.made_by)} from {escape(releases)}", soft_wrap=True, highlight=False)
    if provenance.flow:
        console.print(_flow_table(provenance))
    if provenance.values:
        console.print(_value_table(provenance))
    for caution in provenance.cautions:
        console.print(f"[yellow]caution[/] {escape(caution)}", soft_wrap=True, highlight=False)


def _flow_table(provenance: Provenance) -> Table:
    widest_first = sorted(provenance.flow, key=lambda step: -len(step.counts))
    units = list(dict.fromkeys(unit for step in widest_first for unit in step.counts))
    table = Table("step", title="flow chart", title_justify="left", box=SIMPLE_HEAD)
    for unit in units:
        table.add_column(unit, justify="right", no_wrap=True)
    for step in provenance.flow:
        counts = (f"{step.counts[unit]:,}" if unit in step.counts else "" for unit in units)
        table.add_row(escape(step.step), *counts)
        for reason, count in step.left_out.items():
            table.add_row(f"[dim]  left out: {escape(reason)} ({count:,})[/]")
    return table


def _value_table(provenance: Provenance) -> Table:
    fates = list(dict.fromkeys(fate for counts in provenance.values.values() for fate in counts))
    table = Table("clinical value", *fates, title="clinical values", title_justify="left", box=SIMPLE_HEAD)
    for name, counts in provenance.values.items():
        table.add_row(escape(name), *(f"{counts.get(fate, 0):,}" for fate in fates))
    return table
