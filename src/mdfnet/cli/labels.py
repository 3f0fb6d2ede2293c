"""``mdfnet data labels``: image-level labels beside a dataset, compared with its boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import pairs


def labels(
    folder: Annotated[Path, typer.Argument(help="Dataset folder; labels.csv is written into it.")],
    table: Annotated[Path, typer.Argument(help="CSV: a row per image, a column per finding with 1, 0, -1 or nothing.")],
    identifier: Annotated[
        str | None, typer.Option("--id", help="Column with the image (default: Path, image_id, image, dicom_id).")
    ] = None,
    column: Annotated[
        list[str], typer.Option("--column", help="CLASS=COLUMN where the table uses another name; repeatable.")
    ] = [],  # noqa: B006
) -> None:
    """Put image-level labels, as CheXpert writes them, beside a dataset, and compare them with its boxes.

    Example: mdfnet data labels data/mine chexpert.csv --column "Effusion=Pleural Effusion"
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.data.labels import read_labels, write_labels

    dataset = read_dataset(folder)
    found = read_labels(table, dataset, identifier)
    agreement = found.agreement(dataset, pairs(column, "--column"))
    shown = Table("finding", title="images: label and box", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("positive, box", "positive, no box", "negative, box", "uncertain", "no label, box"):
        shown.add_column(heading, justify="right")
    for name, counts in agreement.items():
        shown.add_row(escape(name), *(str(count) for count in vars(counts).values()))
    Console().print(shown)
    for name in (name for name in dataset.classes.names if name not in agreement):
        typer.echo(f"note: no labels for {name}; --column {name!r}=... where the table calls it otherwise")
    if found.unused:
        typer.echo(f"note: rows about other images, left out ({found.unused})")
    typer.echo(f"wrote labels of {len(found.images)} of {len(dataset)} images to {write_labels(found, folder)}")
