"""What was found, as a DICOM presentation state: boxes that a viewer lays over the original image."""

from __future__ import annotations

from collections.abc import Iterator

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

from mdfnet.data.images.dicom_file import refusing_damage
from mdfnet.models.card import NOTICE
from mdfnet.services.pacs.source import evidence, named
from mdfnet.services.pacs.statement import Statement


def presentation_state(statement: Statement) -> Dataset:
    """A grayscale softcopy presentation state with a polyline and a name per box, and "research use only" in a corner.

    The image is shown as by its own window; a MONOCHROME1 image keeps its polarity.
    """
    image, title = evidence(statement.source), statement.algorithm.title
    with refusing_damage("the image"):
        layer = GraphicLayer(layer_name="MDFNET", order=1, description=f"{title}, research use only"[:64])
        outlines = [
            GraphicObject(GraphicTypeValues.POLYLINE, outline, AnnotationUnitsValues.PIXEL)
            for outline, _, _ in statement.boxes()
        ]
        notes = GraphicAnnotation(
            referenced_images=[image],
            graphic_layer=layer,
            graphic_objects=outlines or None,
            text_objects=list(_texts(statement, image)),
        )
        # Without this, viewers show the negative of a MONOCHROME1 image.
        shape = "INVERSE" if image.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
        state = GrayscaleSoftcopyPresentationState(
            referenced_images=[image],
            **statement.attributes("presentation"),
            content_label="MDFNET BOXES",
            content_description="Boxes, research use only",
            graphic_annotations=[notes],
            graphic_layers=[layer],
            presentation_lut_transformation=PresentationLUTTransformation(presentation_lut_shape=shape),
        )
        state.BodyPartExamined = "CHEST"
        return named(state, statement.source)


def _texts(statement: Statement, image: Dataset) -> Iterator[TextObject]:
    """The name at each box's corner, then the notice at the bottom."""
    unit, algorithm = AnnotationUnitsValues.PIXEL, statement.algorithm
    for outline, name, score in statement.boxes():
        x, y = np.clip(outline[0], 0, (image.Columns, image.Rows)).tolist()
        yield TextObject(f"{name} {score:.2f}", unit, anchor_point=(x, y), anchor_point_visible=False)
    what = "" if len(statement.detections) else f"Nothing found {algorithm.reported_from}. "
    bottom = (0.0, 0.96 * image.Rows, 0.6 * image.Columns, float(image.Rows))
    yield TextObject(f"{what}{algorithm.title}. {NOTICE}", unit, bounding_box=bottom)
