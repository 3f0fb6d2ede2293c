"""``mdfnet card``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def card(
    folder: Annotated[Path, typer.Argument(help="A run's or a model's folder, or a dataset folder.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write (default: the same).")] = None,
    evaluation: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of an evaluation to report (default: those of the run); repeatable."),
    ] = None,
) -> None:
    """Write the card of a model, with the checklists CLAIM and TRIPOD+AI, or of a dataset.

    Example: mdfnet card runs/fused
    """
    from mdfnet.data.names import DESCRIPTION
    from mdfnet.report.cards.dataset_card import write_dataset_card
    from mdfnet.report.cards.model_card import write_model_cards

    if (folder / DESCRIPTION).is_file():
        written = [write_dataset_card(folder, out)]
    else:
        written = write_model_cards(folder, out, evaluation)
    for path in written:
        typer.echo(f"written: {path}")
