"""Clinical records of image files that are in no dataset folder, from a table or JSON, by image name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from mdfnet.clinical.plausible import swapped
from mdfnet.clinical.records import Invalid, RecordResult, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import read_clinical_table
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import read_json
from mdfnet.data.names import image_id

#: Column of a clinical table that names the image.
IMAGE_COLUMN = "image"


def read_records(
    path: Path, schema: Schema, names: Sequence[str], invalid: Invalid, log: Callable[[str], None]
) -> dict[str, RecordResult]:
    """Clinical records by image name, of the images in ``names``; those of others are passed over.

    ``path`` is CSV with a column ``image``, or JSON: one record ``{feature: value}`` for all images or ``{image:
    record}``. An image is named by its file name, with or without suffix. ``invalid`` says what to do with implausible
    values, and with names in JSON that are no feature: "error" stops, "missing" notes them.
    """
    if path.suffix.lower() == ".json":
        given = _json_records(path, schema, names, invalid)
    else:
        table = read_clinical_table(path, schema, id_column=IMAGE_COLUMN, invalid=invalid, unused="ignore")
        if table.unused:
            log(f"note: columns that the model does not know are not used: {', '.join(table.unused)}")
        rows = zip(table.ids, table.values, table.notes, strict=True)
        given = {name: RecordResult(values, notes) for name, values, notes in rows}
    records = _by_id(given, path)
    if not records.keys() & set(names):
        what = f"no record for any of the images, such as {names[0]!r}"
        raise UserError(what, where=path, fix=nearest(names[0], records) if records else "add their rows")
    for name in names:
        if name not in records:
            log(f"note: no record for {name} in {path}; detecting without")
        elif invalid == "error":
            for reason in swapped(schema, records[name].values).values():
                raise UserError(reason, where=f"{path} {name}", fix="check both values, or leave them empty")
    return records


def _by_id(records: Mapping[str, RecordResult], path: Path) -> dict[str, RecordResult]:
    found: dict[str, RecordResult] = {}
    for name, record in records.items():
        if image_id(name) in found:
            raise UserError(f"two records for image {image_id(name)!r}", where=path, fix="keep one of the two")
        found[image_id(name)] = record
    return found


def _json_records(path: Path, schema: Schema, names: Sequence[str], invalid: Invalid) -> dict[str, RecordResult]:
    def record(content: Mapping[str, object], where: object) -> RecordResult:
        unknown: Literal["error", "note"] = "error" if invalid == "error" else "note"
        return read_record(schema, content, where=where, invalid=invalid, unknown=unknown)

    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError("a JSON object is expected: a record, or records by image name", where=path)
    nested = all(isinstance(value, dict) and "value" not in value for value in content.values())
    if content and nested and not content.keys() & set(schema.names):
        return {image: record(values, f"{path} {image}") for image, values in content.items()}
    return dict.fromkeys(names, record(content, path))
