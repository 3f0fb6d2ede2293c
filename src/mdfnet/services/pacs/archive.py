"""What the node asks of an archive: images out of it, reports into it, and which failures pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

#: Keys of images, what to note of how far the archive has been read, and how many objects of other storage classes
#: were passed over.
Found = tuple[list[str], dict[str, str], dict[str, int]]


class Unreachable(Exception):
    """It did not work this time; another time it may. Says what did not answer, and no address of a patient."""


class Rejected(Exception):
    """A server understood and does not want it, whenever it is asked."""


class ImageSource(Protocol):
    """Where images come from."""

    def new(self, facts: dict[str, str]) -> Iterator[Found]:
        """What is new since these facts were noted, batch by batch."""

    def fetch(self, key: str) -> bytes:
        """An image's file; Rejected: it is not there any more."""

    def finished(self, key: str) -> None:
        """The image has been answered, or will not be."""


class ReportTarget(Protocol):
    """Where reports go."""

    def store(self, content: bytes) -> None:
        """Keep an object; one that is there already stays."""
