"""The dataset folder on disk: its files, its description, and its contents as text.

``dataset.yaml``      name, classes, clinical schema, source, license, what is synthetic, how it was made
``annotations.json``  COCO: images, annotations with the original category ids, categories
``clinical.csv``      one row per film: image, patient_id, view, the schema's columns; empty = missing
``splits.csv``        one row per patient: patient_id, split
``images/``           the films, PNG, JPEG or DICOM
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mdfnet.clinical.records import format_value
from mdfnet.clinical.schema import Schema
from mdfnet.data.coco import bbox, segmentation
from mdfnet.data.intensity import AS_IS, Intensity
from mdfnet.data.provenance import Provenance
from mdfnet.errors import UserError, first_problem
from mdfnet.files import read_yaml
from mdfnet.tables import format_table
from mdfnet.types import Classes, Study

if TYPE_CHECKING:
    from mdfnet.data.dataset import Dataset

FORMAT_VERSION = 1
SPLITS = ("train", "val", "test")
#: How films without a split are called in summaries and exports.
UNSPLIT = "unsplit"
VIEWS = ("PA", "AP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
DESCRIPTION, ANNOTATIONS, CLINICAL, SPLIT_TABLE = "dataset.yaml", "annotations.json", "clinical.csv", "splits.csv"
IMAGES = "images"


class Category(BaseModel):
    """A class with its original id."""

    model_config = ConfigDict(extra="forbid")

    id: int
    name: str


class Description(BaseModel):
    """What ``dataset.yaml`` says.

    Args:
        format_version: Version of the folder's layout.
        name, source, license, synthetic, provenance, intensity: See `mdfnet.data.dataset.Dataset`.
        classes: Classes in label order.
        clinical_schema: A whole schema, or the name of a shipped one.
    """

    model_config = ConfigDict(extra="forbid")

    format_version: int
    name: str
    classes: list[Category] = Field(min_length=1)
    clinical_schema: Schema
    source: str = ""
    license: str = ""
    synthetic: tuple[Literal["films", "findings", "clinical"], ...] = ()
    provenance: Provenance | None = None
    intensity: Intensity = AS_IS

    @field_validator("clinical_schema", mode="before")
    @classmethod
    def _shipped(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return Schema.load(value)
        except UserError as error:
            raise ValueError(str(error)) from None

    @classmethod
    def read(cls, path: Path) -> Description:
        """Read and check ``dataset.yaml``.

        Raises:
            UserError: Not there, not YAML, of a later version, or a key is missing, unknown or of the wrong type.
        """
        try:
            content = read_yaml(path)
            version = content.get("format_version") if isinstance(content, dict) else None
            if isinstance(version, int) and version > FORMAT_VERSION:
                what = f"format version {version} is later than {FORMAT_VERSION}, the latest known here"
                raise UserError(what, where=path, fix="update mdfnet")
            return cls.model_validate(content)
        except ValidationError as error:
            raise UserError(first_problem(error), where=path) from None

    def known_classes(self) -> Classes:
        """The classes as a type."""
        return Classes(tuple(entry.name for entry in self.classes), tuple(entry.id for entry in self.classes))


def film_name(study: Study) -> str:
    """Name of a study's film inside ``images/``: its id and the suffix of its file.

    Raises:
        UserError: The id would lead out of the folder.

    Examples:
        >>> from mdfnet.types import Target
        >>> film_name(Study("p1/a", Path("scans/7.JPG"), 8, 8, Target.of([], []), clinical=None))
        'p1/a.JPG'
    """
    suffix = study.image.suffix
    return checked_name(f"{study.id}{suffix if suffix.lower() in SUFFIXES else ''}")


def film_id(name: str) -> str:
    """Id of the film with this name inside ``images/``.

    Examples:
        >>> film_id("p1/a.JPG"), film_id("1.2.840.1")
        ('p1/a', '1.2.840.1')
    """
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name


def checked_name(name: str) -> str:
    """The name of a film, if it stays inside its folder.

    Raises:
        UserError: It is absolute, has ``..``, a backslash or a line break in it, or is empty.
    """
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and str(path) == name
    if not plain or not film_id(path.name) or path.is_absolute() or ".." in path.parts:
        raise UserError(f"film name {name!r} is not a plain path inside the images folder", fix="rename the film")
    return name


def contents(dataset: Dataset) -> dict[str, str]:
    """The dataset's text files, file name -> content; the same data give the same texts wherever they lie."""
    return {
        ANNOTATIONS: annotations_text(dataset),
        CLINICAL: clinical_text(dataset),
        SPLIT_TABLE: splits_text(dataset),
        DESCRIPTION: description_text(dataset),
    }


def description_text(dataset: Dataset) -> str:
    """``dataset.yaml``."""
    classes = zip(dataset.classes.ids, dataset.classes.names, strict=True)
    content = {
        "format_version": FORMAT_VERSION,
        "name": dataset.name,
        "classes": [{"id": class_id, "name": name} for class_id, name in classes],
        "clinical_schema": dataset.schema.model_dump(mode="json", exclude_defaults=True),
        "source": dataset.source,
        "license": dataset.license,
        "synthetic": list(dataset.synthetic),
        "intensity": dataset.intensity,
    }
    if dataset.provenance:
        content["provenance"] = dataset.provenance.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def annotations_text(dataset: Dataset) -> str:
    """``annotations.json``: one entry per line, so that a difference can be read."""
    classes = zip(dataset.classes.ids, dataset.classes.names, strict=True)
    images, annotations = [], []
    for number, study in enumerate(dataset.studies, 1):
        images.append({"id": number, "file_name": film_name(study), "width": study.width, "height": study.height})
        if study.spacing:
            images[-1]["spacing_mm"] = [round(side, 9) for side in study.spacing]
        target = study.target
        for box, label, outline in zip(target.boxes, target.labels, target.polygons, strict=True):
            x, y, width, height = bbox(box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": dataset.classes.id_of(int(label)),
                    "bbox": [x, y, width, height],
                    "area": round(width * height, 6),
                    "iscrowd": 0,
                    "segmentation": segmentation(outline),
                }
            )
    parts = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": class_id, "name": name} for class_id, name in classes],
    }
    lists = (f'"{name}": [\n' + ",\n".join(map(json.dumps, entries)) + "\n]" for name, entries in parts.items())
    return "{\n" + ",\n".join(lists) + "\n}\n"


def clinical_text(dataset: Dataset) -> str:
    """``clinical.csv``. Where the view is itself a clinical feature, it stands in one column.

    Raises:
        UserError: A feature is named like one of the folder's own columns, or the two views of a study differ.
    """
    return format_table(*clinical_rows(dataset))


def clinical_rows(dataset: Dataset) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of ``clinical.csv``; see `clinical_text`."""
    features = [feature for feature in dataset.schema.features if feature.name != "view"]
    for reserved in ("image", "patient_id"):
        if reserved in dataset.schema.names:
            raise UserError(f"clinical feature {reserved!r} is named like a column of the dataset folder")
    rows = []
    for study in dataset.studies:
        values = dict(zip(dataset.schema.names, study.clinical, strict=True))
        cells = [format_value(feature, values[feature.name]) for feature in features]
        rows.append([film_name(study), study.patient, _view(dataset.schema, study, values), *cells])
    return ["image", "patient_id", "view", *(feature.name for feature in features)], rows


def _view(schema: Schema, study: Study, values: dict[str, float]) -> str:
    if "view" not in schema.names:
        return study.view or ""
    view = format_value(schema["view"], values["view"])
    if study.view not in (None, view):
        raise UserError(f"study {study.id!r} has view {study.view} but clinical view {view or 'missing'}")
    return view


def splits_text(dataset: Dataset) -> str:
    """``splits.csv``: patients that have a split.

    Raises:
        UserError: Films of one patient are in different splits.
    """
    splits: dict[str, str | None] = {}
    for study in dataset.studies:
        if splits.setdefault(study.patient, study.split) != study.split:
            what = f"the patient of film {study.id!r} is in split {splits[study.patient]} and in {study.split}"
            raise UserError(what, fix="films of one patient belong to one split")
    return format_table(["patient_id", "split"], [(patient, split) for patient, split in splits.items() if split])
