"""``mdfnet data import``: make a dataset folder from other people's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdfnet.cli.identifiers import KeepIds, KeyFile, Linkage, write_identified
from mdfnet.cli.options import Intensity, Invalid, Origin, SchemaName, Size
from mdfnet.core.errors import UserError

if TYPE_CHECKING:
    from mdfnet.data.dataset import Dataset
    from mdfnet.data.importers import ImportOptions, ImportResult
    from mdfnet.data.placing import Place

app = typer.Typer(no_args_is_help=True, help="Make a dataset folder from other files.")

Images = Annotated[Path, typer.Option("--images", help="Folder below which the images lie.")]
Metadata = Annotated[Path | None, typer.Option("--metadata", help="One row per image: image_id, clinical columns.")]
Out = Annotated[Path, typer.Option("--out", help="Dataset folder to make.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the dataset (default: the folder's).")]
Source = Annotated[str, typer.Option("--source", help="Where the data come from, with citation.")]
License = Annotated[str, typer.Option("--license", help="Terms of the data.")]
Columns = Annotated[
    list[str], typer.Option("--column", help="NAME=COLUMN where a table calls it otherwise; repeatable.")
]
Units = Annotated[list[str], typer.Option("--unit", help="FEATURE=UCUM unit the table has it in; repeatable.")]
Labels = Annotated[list[str] | None, typer.Option("--class", help="Class, in order; repeatable (default: all).")]
OnInvalid = Annotated[
    Invalid, typer.Option("--invalid", help="Stop at clinical values that cannot be right, or count them.")
]
Fractions = Annotated[list[str], typer.Option("--fraction", help="SPLIT=SHARE where images have no split; repeatable.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of that split.")]
Link = Annotated[bool, typer.Option("--link", help="Link to the images instead of copying them.")]
IntensityName = Annotated[
    Intensity, typer.Option("--intensity", help="How the images were made, or are to be made, from DICOM.")
]


@app.command("csv")
def import_csv(
    boxes: Annotated[Path, typer.Option("--boxes", help="One row per box: image_id, label, x1, y1, x2, y2.")],
    metadata: Annotated[Path, typer.Option("--metadata", help="One row per image: image_id, file, clinical columns.")],
    images: Images,
    out: Out,
    schema: SchemaName = "mimic-ed",
    label: Labels = None,
    name: Name = None,
    source: Source = "",
    license: License = "",
    column: Columns = [],  # noqa: B006
    unit: Units = [],  # noqa: B006
    invalid: OnInvalid = Invalid.error,
    fraction: Fractions = [],  # noqa: B006
    seed: Seed = 0,
    link: Link = False,
    size: Size = None,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    linkage: Linkage = None,
    intensity: IntensityName = Intensity.as_is,
):
    """Import two CSV tables, of boxes and of images.

    The images' table may have patient_id, split and view. Images that no box mentions are kept.

    Example: mdfnet data import csv --boxes boxes.csv --metadata images.csv --images images/ --schema age-sex-view
    --column sex=gender --out data/mine
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data import importers

    about = importers.DatasetInfo(name or out.name, source, license, intensity=intensity.value)
    options = _options(column, unit, invalid, fraction, seed)
    imported = importers.import_csv(boxes, metadata, images, Schema.load(schema), about, classes=label, options=options)
    _write(imported, out, _place(link, size), size, keep_ids=keep_ids, key_file=key_file, linkage=linkage)


@app.command("coco")
def import_coco(
    annotations: Annotated[Path, typer.Option("--annotations", help="COCO detection JSON.")],
    images: Images,
    out: Out,
    metadata: Metadata = None,
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
    size: Size = None,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    linkage: Linkage = None,
    intensity: IntensityName = Intensity.as_is,
):
    """Import a COCO file and a table of images; the category ids are kept.

    Example: mdfnet data import coco --annotations coco.json --images images/ --metadata triage.csv --schema mimic-ed
    --unit "temperature=[degF]" --invalid missing --out data/mine
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data import importers

    about = importers.DatasetInfo(name or out.name, source, license, intensity=intensity.value)
    options = _options(column, unit, invalid, fraction, seed)
    imported = importers.import_coco(
        annotations, images, Schema.load(schema), about, metadata=metadata, options=options
    )
    _write(imported, out, _place(link, size), size, keep_ids=keep_ids, key_file=key_file, linkage=linkage)


@app.command("yolo")
def import_yolo(
    data: Annotated[Path, typer.Option("--data", help="The YAML file of a YOLO dataset.")],
    out: Out,
    metadata: Metadata = None,
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
    size: Size = None,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    linkage: Linkage = None,
    intensity: IntensityName = Intensity.as_is,
):
    """Import a YOLO dataset and a table of images; splits and class numbers are kept.

    Example: mdfnet data import yolo --data yolo/data.yaml --metadata triage.csv --schema mimic-ed --out data/mine
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data import importers

    about = importers.DatasetInfo(name or out.name, source, license, intensity=intensity.value)
    options = _options(column, unit, invalid, fraction, seed)
    imported = importers.import_yolo(data, Schema.load(schema), about, metadata=metadata, options=options)
    _write(imported, out, _place(link, size), size, keep_ids=keep_ids, key_file=key_file, linkage=linkage)


@app.command("voc")
def import_voc(
    annotations: Annotated[Path, typer.Option("--annotations", help="Folder of XML files.")],
    images: Images,
    out: Out,
    sets: Annotated[Path | None, typer.Option("--sets", help="Folder with train.txt, val.txt, test.txt.")] = None,
    origin: Origin = 1,
    metadata: Metadata = None,
    schema: SchemaName = "mimic-ed",
    label: Labels = None,
    name: Name = None,
    source: Source = "",
    license: License = "",
    column: Columns = [],  # noqa: B006
    unit: Units = [],  # noqa: B006
    invalid: OnInvalid = Invalid.error,
    fraction: Fractions = [],  # noqa: B006
    seed: Seed = 0,
    link: Link = False,
    size: Size = None,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    linkage: Linkage = None,
    intensity: IntensityName = Intensity.as_is,
):
    """Import Pascal VOC annotations and a table of images.

    Example: mdfnet data import voc --annotations voc/Annotations --images voc/JPEGImages --sets voc/ImageSets/Main
    --metadata triage.csv --schema mimic-ed --out data/mine
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data import importers

    about = importers.DatasetInfo(name or out.name, source, license, intensity=intensity.value)
    imported = importers.import_voc(
        annotations,
        images,
        Schema.load(schema),
        about,
        sets=sets,
        metadata=metadata,
        classes=label,
        origin=origin,
        options=_options(column, unit, invalid, fraction, seed),
    )
    _write(imported, out, _place(link, size), size, keep_ids=keep_ids, key_file=key_file, linkage=linkage)


@app.command("dicom")
def import_dicom(
    images: Annotated[Path, typer.Option("--images", help="Folder of DICOM images, folders below it included.")],
    out: Out,
    boxes: Annotated[Path | None, typer.Option("--boxes", help="One row per box: image_id, label, corners.")] = None,
    metadata: Metadata = None,
    schema: SchemaName = "mimic-ed",
    label: Labels = None,
    name: Name = None,
    source: Source = "",
    license: License = "",
    column: Columns = [],  # noqa: B006
    unit: Units = [],  # noqa: B006
    invalid: OnInvalid = Invalid.error,
    fraction: Fractions = [],  # noqa: B006
    seed: Seed = 0,
    size: Size = None,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    linkage: Linkage = None,
    intensity: IntensityName = Intensity.window,
    left_out: Annotated[
        Path | None, typer.Option("--left-out", help="Write which files were left out, and why, as CSV.")
    ] = None,
):
    """Import a folder of DICOM images; they are written as PNG, nothing else of the files is kept.

    Lateral, mirrored, raw, multi-frame and damaged files are left out and counted. Age, sex, view and pixel spacing
    come from the headers where the images' table has none.

    Example: mdfnet data import dicom --images pacs/ --boxes boxes.csv --schema age-sex-view --size 1024 --out data/mine
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.core.csv_tables import format_table
    from mdfnet.core.files import replacing
    from mdfnet.data import importers

    about = importers.DatasetInfo(name or out.name, source, license, intensity=intensity.value)
    imported = importers.import_dicom(
        images,
        boxes,
        Schema.load(schema),
        about,
        metadata=metadata,
        classes=label,
        options=_options(column, unit, invalid, fraction, seed),
    )
    _write(imported, out, "png", size, keep_ids=keep_ids, key_file=key_file, linkage=linkage)
    if left_out:
        with replacing(left_out) as draft:
            draft.write_text(format_table(["file", "reason"], imported.left_out.items()), encoding="utf-8")
        typer.echo(f"wrote {left_out}")


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


def _options(column: list[str], unit: list[str], invalid: Invalid, fraction: list[str], seed: int) -> ImportOptions:
    from mdfnet.data.importers import ImportOptions
    from mdfnet.data.split import FRACTIONS

    try:
        fractions = {name: float(share) for name, share in pairs(fraction, "--fraction").items()}
    except ValueError:
        raise UserError(
            f"--fraction {' '.join(fraction)} is not SPLIT=SHARE", fix="such as --fraction val=0.2"
        ) from None
    columns, units = pairs(column, "--column"), pairs(unit, "--unit")
    return ImportOptions(columns, units, invalid.value, fractions or FRACTIONS, seed)


def _place(link: bool, size: int | None) -> Place:
    if link and size:
        raise UserError("--link and --size exclude each other", fix="images made smaller are written anew")
    return "link" if link else "copy" if size is None else "png"


def _write(imported: ImportResult, out: Path, place: Place, size: int | None, **identifiers: Any) -> None:
    from mdfnet.data.dataset_folder import write_dataset

    def write(dataset: Dataset) -> Dataset:
        return write_dataset(dataset, out, place, size)

    dataset = write_identified(imported.dataset, out, write, link=place == "link", **identifiers)
    for note, count in imported.notes.items():
        typer.echo(f"note: {note} ({count})")
    boxes = sum(len(sample.target) for sample in dataset.samples)
    typer.echo(f"wrote {len(dataset)} images with {boxes} boxes of {len(dataset.classes)} classes to {out}")
    typer.echo(f"next: mdfnet data check {out}")
