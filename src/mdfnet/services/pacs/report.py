"""What was found, as a DICOM structured report (PS3.16 TID 1500): one measurement group per box."""

from __future__ import annotations

from collections.abc import Iterator

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
from mdfnet.data.images.dicom_file import refusing_damage
from mdfnet.services.pacs import codes as findings
from mdfnet.services.pacs.algorithm import MANUFACTURER, Algorithm, uid_of
from mdfnet.services.pacs.source import evidence, named
from mdfnet.services.pacs.statement import Statement

#: What the image library (TID 1600) says of an image; without these it is left out, and the groups alone point to it.
_DESCRIBED = ("PatientOrientation", "ImagerPixelSpacing")


def structured_report(statement: Statement) -> Dataset:
    """A preliminary, unverified report that points to the boxes on the image.

    Each box is a closed polyline in the image's own pixels, where 0, 0 is the outer corner of the top-left one (PS3.3
    C.18.6.1.1), with a tracking identifier, a coded finding, the score in percent, and the algorithm with its version
    and the hash of its weights. Where nothing was found there is no report: a capture shows that.

    Examples:
        >>> import numpy as np
        >>> from mdfnet.core.types import Classes, Detections
        >>> from mdfnet.services.pacs.algorithm import Algorithm
        >>> from pydicom.uid import ComputedRadiographyImageStorage
        >>> image = Dataset()
        >>> image.SOPClassUID, image.Modality, image.SOPInstanceUID = ComputedRadiographyImageStorage, "CR", "1.2.3"
        >>> image.StudyInstanceUID, image.SeriesInstanceUID, image.Rows, image.Columns = "1.2", "1.2.1", 512, 512
        >>> found = Detections(np.float32([[10, 20, 40, 80.5]]), np.array([1]), np.float32([0.87]))
        >>> statement = Statement(image, found, Classes(("Atelectasis",)), Algorithm("demo", "0.1.0", "fc0c"))
        >>> report = structured_report(statement)
        >>> report.Modality, report.VerificationFlag
        ('SR', 'UNVERIFIED')
    """
    if not len(statement.detections):
        what = "nothing was found: a structured report has a group per box"
        raise UserError(what, fix="write a secondary capture, which shows that")
    image = evidence(statement.source)
    with refusing_damage("the image"):
        report = ComprehensiveSR(
            evidence=[image],
            content=_content(statement, image),
            **statement.attributes("report"),
            is_complete=True,
            is_final=False,
            is_verified=False,
        )
        return named(report, statement.source)


def _content(statement: Statement, image: Dataset) -> MeasurementReport:
    algorithm = statement.algorithm
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
        imaging_measurements=list(_groups(statement, image)),
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[image] if all(image.get(keyword) for keyword in _DESCRIBED) else None,
    )


def _groups(statement: Statement, image: Dataset) -> Iterator[PlanarROIMeasurementsAndQualitativeEvaluations]:
    algorithm = statement.algorithm
    identification = AlgorithmIdentification(
        name=algorithm.title,
        version=algorithm.version,
        manufacturer=MANUFACTURER,
        parameters=algorithm.parameters(statement.detections.record),
    )
    pixels = SourceImageForRegion.from_source_image(image)
    for number, (outline, name, score) in enumerate(statement.boxes(), 1):
        tracking = TrackingIdentifier(uid=UID(statement.uid(f"box {number}")), identifier=f"{name} {number}")
        yield PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking,
            referenced_region=ImageRegion(GraphicTypeValues.POLYLINE, outline, pixels),
            finding_type=findings.finding(name),
            algorithm_id=identification,
            measurements=[Measurement(findings.score(name), round(100 * score, 4), codes.UCUM.Percent)],
        )
