"""Images that are open: decoded and encoded once, in memory only, for a while."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mdfnet.core.arrays import Array
from mdfnet.data.images.viewing import Viewing
from mdfnet.models.fusion.features import Features
from mdfnet.services.serve.metrics import Metrics
from mdfnet.services.serve.refusals import Refused
from mdfnet.services.serve.settings import Settings


@dataclass(frozen=True)
class OpenImage:
    """An image that is open."""

    data: bytes  #: The file as it came, of DICOM, from which reports are made; of others empty
    values: Array  #: For the viewer, uint16 ``[H, W]``
    viewing: Viewing  #: How it is shown first
    features: Features  #: What the model's encoder gave
    name: str  #: Keyed hash of the file, for the audit log

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    @property
    def height(self) -> int:
        return int(self.values.shape[0])

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return len(self.data) + self.values.nbytes + _bytes([self.features.images, self.features.outputs])


class OpenImages:
    """Keeps images under ids that cannot be guessed; closes the oldest when memory is short, and all in time."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic):
        self.settings, self.metrics, self.clock = settings, metrics, clock
        self._images: OrderedDict[str, tuple[float, OpenImage]] = OrderedDict()

    def add(self, image: OpenImage) -> str:
        """Keep an image; gives its id."""
        identifier = secrets.token_urlsafe(16)
        self._images[identifier] = (self.clock(), image)
        while self._bytes > self.settings.kept_bytes and len(self._images) > 1:
            self._images.popitem(last=False)
        self.sweep()
        return identifier

    def get(self, identifier: str) -> OpenImage:
        """The image of an id, which is used now."""
        self.sweep()
        if identifier not in self._images:
            raise Refused(404, "image_gone", "no such image is open", "open it again")
        _, image = self._images.pop(identifier)
        self._images[identifier] = (self.clock(), image)
        return image

    def sweep(self) -> None:
        """Close what has not been used for long."""
        oldest = self.clock() - self.settings.kept_seconds
        while self._images and next(iter(self._images.values()))[0] < oldest:
            self._images.popitem(last=False)
        self.metrics.images.set(len(self._images))
        self.metrics.image_bytes.set(self._bytes)

    @property
    def _bytes(self) -> int:
        return sum(image.bytes for _, image in self._images.values())


def _bytes(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_bytes, value.values()))
    return sum(map(_bytes, value)) if isinstance(value, list | tuple) else 0
