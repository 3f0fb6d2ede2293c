"""Import of a folder of DICOM images with a table of boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mdfnet.clinical.records import read_record
from mdfnet.clinical.schema import Schema
from mdfnet.core.csv_tables import Row
from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample, Target
from mdfnet.data.images.dicom import Header, Unsuitable, image_header
from mdfnet.data.images.read import is_dicom
from mdfnet.data.importers.boxes import BOX_COLUMNS, classes_of, read_boxes, target_of
from mdfnet.data.importers.common import IMAGE_COLUMNS, DatasetInfo, ImageTable, ImportOptions, ImportResult
from mdfnet.data.names import image_id

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

    Of the headers only age, sex, view, pixel spacing and patient id are used, where the images' table has no value. The
    patient's id keeps a patient's images together; `mdfnet.data.pseudonymize` hashes it, as ``mdfnet data import``
    does. Write the dataset with ``images="png"``: then nothing else of the files is kept.

    Args:
        images: The folder.
        boxes: One row per box, image_id being the image's file name, with or without folders and suffix. None: no
            boxes; then ``classes`` are needed.
        schema: What the clinical columns mean.
        info: Name, source, license and intensity recipe.
        metadata: Table with one row per image, as `mdfnet.data.importers.import_coco` takes it.
        classes: Names in label order. Default: those of the boxes' table, sorted.
        options: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row, or there is no image to import.
    """
    options = options or ImportOptions()
    options.check_columns((*schema.names, *IMAGE_COLUMNS, *BOX_COLUMNS))
    marks = read_boxes(boxes, options) if boxes else {}
    known = classes_of(marks, options, classes, boxes)
    table, notes, left_out, samples = ImageTable.read(metadata, schema, options), Counter(), {}, []
    names = _Names(marks)
    for name, path in _files(Path(images)):
        identifier = names.row_of(name)
        try:
            header = _header(path)
        except UserError as error:
            left_out[name] = error.kind if isinstance(error, Unsuitable) else "damaged or not readable"
            notes["boxes on files that were left out"] += len(marks.get(identifier, ()))
            continue
        target = target_of(marks.get(identifier, ()), known, (header.width, header.height), options)
        samples.append(_sample(image_id(name), path, header, target, table, notes))
    names.check_all_found()
    notes.update({f"files left out: {reason}": count for reason, count in Counter(left_out.values()).items()})
    if not samples:
        raise UserError(f"no image to import; {_sentence(notes)}", where=images)
    if metadata is None:
        table.notes.clear()
    return replace(table.dataset(samples, known, info, notes + table.unused_rows()), left_out=left_out)


def _sentence(notes: Counter[str]) -> str:
    return ", ".join(f"{note} ({count})" for note, count in notes.items() if count) or "the folder is empty"


class _Names:
    """Which row of the boxes' table is about which file."""

    def __init__(self, marks: Mapping[str, list[Row]]):
        self.marks = marks
        self.owner: dict[str, str] = {}

    def row_of(self, name: str) -> str | None:
        """The image_id under which the boxes of a file stand."""
        base = Path(name).name
        found = next((key for key in (name, image_id(name), base, image_id(base)) if key in self.marks), None)
        if found is not None and self.owner.setdefault(found, name) != name:
            fix = "name the images with their folders"
            raise UserError("an image_id is that of two images", where=self.marks[found][0].where, fix=fix)
        return found

    def check_all_found(self) -> None:
        """Make sure that every box belongs to a file."""
        for identifier, rows in self.marks.items():
            if identifier not in self.owner:
                raise UserError(
                    "the image of this box is not there", where=rows[0].where, fix="remove the row or add the image"
                )


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        raise UserError("no such folder", where=folder)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield path.relative_to(folder).as_posix(), path


def _header(path: Path) -> Header:
    if not is_dicom(path):
        raise Unsuitable("not DICOM", kind="not DICOM")
    return image_header(path)


def _sample(
    identifier: str,
    path: Path,
    header: Header,
    target: Target,
    table: ImageTable,
    notes: Counter[str],
) -> Sample:
    row = table.row_of(identifier)
    sample = table.sample(identifier, row, path, (header.width, header.height), target)
    if header.burnt_in:
        notes["images whose header says that text is burnt into the pixels: look at them"] += 1
    patient = table.text(row, "patient_id") or header.patient or identifier
    clinical = _filled(sample.clinical, header, table.schema, notes)
    view = sample.view or header.view
    return replace(sample, patient=patient, clinical=clinical, view=view, spacing=header.spacing)


def _filled(values: np.ndarray, header: Header, schema: Schema, notes: Counter[str]) -> np.ndarray:
    """Clinical values ``[F]``, those that are missing taken from the header where it has them."""
    given = {name: getattr(header, _FROM_HEADER[name]) for name in schema.names if name in _FROM_HEADER}
    units = {"age": "a"} if "age" in given and schema["age"].kind == "number" else {}
    record = read_record(schema, given, invalid="missing", units=units)
    for name in record.notes:
        notes[f"values of {name} in the images' headers that cannot be right, left out"] += 1
    taken = np.isnan(values) & ~np.isnan(record.values)
    for name in np.array(schema.names)[taken]:
        notes[f"values of {name} from the images' headers"] += 1
    return np.where(taken, record.values, values)
