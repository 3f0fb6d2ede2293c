"""All that is said of one image, as DICOM objects and as files."""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from typing import Literal, get_args

from pydicom import Dataset

from mdfnet.core.arrays import Array, Floats
from mdfnet.core.files import replacing
from mdfnet.core.types import Classes, Detections
from mdfnet.services.pacs.algorithm import Algorithm
from mdfnet.services.pacs.capture import secondary_capture
from mdfnet.services.pacs.presentation import presentation_state
from mdfnet.services.pacs.report import structured_report

#: What can be made beside the structured report.
Extra = Literal["capture", "presentation"]
EXTRAS: tuple[Extra, ...] = get_args(Extra)


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
        source, image, detections, classes, algorithm, record: As for
            `mdfnet.services.pacs.capture.secondary_capture`; only detections of at least ``algorithm.threshold`` are
            reported, or with ``algorithm.point`` all that are given.
        also: What to make in any case.

    Returns:
        "report", "capture", "presentation" -> object.

    Raises:
        UserError: The image's header cannot be reported on.
    """
    shown = detections.above(algorithm.threshold) if algorithm.point is None else detections
    made = {}
    if len(shown):
        made["report"] = structured_report(source, shown, classes, algorithm, record)
    if "capture" in also or not len(shown):
        made["capture"] = secondary_capture(source, image, shown, classes, algorithm, record)
    if "presentation" in also:
        made["presentation"] = presentation_state(source, shown, classes, algorithm, record)
    return made


def as_file(dataset: Dataset) -> bytes:
    """A DICOM file's content (PS3.10)."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def write_objects(folder: str | Path, name: str, objects: dict[str, Dataset]) -> list[Path]:
    """Write each as ``NAME-KIND.dcm``.

    Raises:
        UserError: They cannot be written.
    """
    paths = []
    for kind, dataset in objects.items():
        paths.append(Path(folder) / f"{name}-{kind}.dcm")
        with replacing(paths[-1]) as draft:
            draft.write_bytes(as_file(dataset))
    return paths
