"""``mdfnet data``: import, look at and check datasets, and make synthetic ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdfnet.cli import build, checks
from mdfnet.cli.identifiers import KeepIds, KeyFile, Linkage, write_identified
from mdfnet.cli.options import Invalid
from mdfnet.errors import UserError

if TYPE_CHECKING:
    from mdfnet.data.dataset import Dataset
    from mdfnet.data.importers import Imported, Reading

app = typer.Typer(no_args_is_help=True, help="Import, look at and check datasets, and make synthetic ones.")
import_app = typer.Typer(no_args_is_help=True, help="Make a dataset folder from other files.")
app.add_typer(import_app, name="import")
app.command()(checks.check)
app.add_typer(build.app, name="build")


Images = Annotated[Path, typer.Option("--images", help="Folder below which the films lie.")]
SchemaName = Annotated[str, typer.Option("--schema", help="Clinical schema: mimic-ed, age-sex-view, or a YAML file.")]
Out = Annotated[Path, typer.Option("--out", help="Dataset folder to make.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the dataset (default: the folder's).")]
Source = Annotated[str, typer.Option("--source", help="Where the data come from, with citation.")]
License = Annotated[str, typer.Option("--license", help="Terms of the data.")]
Columns = Annotated[
    list[str], typer.Option("--column", help="NAME=COLUMN where a table calls it otherwise; repeatable.")
]
Units = Annotated[list[str], typer.Option("--unit", help="FEATURE=UCUM unit the table has it in; repeatable.")]
OnInvalid = Annotated[
    Invalid, typer.Option("--invalid", help="Stop at clinical values that cannot be right, or count them.")
]
Fractions = Annotated[list[str], typer.Option("--fraction", help="SPLIT=SHARE where films have no split; repeatable.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of that split.")]
Link = Annotated[bool, typer.Option("--link", help="Link to the films instead of copying them.")]


@import_app.command("csv")
def import_csv(
    boxes: Annotated[Path, typer.Option("--boxes", help="One row per box: image_id, label, x1, y1, x2, y2.")],
    films: Annotated[Path, typer.Option("--films", help="One row per film: image_id, file, clinical columns.")],
    images: Images,
    out: Out,
    schema: SchemaName = "mimic-ed",
    label: Annotated[
        list[str] | None, typer.Option("--class", help="Class, in order; repeatable (default: all).")
    ] = None,
    name: Name = None,
    source: Source = "",
    license: License = "",
    column: Columns = [],  # noqa: B006
    unit: Units = [],  # noqa: B006
    invalid: OnInvalid = Invalid.error,
    fraction: Fractions = [],  # noqa: B006
    seed: Seed = 0,
    link: Link = False,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    linkage: Linkage = None,
):
    """Import two CSV tables, of boxes and of films.

    The films' table may have patient_id, split and view. Films that no box mentions are kept.

    Example: mdfnet data import csv --boxes boxes.csv --films films.csv --images films/ --schema age-sex-view
    --column sex=gender --out data/mine
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data import importers

    about = importers.About(name or out.name, source, license)
    reading = _reading(column, unit, invalid, fraction, seed)
    imported = importers.import_csv(boxes, films, images, Schema.load(schema), about, classes=label, reading=reading)
    _write(imported, out, link, keep_ids=keep_ids, key_file=key_file, linkage=linkage)


@import_app.command("coco")
def import_coco(
    annotations: Annotated[Path, typer.Option("--annotations", help="COCO detection JSON.")],
    images: Images,
    out: Out,
    films: Annotated[Path | None, typer.Option("--films", help="One row per film: image_id, clinical columns.")] = None,
    schema: SchemaName = "mimic-ed",
    name: Name = None,
    source: Source = "",
    license: License = "",
    column: Columns = [],  # noqa: B006
    unit: Units = [],  # noqa: B006
    invalid: OnInvalid = Invalid.error,
    fraction: Fractions = [],  # noqa: B006
    seed: Seed = 0,
    link: Link = False,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    linkage: Linkage = None,
):
    """Import a COCO file and a table of films; the category ids are kept.

    Example: mdfnet data import coco --annotations coco.json --images films/ --films triage.csv --schema mimic-ed
    --unit "temperature=[degF]" --invalid missing --out data/mine
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data import importers

    about = importers.About(name or out.name, source, license)
    reading = _reading(column, unit, invalid, fraction, seed)
    imported = importers.import_coco(annotations, images, Schema.load(schema), about, films=films, reading=reading)
    _write(imported, out, link, keep_ids=keep_ids, key_file=key_file, linkage=linkage)


@app.command()
def info(
    folder: Annotated[Path, typer.Argument(help="Dataset folder.")],
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write a contact sheet of films with boxes.")
    ] = None,
    films: Annotated[int, typer.Option("--films", min=1, help="Films on the contact sheet.")] = 12,
):
    """Show what is in a dataset: classes and clinical values by split, and pictures.

    Example: mdfnet data info data/nih --picture nih.png
    """
    from mdfnet.cli.tables import print_dataset
    from mdfnet.data.dataset import read_dataset
    from mdfnet.data.pictures import contact_sheet
    from mdfnet.data.summary import summarize
    from mdfnet.files import replacing

    dataset = read_dataset(folder)
    print_dataset(dataset, summarize(dataset))
    if picture:
        sheet = contact_sheet(dataset, films)
        with replacing(picture) as draft:
            sheet.save(draft, format="PNG")
        typer.echo(f"wrote {picture}")


@app.command()
def phantom(
    out: Annotated[Path, typer.Option("--out", help="Dataset folder to make.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Number of films.")] = 600,
    size: Annotated[int, typer.Option("--size", min=64, max=2048, help="Width and height in pixels.")] = 256,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")] = 0,
    signal: Annotated[float, typer.Option("--signal", min=0, max=1, help="How much vital signs tell.")] = 1.0,
    missing: Annotated[float, typer.Option("--missing", min=0, max=1, help="Share of values missing.")] = 0.05,
):
    """Make a dataset of synthetic films, findings and vital signs.

    Example: mdfnet data phantom --count 200 --signal 0.5 --out data/phantom
    """
    from mdfnet.data.phantom import PhantomConfig, write_phantoms

    dataset = write_phantoms(PhantomConfig(count=count, size=size, seed=seed, signal=signal, missing=missing), out)
    typer.echo(f"wrote {len(dataset)} synthetic films to {out}")


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping.

    Raises:
        UserError: One is not of that form, or a name stands twice.

    Examples:
        >>> pairs(["temperature=[degF]"], "--unit")
        {'temperature': '[degF]'}
    """
    found: dict[str, str] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not (name and mark and value) or name in found:
            raise UserError(f"{option} {text!r} is not NAME=VALUE, or stands twice", fix=f"such as {option} name=value")
        found[name] = value
    return found


def _reading(column: list[str], unit: list[str], invalid: Invalid, fraction: list[str], seed: int) -> Reading:
    from mdfnet.data.importers import Reading
    from mdfnet.data.split import FRACTIONS

    try:
        fractions = {name: float(share) for name, share in pairs(fraction, "--fraction").items()}
    except ValueError:
        raise UserError(
            f"--fraction {' '.join(fraction)} is not SPLIT=SHARE", fix="such as --fraction val=0.2"
        ) from None
    columns, units = pairs(column, "--column"), pairs(unit, "--unit")
    return Reading(columns, units, invalid.value, fractions or FRACTIONS, seed)


def _write(imported: Imported, out: Path, link: bool, **identifiers: Any) -> None:
    from mdfnet.data.dataset import write_dataset

    def write(dataset: Dataset) -> Dataset:
        return write_dataset(dataset, out, "link" if link else "copy")

    dataset = write_identified(imported.dataset, out, write, link=link, **identifiers)
    for note, count in imported.notes.items():
        typer.echo(f"note: {note} ({count})")
    boxes = sum(len(study.target) for study in dataset.studies)
    typer.echo(f"wrote {len(dataset)} films with {boxes} boxes of {len(dataset.classes)} classes to {out}")
    typer.echo(f"next: mdfnet data check {out}")
