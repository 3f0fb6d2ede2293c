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
    for step in provenance.flow:
        counts = ", ".join(f"{count:,} {unit}" for unit, count in step.counts.items())
        console.print(f"[bold]{escape(step.step)}[/]: {counts}", soft_wrap=True, highlight=False)
        for reason, count in step.left_out.items():
            console.print(f"    left out: {count:,} {escape(reason)}", soft_wrap=True, highlight=False, style="dim")
    if provenance.values:
        console.print(_value_table(provenance))
    for caution in provenance.cautions:
        console.print(f"[yellow]caution[/] {escape(caution)}", soft_wrap=True, highlight=False)


def _value_table(provenance: Provenance) -> Table:
    fates = list(dict.fromkeys(fate for counts in provenance.values.values() for fate in counts))
    table = Table("clinical value", *fates, title="clinical values", title_justify="left", box=SIMPLE_HEAD)
    for name, counts in provenance.values.items():
        table.add_row(escape(name), *(f"{counts.get(fate, 0):,}" for fate in fates))
    return table
