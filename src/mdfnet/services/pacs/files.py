"""What was found on loose DICOM images, as DICOM files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdfnet.clinical.records import RecordResult
from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections
from mdfnet.data.images.read import is_dicom
from mdfnet.models.card import find_model, read_card
from mdfnet.services.pacs.algorithm import Algorithm
from mdfnet.services.pacs.objects import Extra, objects_of, write_objects
from mdfnet.services.pacs.source import read_source


@dataclass(frozen=True)
class DicomWriter:
    """Writes DICOM objects about images into a folder: ``IMAGE-report.dcm``, and ``IMAGE-capture.dcm`` where asked for.

    Args:
        folder: Where to write.
        algorithm: Who says it.
        classes: Names of the labels.
        also: What to write beside the report.
        log: Where to print.
    """

    folder: Path
    algorithm: Algorithm
    classes: Classes
    also: tuple[Extra, ...] = ()
    log: Callable[[str], None] = print

    @classmethod
    def of(
        cls,
        model: str | Path,
        folder: Path,
        score: float,
        point: str | None,
        also: Sequence[Extra],
        log: Callable[[str], None],
    ) -> DicomWriter:
        """For a saved model.

        Raises:
            UserError: There is no such model.
        """
        home = find_model(model)
        return cls(folder, Algorithm.of(home, score, point), read_card(home).known_classes(), tuple(also), log)

    def write(self, name: str, path: Path, image: Array, found: Detections, record: RecordResult | None) -> None:
        """Write the objects about one image.

        Raises:
            UserError: It is no DICOM image, nothing can point to it, or the files cannot be written.
        """
        if not is_dicom(path):
            raise UserError("no DICOM objects: the image is not DICOM", where=path, fix="give the image of the archive")
        values = record.values if record is not None else None
        objects = objects_of(read_source(path), image, found, self.classes, self.algorithm, values, self.also)
        written = write_objects(self.folder, name, objects)
        self.log(f"  wrote {', '.join(path.name for path in written)}")
