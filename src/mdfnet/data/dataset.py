"""A dataset, and its folder on disk: images with their findings and clinical records.

``dataset.yaml``      name, classes, clinical schema, source, license, what is synthetic, how it was made
``annotations.json``  COCO: images, annotations with the original category ids, categories
``clinical.csv``      one row per film: image, patient_id, view, the schema's columns; empty = missing
``splits.csv``        one row per patient: patient_id, split
``images/``           the films, PNG, JPEG or DICOM
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from mdfnet.clinical.records import format_value
from mdfnet.clinical.schema import Schema
from mdfnet.core.conventions import SPLITS
from mdfnet.core.csv_tables import format_table
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Study
from mdfnet.data.coco import bbox, segmentation
from mdfnet.data.description import FORMAT_VERSION
from mdfnet.data.images.intensity import AS_IS, Intensity
from mdfnet.data.names import ANNOTATIONS, CLINICAL, DESCRIPTION, SPLIT_TABLE, film_name
from mdfnet.data.provenance import Provenance


@dataclass(frozen=True)
class Dataset:
    """Films with their findings and clinical records, and where they come from.

    Args:
        name: A short name for tables and reports.
        classes: The findings marked.
        schema: What the clinical values mean.
        studies: One per film.
        folder: Where it was read from or written to.
        source: Where the data come from, with the citation they ask for.
        license: Under which terms.
        synthetic: Which of "films", "findings", "clinical" are synthetic; empty for real data.
        provenance: How it was made, where that is known.
        intensity: The recipe its films' grey values went through, see `mdfnet.data.images.intensity`.
    """

    name: str
    classes: Classes
    schema: Schema
    studies: tuple[Study, ...]
    folder: Path
    source: str = ""
    license: str = ""
    synthetic: tuple[str, ...] = ()
    provenance: Provenance | None = None
    intensity: Intensity = AS_IS

    def __len__(self) -> int:
        return len(self.studies)

    def split(self, name: str) -> tuple[Study, ...]:
        """Studies of one split.

        Raises:
            UserError: No such split, or it has no films.
        """
        if name not in SPLITS:
            raise UserError(f"unknown split {name!r}", fix=f"known are: {', '.join(SPLITS)}")
        studies = tuple(study for study in self.studies if study.split == name)
        if not studies:
            raise UserError(f"no film is in split {name!r}", where=self.folder / SPLIT_TABLE)
        return studies

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over annotations, clinical records and splits, in hexadecimal; the same wherever the folder lies."""
        texts = contents(self)
        return hashlib.sha256(
            "\0".join(texts[name] for name in (ANNOTATIONS, CLINICAL, SPLIT_TABLE)).encode()
        ).hexdigest()


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
