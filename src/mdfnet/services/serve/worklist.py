"""The images of a folder, and the records beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mdfnet.clinical.records import RecordResult
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import read_clinical_table
from mdfnet.core.errors import UserError
from mdfnet.data.names import image_id
from mdfnet.services.serve.refusals import Refused

SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")

#: The table of records in the folder, and its column that names the image.
RECORDS, IMAGE_COLUMN = "clinical.csv", "image"


class Folder:
    """A worklist out of a folder: its images by name, with the records of its ``clinical.csv``, if it has one.

    Subfolders are not looked at; without a folder the worklist is empty.
    """

    def __init__(self, folder: Path | None, schema: Schema):
        self.folder, self.records = folder, {}
        if folder is None:
            return
        if not folder.is_dir():
            raise UserError("no such folder", where=folder)
        if (folder / RECORDS).is_file():
            table = read_clinical_table(
                folder / RECORDS, schema, id_column=IMAGE_COLUMN, invalid="missing", unused="ignore"
            )
            rows = zip(table.ids, table.values, table.notes, strict=True)
            self.records = {image_id(name): RecordResult(values, notes) for name, values, notes in rows}

    def images(self) -> dict[str, Path]:
        """Images by id, in the order of their names. An id is a hash of the name: it says nothing in a log."""
        if self.folder is None:
            return {}
        paths = (path for path in sorted(self.folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file())
        return {hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()[:16]: path for path in paths}

    def read(self, identifier: str, most: int) -> tuple[bytes, Any]:
        """An image's bytes, and its record, None where there is none."""
        path = self.images().get(identifier)
        if path is None:
            raise Refused(404, "image_gone", "no such image is on the worklist", "read the worklist again")
        try:
            if path.stat().st_size > most:
                raise Refused(413, "too_large", f"the image has more than {most} bytes", "is it a chest X-ray?")
            return path.read_bytes(), self.records.get(image_id(path.name))
        except OSError:
            raise Refused(404, "image_gone", "the image cannot be read", "look at the folder's rights") from None
