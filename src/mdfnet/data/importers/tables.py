"""Import of two CSV tables, of images and of boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mdfnet.clinical.schema import Schema
from mdfnet.core.csv_tables import Row
from mdfnet.core.errors import UserError
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.boxes import BOX_COLUMNS, classes_of, read_boxes, target_of
from mdfnet.data.importers.common import IMAGE_COLUMNS, DatasetInfo, ImageTable, ImportOptions, ImportResult
from mdfnet.data.names import image_id


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
            where known patient_id, split, view. Images without boxes are kept: nothing was marked on them.
        images: Folder of the images.
        schema: What the clinical columns mean.
        info: Name, source and license.
        classes: Names in label order. Default: those of the table, sorted.
        options: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row.
    """
    options = options or ImportOptions()
    options.check_columns((*schema.names, *IMAGE_COLUMNS, *BOX_COLUMNS))
    table = ImageTable.read(metadata, schema, options)
    marks = read_boxes(boxes, options)
    _check_known(marks, table)
    known = classes_of(marks, options, classes, boxes)
    samples = []
    for identifier in table.clinical.ids:
        path = Path(images) / (table.text(identifier, "file") or identifier)
        size = image_size(path)
        target = target_of(marks.get(identifier, ()), known, size, options)
        samples.append(table.sample(image_id(identifier), identifier, path, size, target))
    return table.dataset(samples, known, info, Counter())


def _check_known(marks: dict[str, list[Row]], metadata: ImageTable) -> None:
    for identifier, rows in marks.items():
        if identifier not in metadata.clinical.index:
            what = f"the image of this box is not in {metadata.path}"
            raise UserError(what, where=rows[0].where, fix="remove the row or add the image")
