"""Import of COCO detection files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes
from mdfnet.data.coco import CocoEntry, read_coco_json
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.common import DatasetInfo, ImageTable, ImportOptions, ImportResult, check_size
from mdfnet.data.names import checked_name
from mdfnet.data.targets import coco_target


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
    table = ImageTable.read(metadata, schema, options)
    content = read_coco_json(annotations)
    categories = content["categories"]
    try:
        classes = Classes(tuple(entry["name"] for entry in categories), tuple(entry["id"] for entry in categories))
    except UserError as error:
        raise error.at(f"{annotations} categories") from None
    by_image = defaultdict(list)
    for annotation in content["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
    samples = []
    for image in content["images"]:
        where, name = f"{annotations} image {image['id']}", checked_name(image["file_name"])
        size = image_size(Path(images) / name)
        check_size(size, (image["width"], image["height"]), where)
        target = coco_target(_supported(by_image[image["id"]], table.notes), classes, size, where)
        samples.append(table.sample(name, Path(images) / name, size, target))
    return table.result(samples, classes, info)


def _supported(annotations: Iterable[CocoEntry], notes: Counter[str]) -> Iterator[CocoEntry]:
    """Annotations that are no crowd regions, without the outlines that are no single polygon."""
    for annotation in annotations:
        outlines = annotation.get("segmentation")
        if annotation.get("iscrowd"):
            notes["crowd regions, left out"] += 1
        elif isinstance(outlines, dict) or (isinstance(outlines, list) and len(outlines) > 1):
            notes["outlines in several parts or run-length coded, left out"] += 1
            yield {**annotation, "segmentation": None}
        else:
            yield annotation
