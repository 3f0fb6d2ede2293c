"""``mdfnet explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import Invalid, ModelFolder, OnInvalid, Threads, command_line, use_threads
from mdfnet.core.errors import UserError


def explain(
    model: ModelFolder,
    source: Annotated[Path, typer.Argument(help="An image (PNG, JPEG, DICOM), or a dataset folder.")],
    case: Annotated[str | None, typer.Option(help="Name of an image of the dataset: explain this one.")] = None,
    clinical: Annotated[Path | None, typer.Option(help="Record of an image: as mdfnet predict takes it.")] = None,
    split: Annotated[str, typer.Option(help="Without --case: explain the model over this split.")] = "val",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("explanation"),
    score: Annotated[float, typer.Option(min=0, max=1, help="Explain boxes from this score.")] = 0.3,
    images: Annotated[int | None, typer.Option(min=2, help="Random sample of the split (default: all).")] = None,
    orders: Annotated[
        int | None, typer.Option(min=2, help="Sample so many orders of the features (default: all combinations).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn.")] = 0,
    invalid: OnInvalid = Invalid.error,
    threads: Threads = None,
) -> None:
    """Explain a model's scores: what each clinical value and each part of an image contributes.

    Example: mdfnet explain demo image.png --clinical record.json
    """
    use_threads(threads)
    from mdfnet.report.explain_run import Explainer

    command = command_line()
    if not source.is_dir():
        if case is not None:
            raise UserError("--case names an image of a dataset", where=source, fix="give the dataset's folder")
        explainer = Explainer(model, out, orders, command, log=typer.echo)
        explainer.explain_file(source, clinical, score, invalid.value)
        return
    if clinical is not None:
        raise UserError("images of a dataset have their records there", where=source, fix="leave out --clinical")
    from mdfnet.data.dataset_folder import read_dataset

    dataset = read_dataset(source)
    explainer = Explainer(model, out, orders, command, log=typer.echo)
    if case is not None:
        explainer.explain_sample(dataset, case, score)
    else:
        explainer.explain_split(dataset, split, images, seed)
