"""What was found, drawn on the image, as a DICOM secondary capture: every viewer shows it, and "nothing" too."""

from __future__ import annotations

import numpy as np
from highdicom.sc import SCImage
from pydicom import Dataset
from pydicom.uid import RLELossless

from mdfnet.core.arrays import Array, Floats
from mdfnet.core.types import Classes, Detections
from mdfnet.report.overlay import SMALLEST, draw
from mdfnet.report.record import summary
from mdfnet.services.pacs.algorithm import Algorithm, object_attributes
from mdfnet.services.pacs.source import character_set, evidence, of_same_study, patient_orientation

#: Longer side of the picture in pixels: names can be read, and it takes a tenth of what the image takes.
LARGEST = 1280


def secondary_capture(
    source: Dataset,
    image: Array,
    detections: Detections,
    classes: Classes,
    algorithm: Algorithm,
    record: Floats | None = None,
) -> Dataset:
    """A color picture of the image with boxes, names and scores, and below it who says so, for research use only.

    Nothing that tells whom it shows is burnt in: no clinical value, only the names of those that were used.

    Args:
        source: The image's header, see `mdfnet.services.pacs.source.read_source`.
        image: uint8 or full-scale uint16 ``[H, W]``, as the model was given it.
        detections: What to draw; boxes in pixels of the image.
        classes: Names of the labels.
        algorithm, record: As for `mdfnet.services.pacs.report.structured_report`.

    Raises:
        UserError: The image's header cannot be reported on.
    """
    common = evidence(source)
    size = min(LARGEST, max(SMALLEST, *image.shape))
    picture = draw(image, classes, detections=detections, record=_words(detections, algorithm), size=size)
    with of_same_study(source) as named:
        capture = SCImage.from_ref_dataset(
            common,
            pixel_array=np.asarray(picture),
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=patient_orientation(source),
            **object_attributes("capture", algorithm, common.SOPInstanceUID, record),
            specific_character_set=character_set(source, (algorithm.name, *classes.names)),
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
        return named(capture)


def _words(detections: Detections, algorithm: Algorithm) -> list[tuple[str, str]]:
    record = "image alone" if detections.record is None else summary(detections.record)
    what = "boxes" if len(detections) else "nothing found"
    return [
        ("Research use only.", "Not a medical device."),
        (algorithm.title, f"{algorithm.version}, weights {algorithm.sha256[:8]}"),
        (what, algorithm.reported_from),
        ("record:", record),
    ]
