"""``mdfnet data import``: make a dataset folder from other people's files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdfnet.cli.former_options import Verbs
from mdfnet.cli.option_sets import options_of, with_options
from mdfnet.cli.options import Intensity, Invalid, KeepIds, KeyFile, Origin, SchemaName, Size, pairs, shares
from mdfnet.core.errors import UserError
from mdfnet.core.files import check_folder_can_be_made

if TYPE_CHECKING:
    from mdfnet.clinical.schema import Schema
    from mdfnet.data.dataset import Dataset
    from mdfnet.data.importers import DatasetInfo, ImportOptions, ImportResult

app = typer.Typer(
    cls=Verbs, no_args_is_help=True, help="Make a dataset folder from CSV, COCO, YOLO, Pascal VOC or DICOM."
)

Images = Annotated[Path, typer.Option("--images", help="Folder of the images, folders below it included.")]
Metadata = Annotated[
    Path | None, typer.Option("--metadata", help="CSV, one row per image: image_id, clinical columns.")
]
Labels = Annotated[
    list[str] | None, typer.Option("--class", help="Class to keep, in this order; repeatable (default: all).")
]
Link = Annotated[bool, typer.Option("--link", help="Link to the images instead of copying them.")]


@dataclass(frozen=True)
class Shared:
    """What every import can be told."""

    out: Annotated[Path, typer.Option(help="Dataset folder to make.")]
    schema: SchemaName = "mimic-ed"
    name: Annotated[str | None, typer.Option(help="Name of the dataset (default: the folder's).")] = None
    source: Annotated[str, typer.Option(help="Where the data come from, with citation.")] = ""
    license: Annotated[str, typer.Option(help="Terms of the data.")] = ""
    column: Annotated[list[str], typer.Option(help="NAME=COLUMN where a table uses another name; repeatable.")] = field(
        default_factory=list
    )
    unit: Annotated[
        list[str], typer.Option(help="FEATURE=UNIT (UCUM) where the table's differs from the schema's; repeatable.")
    ] = field(default_factory=list)
    invalid: Annotated[Invalid, typer.Option(help="At implausible clinical values: stop, or missing with a count.")] = (
        Invalid.error
    )
    fraction: Annotated[list[str], typer.Option(help="SPLIT=SHARE for images without a split; repeatable.")] = field(
        default_factory=list
    )
    seed: Annotated[int, typer.Option(help="Seed of that split.")] = 0
    size: Size = None
    keep_ids: KeepIds = False
    key_file: KeyFile = None
    linkage: Annotated[
        Path | None, typer.Option(help="Write a table from hashes back to ids, outside the dataset.")
    ] = None
    intensity: Annotated[
        Intensity, typer.Option(help="Recipe by which the images were, or are to be, made from DICOM.")
    ] = Intensity.as_is

    def __post_init__(self) -> None:
        check_folder_can_be_made(self.out, new=True)

    def described(self) -> tuple[Schema, DatasetInfo]:
        """The clinical schema, and what the dataset says of itself."""
        from mdfnet.clinical.schema import Schema
        from mdfnet.data.importers import DatasetInfo

        info = DatasetInfo(self.name or self.out.name, self.source, self.license, intensity=self.intensity.value)
        return Schema.load(self.schema), info

    def options(self) -> ImportOptions:
        """How the tables are to be read."""
        from mdfnet.data.importers import ImportOptions
        from mdfnet.data.split import FRACTIONS

        columns, units = pairs(self.column, "--column"), pairs(self.unit, "--unit")
        return ImportOptions(columns, units, self.invalid.value, shares(self.fraction) or FRACTIONS, self.seed)

    def write(self, imported: ImportResult, *, link: bool = False, as_png: bool = False) -> None:
        """Write the dataset's folder, with pseudonyms unless ids are to be kept, and print what it holds."""
        from mdfnet.cli.flow import print_notes, print_written
        from mdfnet.data.dataset_folder import write_dataset
        from mdfnet.data.pseudonymize import write_linkage

        if link and self.size:
            raise UserError("--link and --size exclude each other", fix="images made smaller are written anew")
        named = self._named(imported.dataset, link)
        written = write_dataset(
            named, self.out, "link" if link else "png" if as_png or self.size else "copy", self.size
        )
        if self.linkage:
            write_linkage(self.linkage, imported.dataset, named)
        if not self.keep_ids:
            typer.echo("note: patient ids and image names are keyed hashes now; --keep-ids keeps them")
        print_notes(imported.notes)
        print_written(written, self.out)

    def _named(self, dataset: Dataset, link: bool) -> Dataset:
        """The dataset under the names that it is to have: pseudonyms, or those it has."""
        if self.keep_ids:
            if self.key_file or self.linkage:
                raise UserError("--keep-ids leaves nothing to hash", fix="leave out --key-file and --linkage")
            return dataset
        if link:
            fix = "copy the images, or keep the names by --keep-ids"
            raise UserError("--link shows the names of the images", fix=fix)
        from mdfnet.core.pseudonyms import Pseudonyms, check_outside
        from mdfnet.data.pseudonymize import pseudonymized

        if self.linkage:
            check_outside(self.linkage, self.out, "the linkage table")
        return pseudonymized(dataset, Pseudonyms.load(self.key_file, outside=self.out))


@dataclass(frozen=True)
class SharedDicom(Shared):
    """The same, with DICOM's own default."""

    intensity: Annotated[Intensity, typer.Option(help="How stored values become gray.")] = Intensity.window


@app.command("csv")
@with_options(options_of(Shared))
def import_csv(
    boxes: Annotated[Path, typer.Option(help="CSV, one row per box: image_id, label, x1, y1, x2, y2.")],
    metadata: Annotated[Path, typer.Option(help="CSV, one row per image: image_id, file, clinical columns.")],
    images: Images,
    label: Labels = None,
    link: Link = False,
    **given: Any,
) -> None:
    """Import two CSV tables, one of boxes and one of images.

    The table of images may have patient_id, split and view. Images without a box are kept.

    Example: mdfnet data import csv --boxes boxes.csv --metadata images.csv --images images/ --schema age-sex-view
    --column sex=gender --out data/mine
    """
    shared = Shared(**given)
    from mdfnet.data import importers

    schema, info = shared.described()
    imported = importers.import_csv(boxes, metadata, images, schema, info, classes=label, options=shared.options())
    shared.write(imported, link=link)


@app.command("coco")
@with_options(options_of(Shared))
def import_coco(
    annotations: Annotated[Path, typer.Option(help="COCO detection JSON.")],
    images: Images,
    metadata: Metadata = None,
    link: Link = False,
    **given: Any,
) -> None:
    """Import a COCO file and a table of images; the category ids are kept.

    Example: mdfnet data import coco --annotations coco.json --images images/ --metadata triage.csv --schema mimic-ed
    --unit "temperature=[degF]" --invalid missing --out data/mine
    """
    shared = Shared(**given)
    from mdfnet.data import importers

    schema, info = shared.described()
    imported = importers.import_coco(annotations, images, schema, info, metadata=metadata, options=shared.options())
    shared.write(imported, link=link)


@app.command("yolo")
@with_options(options_of(Shared))
def import_yolo(
    data: Annotated[Path, typer.Option(help="The YAML file of a YOLO dataset.")],
    metadata: Metadata = None,
    link: Link = False,
    **given: Any,
) -> None:
    """Import a YOLO dataset and a table of images; splits and class numbers are kept.

    Example: mdfnet data import yolo --data yolo/data.yaml --metadata triage.csv --schema mimic-ed --out data/mine
    """
    shared = Shared(**given)
    from mdfnet.data import importers

    schema, info = shared.described()
    shared.write(importers.import_yolo(data, schema, info, metadata=metadata, options=shared.options()), link=link)


@app.command("voc")
@with_options(options_of(Shared))
def import_voc(
    annotations: Annotated[Path, typer.Option(help="Folder of XML files.")],
    images: Images,
    sets: Annotated[Path | None, typer.Option(help="Folder with train.txt, val.txt, test.txt.")] = None,
    origin: Origin = 1,
    metadata: Metadata = None,
    label: Labels = None,
    link: Link = False,
    **given: Any,
) -> None:
    """Import Pascal VOC annotations and a table of images.

    Example: mdfnet data import voc --annotations voc/Annotations --images voc/JPEGImages --sets voc/ImageSets/Main
    --metadata triage.csv --schema mimic-ed --out data/mine
    """
    shared = Shared(**given)
    from mdfnet.data import importers

    schema, info = shared.described()
    imported = importers.import_voc(
        annotations, images, schema, info, sets=sets, metadata=metadata, classes=label, origin=origin,
        options=shared.options(),
    )  # fmt: skip
    shared.write(imported, link=link)


@app.command("dicom")
@with_options(options_of(SharedDicom))
def import_dicom(
    images: Annotated[Path, typer.Option(help="Folder of DICOM images, folders below it included.")],
    boxes: Annotated[Path | None, typer.Option(help="CSV, one row per box: image_id, label, x1, y1, x2, y2.")] = None,
    metadata: Metadata = None,
    label: Labels = None,
    left_out: Annotated[Path | None, typer.Option(help="Write which files were left out, and why, as CSV.")] = None,
    **given: Any,
) -> None:
    """Import a folder of DICOM images; they are written as PNG, nothing else of the files is kept.

    Lateral, mirrored, raw, multi-frame and damaged files are left out and counted. Age, sex, view and pixel spacing
    come from the headers where the table of images has none.

    Example: mdfnet data import dicom --images pacs/ --boxes boxes.csv --schema age-sex-view --size 1024 --out data/mine
    """
    shared = SharedDicom(**given)
    from mdfnet.core.csv_tables import format_table
    from mdfnet.core.files import write_text
    from mdfnet.data import importers

    schema, info = shared.described()
    imported = importers.import_dicom(
        images, boxes, schema, info, metadata=metadata, classes=label, options=shared.options()
    )
    shared.write(imported, as_png=True)
    if left_out:
        write_text(left_out, format_table(["file", "reason"], imported.left_out.items()))
        typer.echo(f"wrote {left_out}")
