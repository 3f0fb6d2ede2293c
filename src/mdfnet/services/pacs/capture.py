"""What was found, drawn on the image, as a DICOM secondary capture: every viewer shows it, and "nothing" too."""

from __future__ import annotations

import numpy as np
from highdicom.sc import SCImage
from pydicom import Dataset
from pydicom.uid import RLELossless

from mdfnet.core.arrays import Array
from mdfnet.data.images.dicom_file import refusing_damage
from mdfnet.report.overlay import SMALLEST, draw
from mdfnet.report.record import summary
from mdfnet.services.pacs.source import evidence, named, patient_orientation
from mdfnet.services.pacs.statement import Statement

#: Longer side of the picture in pixels: names can be read, and it takes a tenth of what the image takes.
LARGEST = 1280


def secondary_capture(statement: Statement, image: Array) -> Dataset:
    """A color picture of the image with boxes, names and scores, and below it who says so, for research use only.

    Nothing that tells whom it shows is burnt in: no clinical value, only the names of those that were used. ``image``
    is uint8 or full-scale uint16 ``[H, W]``, as the model was given it.
    """
    source, detections, algorithm = statement.source, statement.detections, statement.algorithm
    common = evidence(source)
    size = min(LARGEST, max(SMALLEST, *image.shape))
    words = [
        ("Research use only.", "Not a medical device."),
        (algorithm.title, f"{algorithm.version}, weights {algorithm.sha256[:8]}"),
        ("boxes" if len(detections) else "nothing found", algorithm.reported_from),
        ("record:", "image alone" if detections.record is None else summary(detections.record)),
    ]
    picture = draw(image, statement.classes, detections=detections, record=words, size=size)
    with refusing_damage("the image"):
        capture = SCImage.from_ref_dataset(
            common,
            pixel_array=np.asarray(picture),
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=patient_orientation(source),
            **statement.attributes("capture"),
            transfer_syntax_uid=RLELossless,
        )
        capture.BurnedInAnnotation = "NO"  # which asks for annotation that identifies the patient
        capture.ImageType = ["DERIVED", "SECONDARY"]
        capture.DerivationDescription = f"{algorithm.title} {algorithm.version}: boxes drawn on the image"
        reference = Dataset()
        reference.ReferencedSOPClassUID = common.SOPClassUID
        reference.ReferencedSOPInstanceUID = common.SOPInstanceUID
        capture.SourceImageSequence = [reference]
        capture.BodyPartExamined = "CHEST"
        return named(capture, source)
