"""``mdfnet data build``: datasets from the tables of published collections."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from mdfnet.cli.identifiers import KeepIds, KeyFile
from mdfnet.cli.options import Threads
from mdfnet.core.errors import UserError
from mdfnet.data.mimic.rules import (
    AS_PAPER,
    EllipseLabels,
    Findings,
    Missing,
    Readers,
    Rules,
    SplitRule,
    StayRule,
    StudyTime,
    Values,
    Vitals,
)

app = typer.Typer(no_args_is_help=True, help="Make a dataset folder from the tables of a published collection.")
SAFE = Rules()

#: Headings under which ``--help`` has the options.
STAYS, VALUES, READINGS, SPLITS, FILES = "Image to stay", "Clinical values", "Readings", "Splits", "Images and names"


@app.callback()
def _build():
    """Make a dataset folder from the tables of a published collection."""


@app.command()
def mimic(
    context: typer.Context,
    folders: Annotated[
        list[Path], typer.Argument(help="Folders with MIMIC-CXR-JPG, MIMIC-IV, MIMIC-IV-ED and REFLACX, or MIMIC-Eye.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Dataset folder to make.")],
    as_paper: Annotated[
        bool, typer.Option("--as-paper", help="The paper's rules; those given beside it hold.")
    ] = False,
    stay: Annotated[
        StayRule, typer.Option("--stay", rich_help_panel=STAYS, help="Which stay an image belongs to.")
    ] = SAFE.stay,
    before: Annotated[
        float, typer.Option("--before", rich_help_panel=STAYS, help="Hours an image may precede a stay.")
    ] = SAFE.before,
    after: Annotated[
        float, typer.Option("--after", rich_help_panel=STAYS, help="Hours an image may follow a stay.")
    ] = SAFE.after,
    open_stay: Annotated[
        float,
        typer.Option("--open-stay", rich_help_panel=STAYS, help="Hours that a stay without an end lasts at most."),
    ] = SAFE.open_stay,
    study_time: Annotated[
        StudyTime,
        typer.Option(
            "--study-time", rich_help_panel=STAYS, help="How StudyTime is read: with its leading zeros, or without."
        ),
    ] = SAFE.study_time,
    unmatched: Annotated[
        bool,
        typer.Option("--unmatched", rich_help_panel=STAYS, help="Keep images without a stay, vital signs missing."),
    ] = SAFE.unmatched,
    vitals: Annotated[
        Vitals,
        typer.Option("--vitals", rich_help_panel=VALUES, help="Last values at or before the image, or triage alone."),
    ] = SAFE.vitals,
    within: Annotated[
        float | None,
        typer.Option("--within", rich_help_panel=VALUES, help="Hours before the image that a value may date back."),
    ] = SAFE.within,
    values: Annotated[
        Values,
        typer.Option(
            "--values", rich_help_panel=VALUES, help="Clinical values checked and converted, or as they stand."
        ),
    ] = SAFE.values,
    missing: Annotated[
        Missing,
        typer.Option("--missing", rich_help_panel=VALUES, help="Missing numbers stay missing, or become the mean."),
    ] = SAFE.missing,
    discarded: Annotated[
        bool,
        typer.Option("--discarded", rich_help_panel=READINGS, help="Keep readings whose eye tracking was discarded."),
    ] = SAFE.discarded,
    readers: Annotated[
        Readers, typer.Option("--readers", rich_help_panel=READINGS, help="What several readings become.")
    ] = SAFE.readers,
    overlap: Annotated[
        float, typer.Option("--overlap", rich_help_panel=READINGS, help="IoU from which two readers mean the same.")
    ] = SAFE.overlap,
    findings: Annotated[
        Findings,
        typer.Option("--findings", rich_help_panel=READINGS, help="The paper's five findings, or all labels drawn."),
    ] = SAFE.findings,
    synonym: Annotated[
        list[str], typer.Option("--synonym", rich_help_panel=READINGS, help="LABEL=OTHER to take it for; repeatable.")
    ] = [],  # noqa: B006
    ellipse_labels: Annotated[
        EllipseLabels,
        typer.Option(
            "--ellipse-labels", rich_help_panel=READINGS, help="A box for each label of an ellipse, or for the first."
        ),
    ] = SAFE.ellipse_labels,
    certainty: Annotated[
        int, typer.Option("--certainty", rich_help_panel=READINGS, help="Least certainty of an ellipse, 1 to 5.")
    ] = SAFE.certainty,
    split: Annotated[
        SplitRule, typer.Option("--split", rich_help_panel=SPLITS, help="By patient, MIMIC's own, or by row.")
    ] = SAFE.split,
    fraction: Annotated[
        list[str], typer.Option("--fraction", rich_help_panel=SPLITS, help="SPLIT=SHARE; repeatable.")
    ] = [],  # noqa: B006
    folds: Annotated[
        int | None, typer.Option("--folds", rich_help_panel=SPLITS, help="Folds of a cross-validation.")
    ] = SAFE.folds,
    fold: Annotated[
        int, typer.Option("--fold", rich_help_panel=SPLITS, help="The fold to test on, from 0.")
    ] = SAFE.fold,
    seed: Annotated[int, typer.Option("--seed", min=0, rich_help_panel=SPLITS, help="Seed of the split.")] = SAFE.seed,
    images: Annotated[
        Path | None, typer.Option("--images", rich_help_panel=FILES, help="Folder of the images, if not the tables'.")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", min=32, rich_help_panel=FILES, help="Longer side of the images, pixels.")
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", rich_help_panel=FILES, help="Hard links to the images instead of copies.")
    ] = False,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the flow chart, write nothing.")] = False,
    threads: Threads = None,
):
    """Build the multimodal dataset of images, boxes and vital signs from MIMIC and REFLACX.

    Example: mdfnet data build mimic physionet.org/files --size 1024 --out data/mimic
    """
    from mdfnet.cli.flow import print_provenance
    from mdfnet.core.pseudonyms import Kept
    from mdfnet.data.mimic.build import ImageOptions, build_mimic, plan

    rules = _rules(context, as_paper)
    placed = ImageOptions(images, size, link)
    if dry_run:
        planned = plan(folders, rules, Kept, placed, threads=threads, log=typer.echo)
        return print_provenance(planned.dataset.provenance)
    names = Kept() if keep_ids else key_file
    try:
        dataset = build_mimic(folders, out, rules, names, placed, threads=threads, log=typer.echo)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on with the images that are placed", err=True)
        raise
    print_provenance(dataset.provenance)
    boxes = sum(len(sample.target) for sample in dataset.samples)
    typer.echo(f"wrote {len(dataset)} images with {boxes} boxes of {len(dataset.classes)} classes to {out}")
    typer.echo(f"next: mdfnet data check {out}")


def _rules(context: typer.Context, as_paper: bool) -> Rules:
    """The rules of the command line; beside ``--as-paper`` only those that were given."""
    from mdfnet.cli.imports import pairs

    given: dict[str, Any] = {
        name: context.params[name]
        for name in (item.name for item in fields(Rules))
        if name in context.params and context.get_parameter_source(name).name == "COMMANDLINE"
    }
    if synonyms := pairs(context.params["synonym"], "--synonym"):
        given["synonyms"] = synonyms
    if fractions := pairs(context.params["fraction"], "--fraction"):
        try:
            given["fractions"] = {name: float(share) for name, share in fractions.items()}
        except ValueError:
            raise UserError("--fraction is not SPLIT=SHARE", fix="such as --fraction val=0.2") from None
    return replace(AS_PAPER if as_paper else SAFE, **given)
