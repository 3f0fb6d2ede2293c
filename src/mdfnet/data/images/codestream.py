"""What a compressed image says of its own size, before a decoder takes memory for it.

A decoder believes the header of what it decodes, DICOM believes its own; where the two differ, one of them lies. Pillow
reads only some of these headers: no JPEG-LS, and no JPEG of more than 8 bits.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from pydicom.uid import UID, RLELossless

#: JPEG and JPEG-LS start a frame with one of these (ITU-T T.81 table B.1, T.87 table C.1): size and components follow.
_FRAME_MARKERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_STANDALONE_MARKERS = {0x01, *range(0xD0, 0xD9)}

#: Byte planes are padded to an even length, by some writers to more.
_RLE_PADDING = 8


def matches(frame: bytes, syntax: UID, width: int, height: int, sample_bytes: int) -> bool:
    """Whether one compressed gray frame, without DICOM's packaging, holds an image of this size and no more.

    Examples:
        >>> matches(bytes.fromhex("ffd8 ffc0 000b 08 0040 0030 01 011100"), UID("1.2.840.10008.1.2.4.50"), 48, 64, 1)
        True
    """
    if syntax == RLELossless:
        return _rle_fits(frame, width * height, sample_bytes)
    size = _jpeg_size(frame) if frame.startswith(b"\xff\xd8") else _jpeg_2000_size(frame)
    return size == (width, height, 1)


def _jpeg_size(frame: bytes) -> tuple[int, int, int] | None:
    """Width, height and components of a JPEG or JPEG-LS."""
    place = 0
    while place + 4 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker in _FRAME_MARKERS and place + 10 <= len(frame):
            height, width, components = struct.unpack_from(">HHB", frame, place + 5)
            return width, height, components
        # 0xFF before a marker is padding.
        skipped = 1 if marker == 0xFF else 2
        if marker not in _STANDALONE_MARKERS and marker != 0xFF:
            skipped += max(2, struct.unpack_from(">H", frame, place + 2)[0])
        place += skipped
    return None


def _jpeg_2000_size(frame: bytes) -> tuple[int, int, int] | None:
    """Width, height and components of a JPEG 2000 (ITU-T T.800 A.5.1), None where it has absurdly many tiles."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or len(frame) < start + 42:
        return None
    x, y, x0, y0, tile_x, tile_y, tile_x0, tile_y0, components = struct.unpack_from(">8IH", frame, start + 8)
    if not (tile_x and tile_y) or (x - tile_x0) / tile_x * ((y - tile_y0) / tile_y) > 65535:
        return None
    return x - x0, y - y0, components


def _rle_fits(frame: bytes, pixels: int, sample_bytes: int) -> bool:
    """Whether each byte plane of a run-length coded frame (PS3.5 annex G) gives as many bytes as there are pixels."""
    if len(frame) < 64:
        return False
    count, *offsets = struct.unpack_from("<16I", frame)
    if count != sample_bytes:
        return False
    bounds = [*offsets[:count], len(frame)]
    return all(_plane_fits(frame, start, end, pixels) for start, end in pairwise(bounds))


def _plane_fits(frame: bytes, place: int, end: int, pixels: int) -> bool:
    """Whether the runs of a plane give its pixels, up to a byte of padding, and then end; counting stops there."""
    given = 0
    while place + 1 < end and given < pixels:
        code = frame[place]
        if code < 128:
            given, place = given + code + 1, place + code + 2
        elif code > 128:
            given, place = given + 257 - code, place + 2
        else:
            place += 1
    return pixels <= given <= pixels + 1 and 0 <= end - place <= _RLE_PADDING
