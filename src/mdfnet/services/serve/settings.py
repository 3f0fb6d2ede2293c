"""What a server allows and keeps; nothing of it is read from requests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mdfnet.data.images.limits import MOST_PIXELS


@dataclass(frozen=True)
class Settings:
    """Limits of a server, and what it works with."""

    max_bytes: int = 100_000_000  #: Largest body of a request
    max_json: int = 4_000_000  #: Largest body, or part of a form, that is JSON: a record, a bundle, a list of records
    seconds: float = 30.0  #: A request ends after as many, with 503
    decode_seconds: float = 10.0  #: Decoding one image may take as many, on the clock and of processor time
    decode_memory: int = 1_500_000_000  #: Bytes that a decoder may take beyond what it starts with
    queue: int = 16  #: Requests with a body that are in hand at once; the next gets 503
    decoders: int = 2  #: Processes that decode images
    records: int = 64  #: Most records of one what-if
    boxes: int = 100  #: Most boxes of one what-if or explanation
    kept_bytes: int = 1_000_000_000  #: Memory for open images; the least recently used one goes first
    kept_seconds: float = 1800.0  #: An open image is closed when it was not used for as long
    images: Path | None = None  #: Folder of the worklist
    zone: str | None = None  #: Time zone of DICOM times without an offset, such as ``Europe/Berlin``
    max_pixels: int = MOST_PIXELS  #: Of an image; the same for all that read images
