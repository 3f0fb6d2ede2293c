"""A dataset, and the text files of its folder; `mdfnet.data.dataset_folder` reads and writes the whole.

``dataset.yaml``      name, classes, clinical schema, source, license, which parts are synthetic, provenance
``annotations.json``  COCO: images, annotations with the original category ids, categories
``clinical.csv``      one row per image: image, patient_id, view, the schema's columns; empty = missing
``splits.csv``        one row per patient: patient_id, split
``images/``           the images, PNG, JPEG or DICOM
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from mdfnet.clinical.records import format_value
from mdfnet.clinical.schema import Schema
from mdfnet.core.conventions import SPLITS
from mdfnet.core.csv_tables import format_table
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Sample
from mdfnet.data.coco import bbox, segmentation
from mdfnet.data.description import FORMAT_VERSION
from mdfnet.data.images.intensity import AS_IS, Intensity
from mdfnet.data.names import ANNOTATIONS, CLINICAL, DESCRIPTION, SPLIT_TABLE, image_name
from mdfnet.data.provenance import Provenance


@dataclass(frozen=True)
class Dataset:
    """Images with their annotations and clinical records, and where they come from.

    Args:
        name: A short name for tables and reports.
        classes: The findings annotated.
        schema: What the clinical values mean.
        samples: One per image.
        folder: Where it was read from or written to.
        source: Where the data come from, with the citation they ask for.
        license: The terms of use.
        synthetic: Which of "images", "findings", "clinical" are synthetic; empty for real data.
        provenance: How it was made, where that is known.
        intensity: The recipe its images' gray values went through, see `mdfnet.data.images.intensity`.
    """

    name: str
    classes: Classes
    schema: Schema
    samples: tuple[Sample, ...]
    folder: Path
    source: str = ""
    license: str = ""
    synthetic: tuple[str, ...] = ()
    provenance: Provenance | None = None
    intensity: Intensity = AS_IS

    def __len__(self) -> int:
        return len(self.samples)

    def split(self, name: str) -> tuple[Sample, ...]:
        """Samples of one split.

        Raises:
            UserError: No such split, or it has no images.
        """
        if name not in SPLITS:
            raise UserError(f"unknown split {name!r}", fix=f"known are: {', '.join(SPLITS)}")
        samples = tuple(sample for sample in self.samples if sample.split == name)
        if not samples:
            raise UserError(f"no image is in split {name!r}", where=self.folder / SPLIT_TABLE)
        return samples

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over annotations, clinical records and splits, in hexadecimal; the same wherever the folder lies."""
        texts = contents(self)
        text = "\0".join(texts[name] for name in (ANNOTATIONS, CLINICAL, SPLIT_TABLE))
        return hashlib.sha256(text.encode()).hexdigest()


def contents(dataset: Dataset) -> dict[str, str]:
    """The dataset's text files, file name -> content; the same data give the same texts wherever they lie."""
    return {
        ANNOTATIONS: annotations_text(dataset),
        CLINICAL: format_table(*clinical_rows(dataset)),
        SPLIT_TABLE: _splits_text(dataset),
        DESCRIPTION: _description_text(dataset),
    }


def annotations_text(dataset: Dataset) -> str:
    """``annotations.json``: one entry per line, so that a difference can be read."""
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, sample in enumerate(dataset.samples, 1):
        images.append({"id": number, "file_name": image_name(sample), "width": sample.width, "height": sample.height})
        if sample.spacing:
            images[-1]["spacing_mm"] = [round(side, 9) for side in sample.spacing]
        target = sample.target
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
    parts = {"images": images, "annotations": annotations, "categories": _categories(dataset.classes)}
    lists = (f'"{name}": [\n' + ",\n".join(map(json.dumps, entries)) + "\n]" for name, entries in parts.items())
    return "{\n" + ",\n".join(lists) + "\n}\n"


def clinical_rows(dataset: Dataset) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of ``clinical.csv``. Where the view is itself a clinical feature, it stands in one column."""
    features = [feature for feature in dataset.schema.features if feature.name != "view"]
    for reserved in ("image", "patient_id"):
        if reserved in dataset.schema.names:
            raise UserError(f"clinical feature {reserved!r} is named like a column of the dataset folder")
    rows = []
    for sample in dataset.samples:
        values = dict(zip(dataset.schema.names, sample.clinical, strict=True))
        cells = [format_value(feature, values[feature.name]) for feature in features]
        rows.append([image_name(sample), sample.patient, _view(dataset.schema, sample, values), *cells])
    return ["image", "patient_id", "view", *(feature.name for feature in features)], rows


def _view(schema: Schema, sample: Sample, values: Mapping[str, float]) -> str:
    if "view" not in schema.names:
        return sample.view or ""
    view = format_value(schema["view"], values["view"])
    if sample.view not in (None, view):
        raise UserError(f"sample {sample.id!r} has view {sample.view} but clinical view {view or 'missing'}")
    return view


def _splits_text(dataset: Dataset) -> str:
    splits: dict[str, str | None] = {}
    for sample in dataset.samples:
        if splits.setdefault(sample.patient, sample.split) != sample.split:
            what = f"the patient of image {sample.id!r} is in split {splits[sample.patient]} and in {sample.split}"
            raise UserError(what, fix="images of one patient belong to one split")
    return format_table(["patient_id", "split"], [(patient, split) for patient, split in splits.items() if split])


def _description_text(dataset: Dataset) -> str:
    content = {
        "format_version": FORMAT_VERSION,
        "name": dataset.name,
        "classes": _categories(dataset.classes),
        "clinical_schema": dataset.schema.model_dump(mode="json", exclude_none=True),
        "source": dataset.source,
        "license": dataset.license,
        "synthetic": list(dataset.synthetic),
        "intensity": dataset.intensity,
    }
    if dataset.provenance:
        content["provenance"] = dataset.provenance.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _categories(classes: Classes) -> list[dict[str, object]]:
    return [{"id": class_id, "name": name} for class_id, name in zip(classes.ids, classes.names, strict=True)]
