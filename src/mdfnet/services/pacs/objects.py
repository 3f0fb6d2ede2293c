"""All that is said of one image, as DICOM objects and as files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from pydicom import Dataset

from mdfnet.clinical.records import RecordResult
from mdfnet.core.arrays import Array, Floats
from mdfnet.core.errors import UserError
from mdfnet.core.files import replacing
from mdfnet.core.types import Classes, Detections
from mdfnet.data.images.read import is_dicom
from mdfnet.models.card import find_model, read_card
from mdfnet.services.pacs.algorithm import Algorithm
from mdfnet.services.pacs.capture import secondary_capture
from mdfnet.services.pacs.presentation import presentation_state
from mdfnet.services.pacs.report import structured_report
from mdfnet.services.pacs.source import read_source
from mdfnet.services.pacs.statement import Statement

#: What can be made beside the structured report.
Extra = Literal["capture", "presentation"]


def objects_of(
    source: Dataset,
    image: Array,
    detections: Detections,
    classes: Classes,
    algorithm: Algorithm,
    record: Floats | None = None,
    also: Collection[Extra] = (),
) -> dict[str, Dataset]:
    """The structured report, or where nothing was found the capture that says so, and what is wanted beside it.

    Args:
        source: The image's header, see `mdfnet.services.pacs.source.read_source`.
        image: uint8 or full-scale uint16 ``[H, W]``, as the model was given it.
        detections: Boxes in pixels of the image; those of at least ``algorithm.threshold`` are reported, or with
            ``algorithm.point`` all that are given.
        classes: Names of the labels.
        algorithm: Who says it.
        record: float32 ``[F]`` the model was given; part of what the UIDs are made of.
        also: What to make in any case.

    Returns:
        "report", "capture", "presentation" -> object.

    Raises:
        UserError: The image's header cannot be reported on.
    """
    shown = detections.above(algorithm.threshold) if algorithm.point is None else detections
    statement, made = Statement(source, shown, classes, algorithm, record), {}
    if len(shown):
        made["report"] = structured_report(statement)
    if "capture" in also or not len(shown):
        made["capture"] = secondary_capture(statement, image)
    if "presentation" in also:
        made["presentation"] = presentation_state(statement)
    return made


def as_file(dataset: Dataset) -> bytes:
    """A DICOM file's content (PS3.10)."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def write_objects(folder: str | Path, name: str, objects: dict[str, Dataset]) -> list[Path]:
    """Write each as ``NAME-KIND.dcm``; gives the paths."""
    paths = []
    for kind, dataset in objects.items():
        paths.append(Path(folder) / f"{name}-{kind}.dcm")
        with replacing(paths[-1]) as draft:
            draft.write_bytes(as_file(dataset))
    return paths


@dataclass(frozen=True)
class DicomWriter:
    """Writes DICOM objects about images into a folder: ``IMAGE-report.dcm``, and ``IMAGE-capture.dcm`` if wanted."""

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
        """For a saved model."""
        home = find_model(model)
        return cls(folder, Algorithm.of(home, score, point), read_card(home).known_classes(), tuple(also), log)

    def write(self, name: str, path: Path, image: Array, found: Detections, record: RecordResult | None) -> None:
        if not is_dicom(path):
            raise UserError("no DICOM objects: the image is not DICOM", where=path, fix="give the image of the archive")
        values = record.values if record is not None else None
        objects = objects_of(read_source(path), image, found, self.classes, self.algorithm, values, self.also)
        written = write_objects(self.folder, name, objects)
        self.log(f"  wrote {', '.join(path.name for path in written)}")
