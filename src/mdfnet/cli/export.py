"""``mdfnet data export``: a dataset as files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.former_options import Verbs
from mdfnet.cli.options import Origin, Size
from mdfnet.core.files import check_folder_can_be_made

app = typer.Typer(cls=Verbs, no_args_is_help=True, help="Write a dataset as COCO, YOLO or Pascal VOC.")

Folder = Annotated[Path, typer.Argument(help="Dataset folder.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to make.")]
Link = Annotated[bool, typer.Option("--link", help="Link to the images instead of copying them.")]


@app.command("coco")
def export_coco(folder: Folder, out: Out, link: Link = False, size: Size = None) -> None:
    """Write a COCO detection file per split, with outlines; category ids are kept.

    Example: mdfnet data export coco data/mine --out coco
    """
    check_folder_can_be_made(out, new=True)
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.data.exporters import export_coco as export

    _done(export(read_dataset(folder), out, link=link, size=size), out)


@app.command("yolo")
def export_yolo(folder: Folder, out: Out, link: Link = False, size: Size = None) -> None:
    """Write a YOLO dataset; data.yaml keeps the original category ids.

    Example: mdfnet data export yolo data/mine --out yolo
    """
    check_folder_can_be_made(out, new=True)
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.data.exporters import export_yolo as export

    _done(export(read_dataset(folder), out, link=link, size=size), out)


@app.command("voc")
def export_voc(folder: Folder, out: Out, link: Link = False, size: Size = None, origin: Origin = 1) -> None:
    """Write Pascal VOC; classes.csv keeps the original category ids.

    Example: mdfnet data export voc data/mine --out voc
    """
    check_folder_can_be_made(out, new=True)
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.data.exporters import export_voc as export

    _done(export(read_dataset(folder), out, link=link, size=size, origin=origin), out)


def _done(notes: dict[str, int], out: Path) -> None:
    from mdfnet.cli.flow import print_notes

    print_notes(notes)
    typer.echo(f"wrote {out}")
