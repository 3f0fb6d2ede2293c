"""What the records add on the validation films, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mdfnet.core.types import Classes, Detections, Study
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.comparison import Difference, Pair, compare_models
from mdfnet.metrics.measures import Matched
from mdfnet.models.inference import detect_films
from mdfnet.models.model import Model

#: Detections by film.
Found = Mapping[str, Detections]


def found_alone(model: Model, films: Sequence[Study]) -> dict[str, Detections]:
    """What a model finds on films whose records are not shown to it."""
    blank = [replace(film, clinical=np.full_like(film.clinical, np.nan)) for film in films]
    return dict(zip((film.id for film in films), detect_films(model, blank), strict=True))


def gain(films: Sequence[Study], alone: Found, fused: Found, classes: Classes, measure: str) -> Difference:
    """How much higher the mean of a measure over all findings is with the records, as ``mdfnet compare`` tells it.

    Args:
        films: Whose findings are known.
        alone, fused: What was found on them without and with the records.
        classes: The findings.
        measure: Its name.
    """
    names, marks = [film.id for film in films], [film.target for film in films]
    without, given = (
        Matched.of(Cases.of([found[name] for name in names], marks, len(classes), names)) for found in (alone, fused)
    )
    pair = Pair(without, given, tuple(film.patient for film in films))
    return next(one for one in compare_models([[pair]], [measure], classes.names) if one.finding == "all")
