"""Files made of what was found on an open film."""

from __future__ import annotations

import numpy as np

from mdfnet.errors import UserError
from mdfnet.predictions import coco_text, csv_text
from mdfnet.serve.answers import GivenDetection
from mdfnet.serve.films import OpenFilm
from mdfnet.serve.refusals import Refused
from mdfnet.types import Classes, Detections

#: What COCO and CSV call the film: its own name stays where it came from.
FILM = "film"


def detections_of(given: list[GivenDetection], classes: Classes, film: OpenFilm) -> Detections:
    """Detections as the client sent them back, highest score first.

    Raises:
        Refused: A class is unknown, or a box is none of the film's.
    """
    for one in given:
        check_box(one.box, film)
    given = sorted(given, key=lambda one: -one.score)
    try:
        labels = np.array([classes.label(one.label) for one in given], np.int64)
    except UserError as error:
        raise Refused.of(error, "unknown_class") from None
    boxes = np.float32([one.box for one in given]).reshape(-1, 4)
    return Detections(boxes, labels, np.float32([one.score for one in given]))


def check_box(box: tuple[float, float, float, float], film: OpenFilm) -> None:
    """Make sure that a box lies on a film and has an area.

    Raises:
        Refused: It does not.
    """
    x1, y1, x2, y2 = box
    if not (0 <= x1 < x2 <= film.width and 0 <= y1 < y2 <= film.height):
        what = f"a box does not lie on the film of {film.width} x {film.height} pixels"
        raise Refused(422, "bad_box", what, "give x1, y1, x2, y2 with x1 < x2 and y1 < y2")


def table(form: str, found: Detections, classes: Classes) -> tuple[bytes, str]:
    """COCO results or CSV, and the media type."""
    if form == "coco":
        return coco_text([FILM], [found], classes).encode(), "application/json"
    return csv_text([FILM], [found], classes).encode(), "text/csv"
