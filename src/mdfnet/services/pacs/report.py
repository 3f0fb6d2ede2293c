"""What was found, as a DICOM structured report (PS3.16 TID 1500): one measurement group per box."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from highdicom import UID
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes

from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections
from mdfnet.services.pacs import codes as findings
from mdfnet.services.pacs.about import MANUFACTURER, About, made_by, uid_of
from mdfnet.services.pacs.source import character_set, evidence, numbers, of_same_study

#: What the image library (TID 1600) says of an image; without these it is left out, and the groups alone point to it.
_DESCRIBED = ("PatientOrientation", "ImagerPixelSpacing")


class Reported(NamedTuple):
    """One box of a report, as it is read back.

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


def structured_report(
    source: Dataset,
    detections: Detections,
    classes: Classes,
    about: About,
    record: np.ndarray | None = None,
) -> Dataset:
    """A preliminary, unverified report that points to the boxes on the image.

    Each box is a closed polyline in the image's own pixels, where 0, 0 is the outer corner of the top-left one (PS3.3
    C.18.6.1.1), with a tracking identifier, a coded finding, the score in percent, and the algorithm with its version
    and the hash of its weights.

    Args:
        source: The image's header, see `mdfnet.services.pacs.source.read_source`; its pixels are not looked at.
        detections: What to report; boxes in pixels of the image.
        classes: Names of the labels.
        about: Who says it.
        record: float32 ``[F]`` the model was given; part of what the UIDs are made of.

    Raises:
        UserError: Nothing was found (a capture shows that), or the image's header cannot be reported on.

    Examples:
        >>> from pydicom.uid import ComputedRadiographyImageStorage
        >>> image = Dataset()
        >>> image.SOPClassUID, image.Modality, image.SOPInstanceUID = ComputedRadiographyImageStorage, "CR", "1.2.3"
        >>> image.StudyInstanceUID, image.SeriesInstanceUID, image.Rows, image.Columns = "1.2", "1.2.1", 512, 512
        >>> found = Detections(np.float32([[10, 20, 40, 80.5]]), np.array([1]), np.float32([0.87]))
        >>> report = structured_report(image, found, Classes(("Atelectasis",)), About("demo", "0.1.0", "fc0c"))
        >>> report.Modality, report.VerificationFlag, reported(report)[0].box
        ('SR', 'UNVERIFIED', (10.0, 20.0, 40.0, 80.5))
    """
    if not len(detections):
        what = "nothing was found: a structured report has a group per box"
        raise UserError(what, fix="write a secondary capture, which shows that")
    image = evidence(source)
    with of_same_study(source) as named:
        groups = _groups(image, detections, classes, about, record)
        report = ComprehensiveSR(
            evidence=[image],
            content=_content(image, groups, about),
            **made_by("report", about, image.SOPInstanceUID, record),
            specific_character_set=character_set(source, (about.name, *classes.names)),
            is_complete=True,
            is_final=False,
            is_verified=False,
        )
        return named(report)


def reported(report: Dataset) -> list[Reported]:
    """The boxes of such a report, in its order; see `Reported`.

    Args:
        report: As `structured_report` made it, or read from a file.
    """
    document = ComprehensiveSR.from_dataset(report)
    return [_reported(group) for group in document.content.get_planar_roi_measurement_groups()]


def _content(image: Dataset, groups: list[Dataset], about: About) -> Dataset:
    device = DeviceObserverIdentifyingAttributes(
        uid=UID(uid_of("device", About(about.name, about.version, about.sha256), "")),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=about.title,
    )
    observer = ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=CodedConcept(*findings.CHEST_RADIOGRAPH),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[image] if all(image.get(keyword) for keyword in _DESCRIBED) else None,
    )


def _groups(
    image: Dataset, detections: Detections, classes: Classes, about: About, record: np.ndarray | None
) -> list[Dataset]:
    algorithm = AlgorithmIdentification(
        name=about.title,
        version=about.version,
        manufacturer=MANUFACTURER,
        parameters=about.parameters(detections.record),
    )
    groups = []
    for number, (box, label, score) in enumerate(zip(*numbers(detections), strict=True), 1):
        name = classes.name(label)
        region = ImageRegion(
            GraphicTypeValues.POLYLINE, closed_outline(box), SourceImageForRegion.from_source_image(image)
        )
        tracking = uid_of(f"box {number}", about, image.SOPInstanceUID, record)
        groups.append(
            PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=TrackingIdentifier(uid=UID(tracking), identifier=f"{name} {number}"),
                referenced_region=region,
                finding_type=findings.finding(name),
                algorithm_id=algorithm,
                measurements=[Measurement(findings.score(name), round(100 * score, 4), codes.UCUM.Percent)],
            )
        )
    return groups


def closed_outline(box: np.ndarray) -> np.ndarray:
    """Corners of a box ``[4]`` as a closed outline ``[5, 2]``.

    Examples:
        >>> closed_outline(np.array([1, 2, 3, 4])).tolist()
        [[1, 2], [3, 2], [3, 4], [1, 4], [1, 2]]
    """
    return box[[[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]


def _reported(group) -> Reported:
    region = group.roi.value
    (score,) = group.get_measurements()
    x, y = region.T
    box = tuple(float(value) for value in (x.min(), y.min(), x.max(), y.max()))
    name = group.tracking_identifier.rpartition(" ")[0]
    image = group.roi.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return Reported(group.finding_type.meaning, name, float(score.value) / 100, box, image)
