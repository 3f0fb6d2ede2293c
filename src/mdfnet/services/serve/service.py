"""What the server does for a request: decodes, encodes, detects, explains. Knows nothing of HTTP but refusals."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mdfnet.clinical.records import RecordResult
from mdfnet.clinical.use import uses_of
from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import IMAGE, Pseudonyms
from mdfnet.core.types import Detections, RecordUse
from mdfnet.data.importers.measurements import Matching
from mdfnet.explain.scores import box_scores
from mdfnet.explain.shapley import box_shapley
from mdfnet.models.card import NOTICE, Card
from mdfnet.models.fusion.features import Features
from mdfnet.models.model import Model
from mdfnet.models.preprocessing import image_tensor
from mdfnet.services.serve.answers import (
    BoxExplanation,
    Detection,
    Explanation,
    ModelName,
    OpenedImage,
    PreprocessingFacts,
    Result,
    Window,
)
from mdfnet.services.serve.audit import Audit
from mdfnet.services.serve.decoders import Decoded, Decoders
from mdfnet.services.serve.images import OpenImage, OpenImages
from mdfnet.services.serve.metrics import Metrics
from mdfnet.services.serve.model_thread import ModelThread
from mdfnet.services.serve.questions import LabeledBox, ReportRequest
from mdfnet.services.serve.records import clinical_answer, read_clinical
from mdfnet.services.serve.refusals import Refused
from mdfnet.services.serve.reports import ReportFile, detections_of, dicom, table
from mdfnet.services.serve.settings import Settings

#: Records that go through the model at once.
BATCH = 16


class Service:
    """A model with all that is needed to answer; ``names`` is the key of the hashes by which the log names images."""

    def __init__(self, model: Model, card: Card, settings: Settings, names: Pseudonyms, audit: Audit | None = None):
        self.card, self.settings, self.names, self.audit = card, settings, names, audit
        self.schema, self.classes = model.schema, model.classes
        self.fused = model.fusion is not None
        self.metrics = Metrics()
        self.images = OpenImages(settings, self.metrics)
        self.decoders = Decoders(settings, model.preprocessing.intensity)
        self.thread = ModelThread(model, self.metrics)
        self.matching = Matching(zone=settings.zone)
        self.model_name = ModelName(name=card.config.name, sha256=card.weights_sha256)
        self.preprocessing = PreprocessingFacts(**model.preprocessing.card())
        self.operating = model.operating
        self.ready = False

    async def warm_up(self) -> None:
        """Start the decoders and run the model once; from then on `ready`."""
        await self.decoders.start()
        side = 2 * self.card.config.input.size  # so that resizing is warm, too
        image = np.zeros((side, side), np.uint8)
        await self.predict(image, [self.record(None, None)])
        await self.noted("server", "start", None, None)
        self.ready = True

    async def stop(self) -> None:
        self.ready = False
        self.thread.stop()
        await self.decoders.stop()

    @property
    def about(self) -> dict[str, Any]:
        """What every prediction says of the model."""
        return {"model": self.model_name, "notice": NOTICE, "preprocessing": self.preprocessing}

    def image_name(self, data: bytes) -> str:
        """Keyed hash of an image's file."""
        return self.names.of(IMAGE, hashlib.sha256(data).hexdigest())

    def check_ready(self) -> None:
        if not self.ready:
            raise Refused(503, "not_ready", "the server is still starting", None, {"retry-after": "1"})

    async def decode(self, data: bytes) -> Decoded:
        """Decode an image outside of this process."""
        self.check_ready()
        with self.metrics.step("decode"):
            decoded = await self.decoders.decode(data)
        self.metrics.decoders_replaced.set(self.decoders.replaced)
        return decoded

    async def open(self, data: bytes) -> tuple[str, OpenImage]:
        """Decode and encode an image, and keep it; gives its id."""
        decoded = await self.decode(data)
        features = await self.thread.run("encode", lambda model: model.encode([image_tensor(decoded.image)]))
        kept = data if decoded.viewing.kind == "dicom" else b""
        image = OpenImage(kept, decoded.values, decoded.viewing, features, self.image_name(data))
        return self.images.add(image), image

    def record(self, given: Any, taken: Any) -> RecordResult:
        """Read a record that was sent; see `read_clinical`."""
        return read_clinical(self.schema, given, taken, self.matching)

    async def predict(self, image: Array, records: Sequence[RecordResult]) -> list[Result]:
        """What is found on an image with each record; it is encoded once."""
        found = await self.thread.run(
            "detect", lambda model: _detect(model, model.encode([image_tensor(image)]), records)
        )
        return [self.result(*pair) for pair in zip(records, found, strict=True)]

    async def detect(self, image: OpenImage, records: Sequence[RecordResult]) -> list[Detections]:
        """What is found on an open image with each record."""
        return await self.thread.run("detect", lambda model: _detect(model, image.features, records))

    async def what_if(
        self, image: OpenImage, records: Sequence[RecordResult], boxes: Sequence[LabeledBox]
    ) -> tuple[list[Detections], list[list[float]]]:
        """What is found on an open image with each record, and the score of each box under each."""
        places = detections_of(boxes, self.classes, image)
        found = await self.detect(image, records)
        if not boxes:
            return found, [[] for _ in records]
        clinical = torch.from_numpy(np.stack([record.values for record in records]))
        scores = await self.thread.run("score", lambda model: box_scores(model, image.features, places, clinical))
        return found, [[round(score, 6) for score in row] for row in scores.tolist()]

    async def explain(self, image: OpenImage, record: RecordResult, boxes: Sequence[LabeledBox]) -> Explanation:
        """Shapley values of a record for boxes that were found with it."""
        places, values = detections_of(boxes, self.classes, image), torch.from_numpy(record.values)
        shares = await self.thread.run("explain", lambda model: box_shapley(model, image.features, places, values))
        columns = (numbers.round(6).tolist() for numbers in (shares.baseline, shares.full, shares.values.T))
        answers = [
            BoxExplanation(baseline=baseline, full=full, values=dict(zip(self.schema.names, column, strict=True)))
            for baseline, full, column in zip(*columns, strict=True)
        ]
        return Explanation(boxes=answers, exact=shares.exact)

    def use(self, record: RecordResult) -> RecordUse | None:
        """How the model uses a record, without running it; None where it looks at images alone."""
        if not self.fused:
            return None
        given = torch.from_numpy(record.values)[None]
        kept = self.thread.model.screen(given)
        (use,) = uses_of(self.schema, self.thread.model.fitted.seen, given.numpy(), kept.numpy(), [record.notes])
        return use

    async def report(self, image: OpenImage, asked: ReportRequest) -> ReportFile:
        """A file of detections that a client sends back."""
        record = self.record(asked.clinical, image.viewing.taken)
        given = sorted(asked.detections, key=lambda one: -one.score)
        found = detections_of(given, self.classes, image, self.use(record))
        if asked.format in ("coco", "csv"):
            return table(asked.format, found, self.classes)
        if image.viewing.kind != "dicom":
            raise Refused(409, "not_dicom", "the image is not DICOM", "take coco or csv")
        gray = (await self.decode(image.data)).image if asked.format == "capture" else image.values
        return await asyncio.to_thread(
            dicom, asked.format, image.data, gray, found, self.classes, self.card, record.values
        )

    async def noted(self, who: str, action: str, image: str | None, body: bytes | None) -> None:
        """Write to the audit log, if there is one; without its line no answer goes out.

        ``who`` is the name of a token, ``image`` a keyed hash, and of the answer's ``body`` the hash is noted.
        """
        audit = self.audit
        if audit is None:
            return
        result = None if body is None else hashlib.sha256(body).hexdigest()
        facts = {"who": who, "action": action, "model": self.card.weights_sha256, "image": image, "result": result}
        try:
            with self.metrics.step("audit"):
                await asyncio.to_thread(lambda: audit.add(**facts))
        except (OSError, UserError):
            message, fix = "the audit log cannot be written", "tell whoever runs the server"
            raise Refused(503, "no_audit", message, fix, {"retry-after": "60"}) from None

    def result(self, record: RecordResult, found: Detections) -> Result:
        clinical = clinical_answer(self.schema, record, found.record)
        return Result(clinical=clinical, detections=self.detections(found))

    def detections(self, found: Detections) -> list[Detection]:
        """For the answer: pixels to three decimals, scores to six."""
        detections = []
        for number, score, (x1, y1, x2, y2) in zip(
            found.labels.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True
        ):
            label = self.classes.name(number)
            likely = None if self.operating is None else round(self.operating.calibrated(label, score), 6)
            box = (round(x1, 3), round(y1, 3), round(x2, 3), round(y2, 3))
            detections.append(Detection(label=label, score=round(score, 6), calibrated=likely, box=box))
        return detections

    def opened(self, identifier: str, image: OpenImage) -> OpenedImage:
        viewing = image.viewing
        window = Window(center=viewing.center, width=viewing.width)
        shown = {name: getattr(viewing, name) for name in ("bits", "invert", "kind", "view")}
        return OpenedImage(id=identifier, width=image.width, height=image.height, window=window, **shown)


def _detect(model: Model, features: Features, records: Sequence[RecordResult]) -> list[Detections]:
    starts = range(0, len(records), BATCH)
    return [one for start in starts for one in model.detect_from(features, records[start : start + BATCH])]
