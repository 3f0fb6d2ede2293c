"""DICOM files read within bounds: what a file claims is checked before time or memory is spent on it."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MPEGTransferSyntaxes,
)

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.data.images.codestream import matches
from mdfnet.data.images.limits import MOST_PIXELS

#: No image's file is larger, in bytes: 16 bits a pixel and as much again.
MOST_BYTES = 4 * MOST_PIXELS

#: What stands before the pixels is no larger, in bytes: a few kilobytes are usual, overlays can be megabytes.
_MOST_HEADER = 8_000_000

#: How often pydicom may read from a header: some 300 elements are usual, and each takes one to three.
_MOST_READS = 6_000

#: What is read of a header: what an image is, how it is displayed, and whom it shows. Nothing else leaves the file.
_KEYWORDS = (
    *("SOPClassUID", "Modality", "PresentationIntentType", "BurnedInAnnotation", "StudyDate", "StudyTime"),
    *("PatientID", "PatientSex", "PatientAge", "PatientBirthDate", "PatientOrientation"),
    *("ViewPosition", "ViewCodeSequence", "PixelSpacing", "ImagerPixelSpacing"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleIntercept", "RescaleSlope", "RescaleType", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
)

_DEFLATED = DeflatedExplicitVRLittleEndian
_UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, _DEFLATED)
_META_START, _PIXELS = 132, 0x7FE00010


class _Bounded:
    """A file that lets itself be read only so often, so that millions of tiny elements do not take minutes."""

    def __init__(self, file: BinaryIO, reads: int):
        self.file, self.reads = file, reads
        self.seek, self.tell = file.seek, file.tell
        here = file.tell()
        self.size = file.seek(0, 2)
        file.seek(here)

    def read(self, count: int = -1) -> bytes:
        self.reads -= 1
        if self.reads < 0:
            raise UserError("the DICOM header has too many elements", fix="is it a chest X-ray?")
        left = max(0, self.size - self.tell())  # a length that lies takes no memory
        return self.file.read(left if count < 0 else min(count, left))


def _bounded(file: BinaryIO, reads: int) -> BinaryIO:
    return cast(BinaryIO, _Bounded(file, reads))  # as much of one as pydicom uses


class _Unquoted:
    """pydicom without validation while any thread reads: its warnings quote values, its switch is one for all."""

    def __init__(self) -> None:
        self.lock, self.readers, self.switch = threading.Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self.lock:
            if not self.readers:
                self.switch.enter_context(disable_value_validation())
            self.readers += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.readers -= 1
            if not self.readers:
                self.switch.close()


_UNQUOTED = _Unquoted()


def read_header(path: str | Path, more: tuple[str, ...] = ()) -> pydicom.Dataset:
    """The `_KEYWORDS` and ``more`` of a file that are there, and ``file_meta``; the pixels are not touched."""
    return _read(path, _MOST_HEADER, more)


def read_pixels(path: str | Path, header: pydicom.Dataset) -> Array:
    """The stored values ``[H, W]`` of an image whose header has been found to be an image's."""
    dataset = read_coded(path, header)
    with refusing_damage(path):
        return dataset.pixel_array


def read_coded(path: str | Path, header: pydicom.Dataset) -> pydicom.Dataset:
    """An image with its pixels as they are stored, found to be all there, not yet decoded."""
    expected = header.Rows * header.Columns * header.BitsAllocated // 8
    dataset = _read(path, _MOST_HEADER + expected, ("PixelData",))
    if "PixelData" not in dataset:
        raise UserError("the DICOM file has no PixelData", where=path, fix="is it a chest X-ray?")
    syntax = dataset.file_meta.TransferSyntaxUID
    with refusing_damage(path):
        if syntax in _UNCOMPRESSED:
            whole = 0 <= len(dataset.PixelData) - expected < expected // header.Rows
        else:
            frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
            whole = matches(frame, syntax, header.Columns, header.Rows, header.BitsAllocated // 8)
        if not whole:
            what = f"the DICOM file is damaged: its pixels are not the {header.Columns} x {header.Rows} it claims"
            raise UserError(what, fix="fetch or export it again")
    return dataset


def _read(path: str | Path, most: int, more: tuple[str, ...]) -> pydicom.Dataset:
    pixels = "PixelData" in more
    with refusing_damage(path), open(path, "rb") as file:
        size = file.seek(0, 2)
        if size > MOST_BYTES:
            raise UserError(f"{size // 1_000_000} MB in one file", fix="is it a chest X-ray?")
        file.seek(_META_START)
        part = read_dataset(_bounded(file, _MOST_READS), False, True, stop_when=lambda tag, *_: tag.group != 2)
        meta = FileMetaDataset(part)
        syntax = UID(meta.TransferSyntaxUID)
        if syntax not in AllTransferSyntaxes or syntax in MPEGTransferSyntaxes:
            raise UserError(f"stored as {syntax.name}", fix="store it as explicit little endian")
        content: BinaryIO = file
        if syntax == _DEFLATED:
            content = BytesIO(zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), most))
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
        tags: list[BaseTag | int] = [Tag(keyword) for keyword in (*_KEYWORDS, *more)]
        stop = None if pixels else (lambda tag, *_: tag >= _PIXELS)
        reads = _MOST_READS + (size // 4096 if pixels else 0)  # compressed pixels are read 8 kB at a time
        implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
        dataset = read_dataset(_bounded(content, reads), implicit, little, stop_when=stop, specific_tags=tags)
        dataset.file_meta = meta
        return dataset


@contextmanager
def refusing_damage(path: str | Path) -> Iterator[None]:
    """Whatever pydicom and its decoders raise as an error of the user's; what they say can quote the patient's data."""
    try:
        with _UNQUOTED:
            yield
    except UserError as error:
        raise error if error.where else error.at(path) from None
    except Exception as error:  # of many kinds
        if isinstance(error, OSError) and error.strerror:  # pydicom raises it without
            raise UserError(f"cannot be read: {error.strerror}", where=path) from None
        if isinstance(error, RuntimeError) and "missing dependencies" in str(error):
            fix = "convert it to a lossless syntax first"
            raise UserError("there is no decoder for the way it is compressed", where=path, fix=fix) from None
        what = f"the DICOM file is damaged ({type(error).__name__})"
        raise UserError(what, where=path, fix="fetch or export it again") from None
