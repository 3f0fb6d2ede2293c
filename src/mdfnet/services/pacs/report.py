"""What was found, as a DICOM structured report (PS3.16 TID 1500): one measurement group per box."""

from __future__ import annotations

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

from mdfnet.core.arrays import Floats
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections
from mdfnet.services.pacs import codes as findings
from mdfnet.services.pacs.algorithm import MANUFACTURER, Algorithm, object_attributes, uid_of
from mdfnet.services.pacs.source import character_set, evidence, numbers, of_same_study

#: What the image library (TID 1600) says of an image; without these it is left out, and the groups alone point to it.
_DESCRIBED = ("PatientOrientation", "ImagerPixelSpacing")


def structured_report(
    source: Dataset,
    detections: Detections,
    classes: Classes,
    algorithm: Algorithm,
    record: Floats | None = None,
) -> Dataset:
    """A preliminary, unverified report that points to the boxes on the image.

    Each box is a closed polyline in the image's own pixels, where 0, 0 is the outer corner of the top-left one (PS3.3
    C.18.6.1.1), with a tracking identifier, a coded finding, the score in percent, and the algorithm with its version
    and the hash of its weights.

    Args:
        source: The image's header, see `mdfnet.services.pacs.source.read_source`; its pixels are not looked at.
        detections: What to report; boxes in pixels of the image.
        classes: Names of the labels.
        algorithm: Who says it.
        record: float32 ``[F]`` the model was given; part of what the UIDs are made of.

    Raises:
        UserError: Nothing was found (a capture shows that), or the image's header cannot be reported on.

    Examples:
        >>> import numpy as np
        >>> from pydicom.uid import ComputedRadiographyImageStorage
        >>> image = Dataset()
        >>> image.SOPClassUID, image.Modality, image.SOPInstanceUID = ComputedRadiographyImageStorage, "CR", "1.2.3"
        >>> image.StudyInstanceUID, image.SeriesInstanceUID, image.Rows, image.Columns = "1.2", "1.2.1", 512, 512
        >>> found = Detections(np.float32([[10, 20, 40, 80.5]]), np.array([1]), np.float32([0.87]))
        >>> report = structured_report(image, found, Classes(("Atelectasis",)), Algorithm("demo", "0.1.0", "fc0c"))
        >>> report.Modality, report.VerificationFlag
        ('SR', 'UNVERIFIED')
    """
    if not len(detections):
        what = "nothing was found: a structured report has a group per box"
        raise UserError(what, fix="write a secondary capture, which shows that")
    image = evidence(source)
    with of_same_study(source) as named:
        groups = _groups(image, detections, classes, algorithm, record)
        report = ComprehensiveSR(
            evidence=[image],
            content=_content(image, groups, algorithm),
            **object_attributes("report", algorithm, image.SOPInstanceUID, record),
            specific_character_set=character_set(source, (algorithm.name, *classes.names)),
            is_complete=True,
            is_final=False,
            is_verified=False,
        )
        return named(report)


def _content(
    image: Dataset, groups: list[PlanarROIMeasurementsAndQualitativeEvaluations], algorithm: Algorithm
) -> MeasurementReport:
    device = DeviceObserverIdentifyingAttributes(
        uid=UID(uid_of("device", Algorithm(algorithm.name, algorithm.version, algorithm.sha256), "")),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=algorithm.title,
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
    image: Dataset, detections: Detections, classes: Classes, algorithm: Algorithm, record: Floats | None
) -> list[PlanarROIMeasurementsAndQualitativeEvaluations]:
    identification = AlgorithmIdentification(
        name=algorithm.title,
        version=algorithm.version,
        manufacturer=MANUFACTURER,
        parameters=algorithm.parameters(detections.record),
    )
    groups = []
    for number, (box, label, score) in enumerate(zip(*numbers(detections), strict=True), 1):
        name = classes.name(label)
        region = ImageRegion(
            GraphicTypeValues.POLYLINE, closed_outline(box), SourceImageForRegion.from_source_image(image)
        )
        tracking = uid_of(f"box {number}", algorithm, image.SOPInstanceUID, record)
        groups.append(
            PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=TrackingIdentifier(uid=UID(tracking), identifier=f"{name} {number}"),
                referenced_region=region,
                finding_type=findings.finding(name),
                algorithm_id=identification,
                measurements=[Measurement(findings.score(name), round(100 * score, 4), codes.UCUM.Percent)],
            )
        )
    return groups


def closed_outline(box: Floats) -> Floats:
    """Corners of a box ``[4]`` as a closed outline ``[5, 2]``.

    Examples:
        >>> import numpy as np
        >>> closed_outline(np.array([1.0, 2, 3, 4])).tolist()
        [[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 4.0], [1.0, 2.0]]
    """
    return box[[[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]
