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
from mdfnet.core.errors import UserError
from mdfnet.data.images.read import read_image
from mdfnet.models.card import find_model
from mdfnet.models.inference import on_best_device
from mdfnet.models.load import load
from mdfnet.models.preprocessing import image_tensor
from mdfnet.report.record import summary
from mdfnet.services.pacs.about import About
from mdfnet.services.pacs.objects import as_file, objects_of
from mdfnet.services.pacs.records import Records, record_for
from mdfnet.services.pacs.settings import NodeConfig
from mdfnet.services.pacs.source import read_source
from mdfnet.services.pacs.suitable import why_not

_log = logging.getLogger(__name__)


class Unsuited(Exception):
    """The image is not reported on; the text says why and quotes nothing of its header."""


@dataclass
class Answer:
    """What is to be sent about an image.

    Args:
        contents: DICOM files.
        words: What was found, for the log: counts and names of features, no values.
        seconds: What took how long.
    """

    contents: list[bytes] = field(default_factory=list)
    words: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long the block takes."""
        start = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start


class Reader:
    """A model with what it needs to answer about an image.

    Args:
        config: The node's.

    Raises:
        UserError: There is no such model.
    """

    def __init__(self, config: NodeConfig):
        folder = find_model(config.model)
        self.model = on_best_device(load(folder))
        self.about = About.of(folder, config.threshold)
        self.also, self.unstated = config.also, config.unstated

    def answer(self, content: bytes, records: Records) -> Answer:
        """Read an image and the patient's record, detect, and make the objects.

        Args:
            content: The image's file.
            records: Where the record comes from.

        Raises:
            Unsuited: It is no image to report on.
            Unreachable: Records cannot be asked for now.
        """
        answer = Answer()
        with tempfile.TemporaryDirectory(prefix="mdfnet-") as folder:  # readable by its owner alone
            path = Path(folder) / "image.dcm"
            path.write_bytes(content)
            try:
                with answer.timed("image"):
                    source = read_source(path)
                    reason = why_not(source, self.unstated)
                    if reason:
                        raise Unsuited(reason)
                    image = read_image(path, self.model.preprocessing.intensity)
            except UserError as error:
                raise Unsuited(error.what) from None
        with answer.timed("record"):
            record = self._record(source, records)
        with answer.timed("model"):
            found = self.model.detect([image_tensor(image)], [record])[0].without_masks().cpu()
        with answer.timed("objects"):
            objects = self._objects(source, image, found, record)
            answer.contents = [as_file(one) for one in objects.values()]
        boxes = len(found.above(self.about.threshold))
        use = "image alone" if found.record is None else summary(found.record)
        answer.words = f"{boxes} {'box' if boxes == 1 else 'boxes'} ({use}): {', '.join(objects)}"
        return answer

    def _record(self, source: Dataset, records: Records) -> RecordResult | None:
        try:
            return record_for(source, records, self.model.schema)
        except UserError as error:
            _log.warning("detecting without a record: %s", error.what)
            return None

    def _objects(self, source: Dataset, image, found, record: RecordResult | None) -> dict[str, Dataset]:
        values = record.values if record is not None else None
        try:
            return objects_of(source, image, found, self.model.classes, self.about, values, self.also)
        except UserError as error:
            raise Unsuited(error.what) from None
