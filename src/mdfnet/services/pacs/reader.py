"""From an image's file to what is to be sent about it, or why nothing is."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import Dataset

from mdfnet.clinical.records import RecordResult
from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.data.images.read import read_image
from mdfnet.models.card import find_model
from mdfnet.models.inference import on_best_device
from mdfnet.models.load import load
from mdfnet.models.preprocessing import image_tensor
from mdfnet.report.record import summary
from mdfnet.services.pacs.algorithm import Algorithm
from mdfnet.services.pacs.objects import as_file, objects_of
from mdfnet.services.pacs.records import RecordSource, record_for
from mdfnet.services.pacs.settings import NodeConfig
from mdfnet.services.pacs.source import read_source
from mdfnet.services.pacs.suitable import why_not

_log = logging.getLogger(__name__)


class NotReportable(Exception):
    """The image is not reported on; the text says why and quotes nothing of its header."""


@dataclass
class Answer:
    """What is to be sent about an image."""

    contents: list[bytes] = field(default_factory=list)  #: DICOM files
    words: str = ""  #: What was found, for the log: counts and names of features, no values
    seconds: dict[str, float] = field(default_factory=dict)  #: What took how long

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long the block takes."""
        start = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start


class Reader:
    """A model with what it needs to answer about an image."""

    def __init__(self, config: NodeConfig):
        folder = find_model(config.model)
        self.model = on_best_device(load(folder))
        self.algorithm = Algorithm.of(folder, config.threshold)
        self.also, self.unstated = config.also, config.unstated

    def answer(self, content: bytes, records: RecordSource) -> Answer:
        """Read an image's file and the patient's record, detect, and make the objects; or raise `NotReportable`."""
        answer = Answer()
        with answer.timed("image"), _refusing():
            source, image = self._image(content)
        with answer.timed("record"):
            record = self._record(source, records)
        with answer.timed("model"):
            found = self.model.detect([image_tensor(image)], [record])[0].without_masks().cpu()
        with answer.timed("objects"), _refusing():
            values = record.values if record is not None else None
            objects = objects_of(source, image, found, self.model.classes, self.algorithm, values, self.also)
            answer.contents = [as_file(one) for one in objects.values()]
        boxes = len(found.above(self.algorithm.threshold))
        use = "image alone" if found.record is None else summary(found.record)
        answer.words = f"{boxes} {'box' if boxes == 1 else 'boxes'} ({use}): {', '.join(objects)}"
        return answer

    def _image(self, content: bytes) -> tuple[Dataset, Array]:
        with tempfile.TemporaryDirectory(prefix="mdfnet-") as folder:  # readable by its owner alone
            path = Path(folder) / "image.dcm"
            path.write_bytes(content)
            source = read_source(path)
            if reason := why_not(source, self.unstated):
                raise NotReportable(reason)
            return source, read_image(path, self.model.preprocessing.intensity)

    def _record(self, source: Dataset, records: RecordSource) -> RecordResult | None:
        try:
            return record_for(source, records, self.model.schema)
        except UserError as error:
            _log.warning("detecting without a record: %s", error.what)
            return None


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise NotReportable(error.what) from None
