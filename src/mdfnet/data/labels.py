"""Image-level labels as CheXpert writes them: a column per finding with 1, 0, -1 (uncertain) or nothing.

A dataset is made of boxes; a label has no place, so nothing is trained on it. It answers what the boxes leave open: is
an image without a box negative, or was the finding not annotated? So labels lie beside the dataset, in ``labels.csv``,
and are compared with its boxes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mdfnet.core.csv_tables import Table, format_table, read_table
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import replacing
from mdfnet.data.dataset import Dataset
from mdfnet.data.names import image_id

LABEL_TABLE = "labels.csv"

#: Cell of the file -> what it says. CheXpert writes its labels as 1.0, 0.0 and -1.0.
_VALUES = {
    **{"1": "positive", "0": "negative", "-1": "uncertain", "": ""},
    **{"1.0": "positive", "0.0": "negative", "-1.0": "uncertain"},
}

#: Names that the column with the image has in tables of this kind.
_ID_COLUMNS = ("Path", "image_id", "image", "dicom_id")


@dataclass(frozen=True)
class Agreement:
    """How labels and boxes of one finding agree, in numbers of images."""

    boxed: int = 0  #: Positive, with a box
    unboxed: int = 0  #: Positive, without a box: the finding is there, and nobody annotated it or it has no place
    contradicted: int = 0  #: Negative, with a box
    uncertain: int = 0  #: Uncertain, with a box or without
    unlabeled: int = 0  #: No label, with a box


@dataclass(frozen=True)
class Labels:
    """What a table says of the images of a dataset."""

    findings: tuple[str, ...]  #: Columns of the table that hold labels
    images: Mapping[str, Mapping[str, str]]  #: Image -> finding -> "positive", "negative", "uncertain" or ""
    unused: int  #: Rows about other images

    def agreement(self, dataset: Dataset, column_of: Mapping[str, str]) -> dict[str, Agreement]:
        """For each class of a dataset that has a column, labels against boxes.

        Args:
            dataset: Whose boxes.
            column_of: Class -> column, where they are called differently.
        """
        for name, column in column_of.items():
            dataset.classes.label(name)
            if column not in self.findings:
                raise UserError(f"no column of labels {column!r}", fix=nearest(column, self.findings))
        found = {}
        for label, name in enumerate(dataset.classes.names, 1):
            column = column_of.get(name, name)
            if column in self.findings:
                boxed = {sample.id: label in sample.target.labels for sample in dataset.samples}
                pairs = Counter((row[column], boxed[image]) for image, row in self.images.items())
                found[name] = Agreement(
                    pairs["positive", True],
                    pairs["positive", False],
                    pairs["negative", True],
                    pairs["uncertain", True] + pairs["uncertain", False],
                    pairs["", True],
                )
        return found


def read_labels(path: str | Path, dataset: Dataset, id_column: str | None = None) -> Labels:
    """Read a table of labels. Columns that hold anything but 1, 0, -1 and nothing are passed over.

    Args:
        path: CSV with a row per image.
        dataset: Whose images are wanted; an image is found by the end of its path, with or without suffix.
        id_column: The column with the image. Default: Path, image_id, image or dicom_id.
    """
    table = read_table(path)
    column = id_column or next((name for name in _ID_COLUMNS if name in table.columns), _ID_COLUMNS[0])
    table.require(column)
    findings = _findings(table, column)
    known, unused = {sample.id for sample in dataset.samples}, 0
    images: dict[str, dict[str, str]] = {}
    for row in table:
        image = _image(row[column], known)
        if image is None:
            unused += 1
        elif image in images:
            raise UserError(f"image {image!r} is duplicated", where=row.where, fix="keep one of the two rows")
        else:
            images[image] = {name: _VALUES[row[name]] for name in findings}
    if not images:
        fix = "name the column with the image with --id" if id_column is None else "is it a table of this dataset?"
        raise UserError(f"no row is about an image of {dataset.name!r}", where=path, fix=fix)
    return Labels(findings, images, unused)


def write_labels(labels: Labels, folder: str | Path) -> Path:
    """Write ``labels.csv`` into a dataset's folder: image_id, and a column per finding."""
    path = Path(folder) / LABEL_TABLE
    rows = [[image, *(row[name] for name in labels.findings)] for image, row in labels.images.items()]
    with replacing(path) as draft:
        draft.write_text(format_table(["image_id", *labels.findings], rows), encoding="utf-8", newline="\n")
    return path


def _findings(table: Table, id_column: str) -> tuple[str, ...]:
    """Columns whose cells are labels, at least one of them not empty."""
    cells = {name: {row[name] for row in table} for name in table.columns if name != id_column}
    found = tuple(name for name, values in cells.items() if values <= set(_VALUES) and values != {""})
    if not found:
        raise UserError("no column of labels", where=table.path, fix="labels are 1, 0, -1 (uncertain) or nothing")
    return found


def _image(path: str, known: set[str]) -> str | None:
    """The image that a path ends with, the longest name first."""
    parts = PurePosixPath(path).parts
    names = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((name for full in names for name in (full, image_id(full)) if name in known), None)
