"""What an image's file says beside its pixels: found, and left out when an image is copied into a dataset folder.

PNG: text and EXIF chunks. JPEG: EXIF, XMP, IPTC and comments. DICOM: every element but those the pixels are shown by.
The pixels stay as they are, to the bit, and so does their compression.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from mdfnet.core.errors import UserError

#: Chunks of PNG that the pixels need (PNG specification, section 11).
_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_FIELDS = {b"tEXt": "text", b"zTXt": "text", b"iTXt": "text", b"eXIf": "EXIF", b"tIME": "a time"}
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

#: Application segments and comments of JPEG (ITU-T T.81, table B.1), but those that say how to show the pixels: JFIF's
#: and Adobe's.
_JPEG_LEFT_OUT = {*range(0xE0, 0xF0), 0xFE} - {0xE0, 0xEE}
_JPEG_FIELDS = {0xE1: "EXIF or XMP", 0xED: "IPTC", 0xFE: "a comment"}
_START_OF_SCAN = 0xDA

#: Elements of DICOM that the pixels are read by, or that say how the image was taken and nothing of whom (PS3.6
#: keywords).
_DICOM_KEPT = (
    *("SOPClassUID", "Modality", "ImageType", "PresentationIntentType", "ViewPosition", "ViewCodeSequence"),
    *("PatientOrientation", "BurnedInAnnotation", "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"),
    *("EstimatedRadiographicMagnificationFactor", "PixelSpacingCalibrationType", "SamplesPerPixel"),
    *("PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "NumberOfFrames", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("SmallestImagePixelValue", "LargestImagePixelValue", "PixelIntensityRelationship"),
    *("PixelIntensityRelationshipSign", "RescaleIntercept", "RescaleSlope", "RescaleType", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "PresentationLUTShape"),
    *("LossyImageCompression", "PixelData"),
)

#: Elements that name or date a patient, a study or a physician. PS3.15 table E.1-1 has more; none of them is kept.
_DICOM_IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "PatientAddress", "PatientTelephoneNumbers"),
    *("AccessionNumber", "StudyID", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstitutionName"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "RequestingPhysician"),
)


def identifying_fields(path: str | Path) -> tuple[str, ...]:
    """Names of the fields of an image's file that may identify a patient; never their values.

    A whole image that `mdfnet.data.images.read.read_image` reads is expected; of another file nothing is said.

    Examples:
        >>> import tempfile
        >>> from PIL import Image, PngImagePlugin
        >>> path, text = Path(tempfile.mkdtemp()) / "image.png", PngImagePlugin.PngInfo()
        >>> text.add_text("Patient", "Doe^John")
        >>> Image.new("L", (8, 8)).save(path, pnginfo=text)
        >>> identifying_fields(path)
        ('text',)
    """
    with open(path, "rb") as file:
        head = file.read(132)
    if head[128:] == b"DICM":
        import pydicom

        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        return tuple(keyword for keyword in _DICOM_IDENTIFYING if str(dataset.get(keyword) or "").strip())
    if head.startswith(_PNG):
        fields = (_PNG_FIELDS.get(kind) for kind, _ in _png_chunks(Path(path).read_bytes()))
    elif head.startswith(_JPEG):
        fields = (_JPEG_FIELDS.get(kind) for kind, _ in _jpeg_segments(Path(path).read_bytes()))
    else:
        return ()
    return tuple(dict.fromkeys(field for field in fields if field))


def copy_without_metadata(source: str | Path, target: str | Path) -> None:
    """Copy an image's file without what it says beside its pixels; a file of another kind is copied as it is.

    Examples:
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.new("L", (8, 8)).save(folder / "image.jpg", comment=b"Doe^John")
        >>> copy_without_metadata(folder / "image.jpg", folder / "copy.jpg")
        >>> b"Doe" in (folder / "copy.jpg").read_bytes(), Image.open(folder / "copy.jpg").size
        (False, (8, 8))
    """
    with open(source, "rb") as file:
        head = file.read(132)
    try:
        if head[128:] == b"DICM":
            _copy_dicom(source, target)
            return
        content = Path(source).read_bytes()
        if head.startswith(_PNG):
            kept = b"".join([_PNG, *(chunk for kind, chunk in _png_chunks(content) if kind in _PNG_KEPT)])
        elif head.startswith(_JPEG):
            shown = (segment for marker, segment in _jpeg_segments(content) if marker not in _JPEG_LEFT_OUT)
            kept = b"".join([b"\xff\xd8", *shown])
        else:
            kept = content
    except (struct.error, IndexError, ValueError) as error:
        raise UserError(f"the image is damaged: {error}", where=source, fix="fetch or export it again") from None
    if kept == content:
        shutil.copyfile(source, target)
    else:
        Path(target).write_bytes(kept)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of each chunk, the last being IEND: what follows it belongs to no image."""
    place, kind = len(_PNG), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, place)
        yield kind, content[place : place + 12 + length]
        place += 12 + length


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment, the last being the scans up to the end of the image."""
    place, marker = 2, 0
    while marker != _START_OF_SCAN:
        while content[place + 1] == 0xFF:  # fill bytes
            place += 1
        if content[place] != 0xFF:
            raise ValueError("no JPEG segment where one should be")
        marker = content[place + 1]
        if marker == _START_OF_SCAN:
            end = content.rfind(b"\xff\xd9") + 2
            yield marker, content[place : end if end > place else None]
        else:
            length = 2 + struct.unpack_from(">H", content, place + 2)[0]
            yield marker, content[place : place + length]
            place += length


def _copy_dicom(source: str | Path, target: str | Path) -> None:
    """With identifiers made from the pixels, so that copies are equal and nothing leads back to the archive."""
    import pydicom
    from pydicom.uid import generate_uid

    image = pydicom.dcmread(source)
    kept = pydicom.Dataset()
    for keyword in _DICOM_KEPT:
        if keyword in image:
            kept[keyword] = image[keyword]
    kept.remove_private_tags()
    identifier = generate_uid(prefix=None, entropy_srcs=[hashlib.sha256(image.PixelData).hexdigest()])
    kept.SOPInstanceUID = kept.StudyInstanceUID = kept.SeriesInstanceUID = identifier
    kept.file_meta = pydicom.dataset.FileMetaDataset()
    kept.file_meta.MediaStorageSOPClassUID = image.get("SOPClassUID") or image.file_meta.MediaStorageSOPClassUID
    kept.file_meta.MediaStorageSOPInstanceUID = identifier
    kept.file_meta.TransferSyntaxUID = image.file_meta.TransferSyntaxUID
    content = BytesIO()
    kept.save_as(content, enforce_file_format=True)
    Path(target).write_bytes(content.getvalue())
