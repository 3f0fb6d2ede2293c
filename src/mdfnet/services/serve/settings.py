"""What a server allows and keeps; nothing of it is read from requests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mdfnet.data.images.limits import MOST_PIXELS


@dataclass(frozen=True)
class Settings:
    """Limits of a server, and what it works with.

    Args:
        max_bytes: Largest body of a request.
        max_json: Largest body, or part of a form, that is JSON: a record, a bundle, or a list of records.
        seconds: A request ends after as many, with 503.
        decode_seconds: Decoding one image may take as many, on the clock and of processor time.
        decode_memory: Bytes that a decoder may take beyond what it starts with.
        queue: Requests with a body that are in hand at once; the next gets 503.
        decoders: Processes that decode images.
        records: Most records of one what-if.
        boxes: Most boxes of one what-if or explanation.
        kept_bytes: Memory for open images; the least recently used one goes first.
        kept_seconds: An open image is closed when it was not used for as long.
        images: Folder of the worklist, or None.
        zone: Time zone of DICOM times without an offset, such as ``Europe/Berlin``, or None.
    """

    max_bytes: int = 100_000_000
    max_json: int = 4_000_000
    seconds: float = 30.0
    decode_seconds: float = 10.0
    decode_memory: int = 1_500_000_000
    queue: int = 16
    decoders: int = 2
    records: int = 64
    boxes: int = 100
    kept_bytes: int = 1_000_000_000
    kept_seconds: float = 1800.0
    images: Path | None = None
    zone: str | None = None

    #: Of an image; the same for all that read images.
    max_pixels: int = MOST_PIXELS
