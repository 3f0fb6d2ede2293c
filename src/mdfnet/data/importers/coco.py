"""Import of COCO detection files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import box_of, outline_of, read_coco_json
from mdfnet.data.dataset_folder import check_inside
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.common import IMAGE_COLUMNS, DatasetInfo, ImageTable, ImportOptions, ImportResult
from mdfnet.data.names import checked_name, image_id


def import_coco(
    annotations: str | Path,
    images: str | Path,
    schema: Schema,
    info: DatasetInfo,
    *,
    metadata: str | Path | None = None,
    options: ImportOptions | None = None,
) -> ImportResult:
    """Import a COCO detection file; the category ids are kept.

    Args:
        annotations: COCO JSON. Crowd regions are left out; outlines in several parts or run-length coded are left out
            and their boxes kept; both are counted.
        images: Folder below which the ``file_name``s lie.
        schema: What the clinical columns mean.
        info: Name, source and license.
        metadata: Table with one row per image: image_id (the file name, with or without folder and suffix), the
            schema's columns, and where known patient_id, split, view. Without it all clinical values are missing.
        options: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row or annotation.
    """
    options = options or ImportOptions()
    options.check_columns((*schema.names, *IMAGE_COLUMNS))
    content = read_coco_json(annotations)
    categories = content["categories"]
    try:
        classes = Classes(tuple(entry["name"] for entry in categories), tuple(entry["id"] for entry in categories))
    except UserError as error:
        raise error.at(f"{annotations} categories") from None
    table = ImageTable.read(metadata, schema, options)
    marks, notes = defaultdict(list), Counter()
    for annotation in content["annotations"]:
        marks[annotation["image_id"]].append(annotation)
    samples = []
    for image in content["images"]:
        where = f"{annotations} image {image['id']}"
        name = checked_name(image["file_name"])
        path, row = Path(images) / name, table.row_of(name)
        size = _checked_size(path, image, where)
        target = _target(marks[image["id"]], classes, size, where, notes)
        samples.append(table.sample(image_id(name), row, path, size, target))
    return table.dataset(samples, classes, info, notes + table.unused_rows())


def _checked_size(path: Path, image: Mapping[str, Any], where: str) -> tuple[int, int]:
    size = image_size(path)
    if size != (image["width"], image["height"]):
        what = f"the image has {size[0]} x {size[1]} pixels, not {image['width']} x {image['height']}"
        raise UserError(what, where=where, fix="boxes must be in pixels of this image")
    return size


def _target(
    marks: Sequence[Mapping[str, Any]], classes: Classes, size: tuple[int, int], where: str, notes: Counter[str]
) -> Target:
    boxes, labels, outlines = [], [], []
    for annotation in marks:
        if annotation.get("iscrowd"):
            notes["crowd regions, left out"] += 1
            continue
        here = f"{where} annotation {annotation['id']}"
        boxes.append(box_of(annotation, here))
        check_inside(boxes[-1], *size, here)
        labels.append(_label(annotation, classes, here))
        outlines.append(_outline(annotation, here, notes))
    return Target.of(boxes, labels, outlines)


def _label(annotation: Mapping[str, Any], classes: Classes, where: str) -> int:
    try:
        return classes.label_of_id(annotation["category_id"])
    except UserError as error:
        raise error.at(where) from None


def _outline(annotation: Mapping[str, Any], where: str, notes: Counter[str]) -> np.ndarray | None:
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict) or (isinstance(segmentation, list) and len(segmentation) > 1):
        notes["outlines in several parts or run-length coded, left out"] += 1
        return None
    return outline_of(annotation, where)
