"""What was found, as a DICOM presentation state: boxes that a viewer lays over the original image."""

from __future__ import annotations

import numpy as np
from highdicom import PresentationLUTTransformation
from highdicom.pr import (
    AnnotationUnitsValues,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GraphicTypeValues,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)
from pydicom import Dataset

from mdfnet.core.arrays import Floats
from mdfnet.core.types import Classes, Detections
from mdfnet.models.card import NOTICE
from mdfnet.services.pacs.algorithm import Algorithm, object_attributes
from mdfnet.services.pacs.report import closed_outline
from mdfnet.services.pacs.source import character_set, evidence, numbers, of_same_study


def presentation_state(
    source: Dataset,
    detections: Detections,
    classes: Classes,
    algorithm: Algorithm,
    record: Floats | None = None,
) -> Dataset:
    """A grayscale softcopy presentation state with a polyline and a name per box, and "research use only" in a corner.

    The image is shown as by its own window; a MONOCHROME1 image keeps its polarity.

    Args:
        source, detections, classes, algorithm, record: As for `mdfnet.services.pacs.report.structured_report`.

    Raises:
        UserError: The image's header cannot be reported on.
    """
    image = evidence(source)
    with of_same_study(source) as named:
        layer = GraphicLayer(layer_name="MDFNET", order=1, description=f"{algorithm.title}, research use only"[:64])
        outlines = [
            GraphicObject(GraphicTypeValues.POLYLINE, closed_outline(box), AnnotationUnitsValues.PIXEL)
            for box in numbers(detections)[0]
        ]
        notes = GraphicAnnotation(
            referenced_images=[image],
            graphic_layer=layer,
            graphic_objects=outlines or None,
            text_objects=[*_names(detections, classes, image), _notice(image, algorithm, detections)],
        )
        # Without this, viewers show the negative of a MONOCHROME1 image.
        shape = "INVERSE" if image.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
        state = GrayscaleSoftcopyPresentationState(
            referenced_images=[image],
            **object_attributes("presentation", algorithm, image.SOPInstanceUID, record),
            specific_character_set=character_set(source, (algorithm.name, *classes.names)),
            content_label="MDFNET BOXES",
            content_description="Boxes, research use only",
            graphic_annotations=[notes],
            graphic_layers=[layer],
            presentation_lut_transformation=PresentationLUTTransformation(presentation_lut_shape=shape),
        )
        state.BodyPartExamined = "CHEST"
        return named(state)


def _names(detections: Detections, classes: Classes, image: Dataset) -> list[TextObject]:
    texts = []
    for box, label, score in zip(*numbers(detections), strict=True):
        corner = float(np.clip(box[0], 0, image.Columns)), float(np.clip(box[1], 0, image.Rows))
        text = f"{classes.name(label)} {score:.2f}"
        texts.append(TextObject(text, AnnotationUnitsValues.PIXEL, anchor_point=corner, anchor_point_visible=False))
    return texts


def _notice(image: Dataset, algorithm: Algorithm, detections: Detections) -> TextObject:
    what = "" if len(detections) else f"Nothing found {algorithm.reported_from}. "
    box = (0.0, 0.96 * image.Rows, 0.6 * image.Columns, float(image.Rows))
    return TextObject(f"{what}{algorithm.title}. {NOTICE}", AnnotationUnitsValues.PIXEL, bounding_box=box)
