"""Import of a folder of DICOM images with a table of boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mdfnet.clinical.records import read_record
from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample, Target
from mdfnet.data.images.dicom import Header, Unsuitable, image_header
from mdfnet.data.images.read import is_dicom
from mdfnet.data.importers.common import DatasetInfo, ImageTable, ImportOptions, ImportResult
from mdfnet.data.importers.tables import BOX_COLUMNS, BoxTable
from mdfnet.data.names import names_of

#: Names of features that an image's header can fill.
_FROM_HEADER = {"age": "age", "sex": "sex", "gender": "sex", "view": "view"}


def import_dicom(
    images: str | Path,
    boxes: str | Path | None,
    schema: Schema,
    info: DatasetInfo,
    *,
    metadata: str | Path | None = None,
    classes: Sequence[str] | None = None,
    options: ImportOptions | None = None,
) -> ImportResult:
    """Import every frontal image of a folder and the folders below it; what is none is left out and counted by reason.

    Of the headers only age, sex, view, pixel spacing and patient id are used, where the table of images has no value.
    The patient's id keeps a patient's images together; `mdfnet.data.pseudonymize` hashes it, as ``mdfnet data import``
    does. Write the dataset with ``images="png"``: then nothing else of the files is kept.

    Args:
        images: The folder.
        boxes: One row per box, image_id being the image's file name, with or without folders and suffix. None: no
            boxes; then ``classes`` are needed.
        classes: Names in label order. Default: those of the table of boxes, sorted.
        schema, info, metadata, options: As for `mdfnet.data.importers.import_coco`.

    Raises:
        UserError: What is wrong in which file and row, or there is no image to import.
    """
    table = ImageTable.read(metadata, schema, options, BOX_COLUMNS)
    box_table, notes, left_out, samples = BoxTable(boxes, table.options, classes), table.notes, {}, []
    owners: dict[str, str] = {}
    folder = Path(images)
    if not folder.is_dir():
        raise UserError("no such folder", where=folder)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        identifier = _identifier(name, box_table, owners)
        try:
            if not is_dicom(path):
                raise Unsuitable("not DICOM", kind="not DICOM")
            header = image_header(path)
        except UserError as error:
            left_out[name] = error.kind if isinstance(error, Unsuitable) else "damaged or not readable"
            notes["boxes on files that were left out"] += len(box_table.rows.get(identifier or "", ()))
            continue
        target = box_table.target(identifier, (header.width, header.height))
        samples.append(_sample(name, path, header, target, table))
    for identifier, rows in box_table.rows.items():
        if identifier not in owners:
            fix = "remove the row or add the image"
            raise UserError("the image of this box is not there", where=rows[0].where, fix=fix)
    notes.update({f"files left out: {reason}": count for reason, count in Counter(left_out.values()).items()})
    if not samples:
        reasons = ", ".join(f"{note} ({count})" for note, count in notes.items() if count) or "the folder is empty"
        raise UserError(f"no image to import; {reasons}", where=images)
    return table.result(samples, box_table.classes, info, left_out)


def _identifier(name: str, box_table: BoxTable, owners: dict[str, str]) -> str | None:
    """The image_id under which the boxes of a file stand; it becomes the file's own in ``owners``."""
    found = next((one for one in names_of(name) if one in box_table.rows), None)
    if found is not None and owners.setdefault(found, name) != name:
        fix = "name the images with their folders"
        raise UserError("an image_id is that of two images", where=box_table.rows[found][0].where, fix=fix)
    return found


def _sample(name: str, path: Path, header: Header, target: Target, table: ImageTable) -> Sample:
    sample = table.sample(
        name,
        path,
        (header.width, header.height),
        target,
        patient=header.patient,
        view=header.view,
        spacing=header.spacing,
    )
    if header.burnt_in:
        table.notes["images whose header says that text is burnt into the pixels: look at them"] += 1
    return replace(sample, clinical=_filled(sample.clinical, header, table))


def _filled(values: Array, header: Header, table: ImageTable) -> Array:
    """Clinical values ``[F]``, those that are missing taken from the header where it has them."""
    schema, notes = table.schema, table.notes
    given = {name: getattr(header, _FROM_HEADER[name]) for name in schema.names if name in _FROM_HEADER}
    units = {"age": "a"} if "age" in given and schema["age"].kind == "number" else {}
    record = read_record(schema, given, invalid="missing", units=units)
    for name in record.notes:
        notes[f"implausible values of {name} in DICOM headers, left out"] += 1
    taken = np.isnan(values) & ~np.isnan(record.values)
    for name in np.array(schema.names)[taken]:
        notes[f"values of {name} from DICOM headers"] += 1
    return np.where(taken, record.values, values)
