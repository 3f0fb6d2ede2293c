"""Files made of what was found on an open image."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import torch

from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections, RecordUse
from mdfnet.evaluation.prediction_files import coco_text, csv_text
from mdfnet.models.card import Card
from mdfnet.services.serve.images import OpenImage
from mdfnet.services.serve.memory import in_memory, path_of
from mdfnet.services.serve.questions import GivenDetection, LabeledBox
from mdfnet.services.serve.refusals import Refused

#: What COCO and CSV call the image: its own name stays where it came from.
IMAGE = "image"


class ReportFile(NamedTuple):
    """A file: its content, its media type, and a name that says nothing of a patient."""

    content: bytes
    kind: str
    name: str


def detections_of(
    given: Sequence[GivenDetection | LabeledBox], classes: Classes, image: OpenImage, record: RecordUse | None = None
) -> Detections:
    """Detections as the client sent them back, or boxes without scores, in their order."""
    for x1, y1, x2, y2 in (one.box for one in given):
        if not (0 <= x1 < x2 <= image.width and 0 <= y1 < y2 <= image.height):
            what = f"a box does not lie on the image of {image.width} x {image.height} pixels"
            raise Refused(422, "bad_box", what, "give x1, y1, x2, y2 with x1 < x2 and y1 < y2")
    try:
        labels = torch.tensor([classes.label(one.label) for one in given], dtype=torch.int64)
    except UserError as error:
        raise Refused.of(error, "unknown_class") from None
    boxes = torch.tensor([one.box for one in given], dtype=torch.float32).reshape(-1, 4)
    scores = torch.tensor([getattr(one, "score", 0.0) for one in given], dtype=torch.float32)
    return Detections(boxes, labels, scores, record=record)


def table(form: str, found: Detections, classes: Classes) -> ReportFile:
    """COCO results or CSV."""
    if form == "coco":
        return ReportFile(coco_text([IMAGE], [found], classes).encode(), "application/json", "detections.json")
    return ReportFile(csv_text([IMAGE], [found], classes).encode(), "text/csv", "detections.csv")


def dicom(
    form: str, data: bytes, image: np.ndarray, found: Detections, classes: Classes, card: Card, record: np.ndarray
) -> ReportFile:
    """A structured report ("sr") or a secondary capture of all that is given, refused without the extra ``dicom``.

    ``data`` is the image's file, which a decoder has read without fault before; ``image`` uint8 or uint16 ``[H, W]``,
    and ``record`` float32 ``[F]``, as the model was given them.
    """
    try:
        from mdfnet.services.pacs.algorithm import Algorithm
        from mdfnet.services.pacs.capture import secondary_capture
        from mdfnet.services.pacs.objects import as_file
        from mdfnet.services.pacs.report import structured_report
        from mdfnet.services.pacs.source import read_source
        from mdfnet.services.pacs.statement import Statement
    except ImportError:
        fix = "install mdfnet[dicom] on the server, or take coco or csv"
        raise Refused(409, "no_dicom", "this server makes no DICOM", fix) from None
    least = float(np.floor(found.scores.min() * 100) / 100) if len(found) else 0.0
    algorithm = Algorithm(card.config.name, version("mdfnet"), card.weights_sha256, least)
    try:
        with in_memory(data) as descriptor:
            source = read_source(path_of(descriptor))
        statement = Statement(source, found, classes, algorithm, record)
        made = structured_report(statement) if form == "sr" else secondary_capture(statement, image)
    except UserError as error:
        raise Refused.of(error, "no_report") from None
    return ReportFile(as_file(made), "application/dicom", "report.dcm" if form == "sr" else "capture.dcm")
