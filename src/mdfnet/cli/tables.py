"""Tables for the terminal; plain text where there is none."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mdfnet.cli.console import table_of
from mdfnet.cli.flow import print_provenance
from mdfnet.data.checks import Finding
from mdfnet.data.dataset import Dataset
from mdfnet.data.summary import FeatureSummary, SplitSummary

#: Findings of one kind shown unless all are asked for.
SHOWN = 3
_COLORS = {"error": "red", "warning": "yellow", "note": "cyan"}


def print_dataset(dataset: Dataset, summary: dict[str, SplitSummary]) -> None:
    """Print what a dataset is, its counts per class and split, and its clinical values per split."""
    console = Console()
    nature = f"synthetic: {', '.join(dataset.synthetic)}" if dataset.synthetic else "real data"
    console.print(f"[bold]{escape(dataset.name)}[/]: {len(dataset)} images, {nature}")
    for name, text in (("source", dataset.source), ("license", dataset.license)):
        if text:
            console.print(f"{name}: {escape(text)}")
    console.print(_class_table(dataset, summary))
    console.print(_clinical_table(dataset, summary))
    print_provenance(dataset.provenance)


def _class_table(dataset: Dataset, summary: dict[str, SplitSummary]) -> Table:
    table = table_of(["finding"], summary, "images / boxes", box=SIMPLE_HEAD)
    for label in dataset.classes.names:
        counts = [split.classes[label] for split in summary.values()]
        table.add_row(escape(label), *(f"{count.images} / {count.boxes}" for count in counts))
    table.add_section()
    table.add_row("images", *(str(split.images) for split in summary.values()))
    table.add_row("images with boxes", *(str(split.boxed) for split in summary.values()))
    table.add_row("patients", *(str(split.patients) for split in summary.values()))
    return table


def _clinical_table(dataset: Dataset, summary: dict[str, SplitSummary]) -> Table:
    table = Table("feature", "unit", "split", title="clinical values", title_justify="left", box=SIMPLE_HEAD)
    for name in ("missing", "mean (sd)", "min", "median", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    for feature in dataset.schema.features:
        for name, split in summary.items():
            found = split.clinical[feature.name]
            cells = (f"{found.missing:.0%}", *_distribution(found))
            table.add_row(feature.name, escape(feature.unit or ""), name, *cells)
        table.add_section()
    return table


def _distribution(found: FeatureSummary) -> tuple[str, ...]:
    if found.shares is not None:
        return (", ".join(f"{escape(name)} {share:.0%}" for name, share in found.shares.items()), "", "", "")
    if math.isnan(found.mean):
        return ("", "", "", "")
    return (f"{found.mean:.1f} ({found.sd:.1f})", f"{found.low:g}", f"{found.median:g}", f"{found.high:g}")


def print_findings(findings: Sequence[Finding], every: bool) -> None:
    """Print findings, grouped by kind; of each kind the first few unless ``every``."""
    console, kinds = Console(), defaultdict(list)
    for finding in findings:
        kinds[finding.severity, finding.id].append(finding)
    for (severity, kind), group in kinds.items():
        color = _COLORS[severity]
        for finding in group if every else group[:SHOWN]:
            place = f"{finding.file}, {finding.row}" if finding.row is not None else finding.file
            fix = f" → {finding.fix}" if finding.fix else ""
            text = f"{escape(place)}: {escape(finding.message)}{escape(fix)}"
            console.print(f"[{color}]{severity}[/] [bold]{kind}[/] {text}", soft_wrap=True, highlight=False)
        if not every and len(group) > SHOWN:
            console.print(f"        and {len(group) - SHOWN} more of {kind}; --all lists them", highlight=False)
    counts = {name: sum(finding.severity == name for finding in findings) for name in _COLORS}
    console.print(", ".join(f"{count} {name}s" for name, count in counts.items()), highlight=False)
