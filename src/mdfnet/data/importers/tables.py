"""Import of two CSV tables, of images and of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.boxes import BOX_COLUMNS, BoxTable
from mdfnet.data.importers.common import DatasetInfo, ImageTable, ImportOptions, ImportResult


def import_csv(
    boxes: str | Path,
    metadata: str | Path,
    images: str | Path,
    schema: Schema,
    info: DatasetInfo,
    *,
    classes: Sequence[str] | None = None,
    options: ImportOptions | None = None,
) -> ImportResult:
    """Import images with boxes from two tables.

    Args:
        boxes: One row per box: image_id, label, x1, y1, x2, y2 in pixels of the image.
        metadata: One row per image: image_id, file (below ``images``; default: the image_id), the schema's columns, and
            where known patient_id, split, view. Images without boxes are kept: nothing was annotated on them.
        images: Folder of the images.
        schema: What the clinical columns mean.
        info: Name, source and license.
        classes: Names in label order. Default: those of the table, sorted.
        options: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row.
    """
    table = ImageTable.read(metadata, schema, options, BOX_COLUMNS)
    marked = BoxTable(boxes, table.options, classes)
    for identifier, rows in marked.rows.items():
        if identifier not in table.clinical.index:
            what = f"the image of this box is not in {metadata}"
            raise UserError(what, where=rows[0].where, fix="remove the row or add the image")
    samples = []
    for identifier in table.clinical.ids:
        path = Path(images) / (table.text(identifier, "file") or identifier)
        size = image_size(path)
        samples.append(table.sample(identifier, path, size, marked.target(identifier, size)))
    return table.result(samples, marked.classes, info)
