"""Reads back what structured reports say: an oracle for tests, by highdicom alone."""

from __future__ import annotations

from typing import NamedTuple

from highdicom.sr import ComprehensiveSR
from pydicom import Dataset


class ReportedBox(NamedTuple):
    """One box of a report.

    Args:
        finding: Meaning of its code.
        name: The model's own name of the class.
        score: In [0, 1].
        box: x1, y1, x2, y2 in pixels of the image.
        image: SOP instance UID of the image.
    """

    finding: str
    name: str
    score: float
    box: tuple[float, float, float, float]
    image: str


def reported(report: Dataset) -> list[ReportedBox]:
    """The boxes of a report of `mdfnet.services.pacs.report.structured_report`, in its order."""
    document = ComprehensiveSR.from_dataset(report)
    return [_reported(group) for group in document.content.get_planar_roi_measurement_groups()]


def _reported(group) -> ReportedBox:
    (score,) = group.get_measurements()
    x, y = group.roi.value.T
    box = tuple(float(value) for value in (x.min(), y.min(), x.max(), y.max()))
    name = group.tracking_identifier.rpartition(" ")[0]
    image = group.roi.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return ReportedBox(group.finding_type.meaning, name, float(score.value) / 100, box, image)
