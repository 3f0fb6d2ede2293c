"""What making a dataset prints: how it came to be, notes with counts, what was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mdfnet.data.dataset import Dataset
from mdfnet.data.provenance import Provenance


def print_notes(notes: Mapping[str, int]) -> None:
    """Say what was noted while files were read or written, and how often."""
    for note, count in notes.items():
        typer.echo(f"note: {note} ({count})")


def print_written(dataset: Dataset, out: Path) -> None:
    """Say what the folder of a new dataset holds, and what to do next."""
    boxes = sum(len(sample.target) for sample in dataset.samples)
    typer.echo(f"wrote {len(dataset)} images with {boxes} boxes of {len(dataset.classes)} classes to {out}")
    typer.echo(f"next: mdfnet data check {out}")


def print_provenance(provenance: Provenance | None) -> None:
    """Print how a dataset came to be, if it says: each step and what it left out, clinical values, cautions."""
    if provenance is None:
        return
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
