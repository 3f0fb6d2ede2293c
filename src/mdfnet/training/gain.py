"""How much the records improve detection on the validation images, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdfnet.core.types import Classes, Detections, Sample
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.comparison import Difference, Pair, compare_models
from mdfnet.metrics.measures import Matched
from mdfnet.models.inference import detect_images
from mdfnet.models.model import Model

DetectionsById = dict[str, Detections]  #: Detections by the image's id


def detect_without_records(model: Model, images: Sequence[Sample]) -> DetectionsById:
    """What a model finds on images whose records it does not get."""
    blank = [replace(image, clinical=np.full_like(image.clinical, np.nan)) for image in images]
    return dict(zip((image.id for image in images), detect_images(model, blank), strict=True))


def gain(
    images: Sequence[Sample], image_only: DetectionsById, fused: DetectionsById, classes: Classes, measure: str
) -> Difference:
    """How much higher the mean of a measure over all findings is with the records, as ``mdfnet compare`` has it."""
    names, targets = [image.id for image in images], [image.target for image in images]
    without, given = (
        Matched.of(Cases.of([found[name] for name in names], targets, len(classes), names))
        for found in (image_only, fused)
    )
    pair = Pair(without, given, tuple(image.patient for image in images))
    return next(one for one in compare_models([[pair]], [measure], classes.names) if one.finding == "all")
