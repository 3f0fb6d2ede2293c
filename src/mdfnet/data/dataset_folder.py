"""A dataset folder read and written; what lies in it, see `mdfnet.data.dataset`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mdfnet.clinical.tables import ClinicalTable, read_clinical_table
from mdfnet.core.conventions import SPLITS, VIEWS
from mdfnet.core.csv_tables import read_table
from mdfnet.core.errors import UserError
from mdfnet.core.files import new_folder, replacing
from mdfnet.core.pseudonyms import quoted
from mdfnet.core.types import Classes, Sample
from mdfnet.data.coco import CocoEntry, is_coordinate, read_coco_json
from mdfnet.data.dataset import Dataset, contents
from mdfnet.data.description import Description
from mdfnet.data.names import (
    ANNOTATIONS,
    CLINICAL,
    DESCRIPTION,
    IMAGES,
    SPLIT_TABLE,
    checked_name,
    image_id,
    image_name,
)
from mdfnet.data.placing import Place, place_images, placed_samples
from mdfnet.data.targets import coco_target


def read_dataset(folder: str | Path) -> Dataset:
    """Read a dataset folder; images are only looked for, not opened.

    Raises:
        UserError: A file is missing or malformed, or the files do not agree; names file and row. ``mdfnet data check``
            lists all problems at once.

    Examples:
        >>> read_dataset("no/such/folder")
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: no/such/folder: no such folder; give a dataset's folder, with dataset.yaml
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "no such folder"
        raise UserError(what, where=folder, fix=f"give a dataset's folder, with {DESCRIPTION}")
    description = Description.read(folder / DESCRIPTION)
    classes, schema = description.known_classes(), description.clinical_schema
    coco = read_coco_json(folder / ANNOTATIONS)
    there = {(entry["id"], entry["name"]) for entry in coco["categories"]}
    described = set(zip(classes.ids, classes.names, strict=True))
    if there != described:
        what = f"categories {sorted(there, key=str)} differ from the classes {sorted(described)} of {DESCRIPTION}"
        raise UserError(what, where=folder / ANNOTATIONS)
    annotations = defaultdict(list)
    for annotation in coco["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    clinical = read_clinical_table(folder / CLINICAL, schema, id_column="image", extra=("patient_id", "view"))
    splits = _read_splits(folder / SPLIT_TABLE)
    samples = [_sample(image, annotations[image["id"]], classes, clinical, splits, folder) for image in coco["images"]]
    _check_images(samples, clinical, folder)
    return Dataset(
        description.name,
        classes,
        schema,
        tuple(replace(sample, intensity=description.intensity) for sample in samples),
        folder,
        description.source,
        description.license,
        description.synthetic,
        description.provenance,
        description.intensity,
    )


def image_ids(dataset: Dataset) -> dict[str, int | str]:
    """What ``annotations.json`` of a dataset's folder calls its images: id of the sample -> id of the COCO image."""
    images = read_coco_json(dataset.folder / ANNOTATIONS)["images"]
    return {image_id(image["file_name"]): image["id"] for image in images}


def write_dataset(
    dataset: Dataset, folder: str | Path, images: Place | Literal["keep"] = "copy", size: int | None = None
) -> Dataset:
    """Write a dataset folder in one step: it is whole or not there.

    Args:
        dataset: What to write; images are taken from the samples' image paths.
        folder: A new or empty folder; with ``images="keep"`` one whose images lie in ``images/`` already.
        images: "copy" the images, without what their files say beside the pixels (`mdfnet.data.images.metadata`),
            "link" to them (symbolic links), write their pixels alone as "png", or "keep" those in ``folder`` and write
            the text files only.
        size: Only with "png": make the images smaller, the longest side at most this many pixels; boxes go along.

    Returns:
        The dataset as it lies in ``folder``.

    Raises:
        UserError: The folder holds something already, an image is missing, two images have one name, or a patient is in
            two splits; or the disk is full, and then nothing is left.
    """
    folder = Path(folder)
    place: Place = "copy" if images == "keep" else images
    sources = tuple(replace(sample, intensity=dataset.intensity) for sample in dataset.samples)
    dataset = replace(dataset, samples=placed_samples(sources, place, size))
    texts = contents(dataset)
    moved = tuple(replace(sample, image=folder / IMAGES / image_name(sample)) for sample in dataset.samples)
    _check_unique(sources)
    for sample in moved if images == "keep" else sources:
        if not sample.image.is_file():
            raise UserError("no such image", where=sample.image)
    if images == "keep":
        _write_texts(texts, folder)
    else:
        with new_folder(folder) as draft:
            place_images(sources, dataset.samples, draft / IMAGES, place)
            _write_texts(texts, draft)
    return replace(dataset, samples=moved, folder=folder)


def _read_splits(path: Path) -> dict[str, str]:
    """Patient -> split. Without the file nobody has a split yet."""
    if not path.exists():
        return {}
    table = read_table(path)
    table.require("patient_id", "split")
    rows = table.by("patient_id")
    for row in rows.values():
        if row["split"] not in SPLITS:
            raise UserError(f"split is {quoted(row['split'])}, not one of {', '.join(SPLITS)}", where=row.where)
    return {patient: row["split"] for patient, row in rows.items()}


def _sample(
    image: CocoEntry,
    annotations: Sequence[CocoEntry],
    classes: Classes,
    clinical: ClinicalTable,
    splits: Mapping[str, str],
    folder: Path,
) -> Sample:
    where, name = f"{folder / ANNOTATIONS} image {image['file_name']}", image["file_name"]
    width, height = image["width"], image["height"]
    if not all(isinstance(side, int) and side > 0 for side in (width, height)):
        raise UserError(f"size is {width!r} x {height!r}, not two positive whole numbers", where=where)
    row = clinical.index.get(name)
    if row is None:
        fix = "every image needs a row, empty where nothing is known"
        raise UserError(f"no row for image {name!r}", where=folder / CLINICAL, fix=fix)
    view = clinical.extra["view"][row] or None
    if view not in (*VIEWS, None):
        fix = "frontal images only: PA, AP or empty"
        raise UserError(f"view of image {name!r} is {quoted(view)}", where=folder / CLINICAL, fix=fix)
    identifier = image_id(checked_name(name))
    patient = clinical.extra["patient_id"][row] or identifier
    return Sample(
        identifier,
        folder / IMAGES / name,
        width,
        height,
        coco_target(annotations, classes, (width, height), where),
        clinical.values[row],
        patient,
        splits.get(patient),
        view,
        _spacing(image, where),
    )


def _spacing(image: CocoEntry, where: str) -> tuple[float, float] | None:
    spacing = image.get("spacing_mm")
    if spacing is None:
        return None
    if not isinstance(spacing, list) or len(spacing) != 2 or not all(is_coordinate(s) and s > 0 for s in spacing):
        raise UserError(f"spacing_mm is {spacing!r}, not width and height of a pixel", where=where)
    return float(spacing[0]), float(spacing[1])


def _check_images(samples: Sequence[Sample], clinical: ClinicalTable, folder: Path) -> None:
    if not samples:
        raise UserError("the dataset has no images", where=folder / ANNOTATIONS)
    _check_unique(samples)
    for sample in samples:
        if not sample.image.is_file():
            raise UserError("no such image", where=sample.image, fix=f"listed in {folder / ANNOTATIONS}")
    orphans = set(clinical.ids) - {sample.image.relative_to(folder / IMAGES).as_posix() for sample in samples}
    if orphans:
        what = f"row of image {min(orphans)!r}, which {ANNOTATIONS} does not have"
        raise UserError(what, where=folder / CLINICAL, fix=f"remove {len(orphans)} such rows, or add the images")


def _check_unique(samples: Sequence[Sample]) -> None:
    seen = set()
    for sample in samples:
        if sample.id in seen:
            raise UserError(f"two images are named {sample.id!r}", fix="names without suffix must be unique")
        seen.add(sample.id)


def _write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """All are written before the first takes its place, so that a full disk changes none."""
    with ExitStack() as stack:
        for name, text in texts.items():
            draft = stack.enter_context(replacing(folder / name))
            draft.write_text(text, encoding="utf-8", newline="\n")
