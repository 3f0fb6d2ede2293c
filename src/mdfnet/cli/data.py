"""``mdfnet data``: look at and check datasets, and make synthetic ones; the other verbs have files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli import build, checks, clinical, export, imports, labels
from mdfnet.cli.former_options import Verbs

app = typer.Typer(cls=Verbs, no_args_is_help=True, help="Import, look at and check datasets, and make synthetic ones.")
app.add_typer(imports.app, name="import")
app.add_typer(build.app, name="build")
app.add_typer(clinical.app, name="clinical")
app.add_typer(export.app, name="export")
app.command("labels")(labels.labels)
app.command()(checks.check)


@app.command()
def info(
    folder: Annotated[Path, typer.Argument(help="Dataset folder.")],
    picture: Annotated[Path | None, typer.Option(help="Write a contact sheet of images with boxes.")] = None,
    images: Annotated[int, typer.Option(min=1, help="Images on the contact sheet.")] = 12,
) -> None:
    """Show what is in a dataset: classes and clinical values by split, and pictures.

    Example: mdfnet data info data/nih --picture nih.png
    """
    from mdfnet.cli.tables import print_dataset
    from mdfnet.core.files import replacing
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.data.pictures import contact_sheet
    from mdfnet.data.summary import summarize

    dataset = read_dataset(folder)
    print_dataset(dataset, summarize(dataset))
    if picture:
        sheet = contact_sheet(dataset, images)
        with replacing(picture) as draft:
            sheet.save(draft, format="PNG")
        typer.echo(f"wrote {picture}")


@app.command()
def phantom(
    out: Annotated[Path, typer.Option(help="Dataset folder to make.")],
    count: Annotated[int, typer.Option(min=1, help="Number of images.")] = 600,
    size: Annotated[int, typer.Option(min=64, max=2048, help="Width and height in pixels.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    signal: Annotated[float, typer.Option(min=0, max=1, help="How informative vital signs are, from 0 to 1.")] = 1.0,
    missing: Annotated[float, typer.Option(min=0, max=1, help="Share of clinical values that are missing.")] = 0.05,
) -> None:
    """Make a dataset of synthetic images, findings and vital signs.

    Example: mdfnet data phantom --count 200 --signal 0.5 --out data/phantom
    """
    from mdfnet.core.files import check_folder_can_be_made
    from mdfnet.data.phantom import PhantomConfig, write_phantoms

    check_folder_can_be_made(out, new=True)
    dataset = write_phantoms(PhantomConfig(count=count, size=size, seed=seed, signal=signal, missing=missing), out)
    typer.echo(f"wrote {len(dataset)} synthetic images to {out}")
