"""Files made to harm: refused with a reason, and without taking the memory that they claim."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from mdfnet.core.errors import UserError
from mdfnet.data.images.read import read_image

#: What refusing may take at most, in bytes; the files claim from 36 million to 3.6 billion.
MOST_MEMORY = 30_000_000

GREY = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
LARGE = {"Rows": 6000, "Columns": 6000}


def element(group, number, kind, value):
    """One element in explicit little endian."""
    long = kind in (b"OB", b"OW", b"SQ", b"UN")
    length = struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))
    return struct.pack("<HH", group, number) + kind + length + value


def after_meta(path, content):
    """Replace all that stands after the file's meta header."""
    meta = pydicom.filereader.read_file_meta_info(path)
    path.write_bytes(path.read_bytes()[: 144 + meta.FileMetaInformationGroupLength] + content)


def before_pixels(path, content):
    """Put elements in front of all others."""
    whole = path.read_bytes()
    start = 144 + pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength
    path.write_bytes(whole[:start] + content + whole[start:])


def deflated(content, zeros):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [deflate.compress(content)] + [deflate.compress(bytes(1_000_000)) for _ in range(zeros)]
    return b"".join([*parts, deflate.flush()])


def deflate_bomb(image, path):
    after_meta(image(path, GREY, 8, DeflatedExplicitVRLittleEndian), deflated(b"", 100))


def deflate_bomb_behind_an_image(image, path):
    start = image(path, GREY, 8).read_bytes()
    start = start[144 + pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength :]
    cut = start.index(b"\xe0\x7f\x10\x00")
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 100_000_000)
    after_meta(image(path, GREY, 8, DeflatedExplicitVRLittleEndian), deflated(start[:cut] + pixels, 100))


def jpeg(size):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros(size, np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def jpeg_2000(size, tile=None):
    buffer = io.BytesIO()
    Image.fromarray(np.resize(GREY, size)).save(buffer, "JPEG2000", no_jp2=True, irreversible=False)
    code = bytearray(buffer.getvalue())
    if tile is not None:
        struct.pack_into(">II", code, 24, tile, tile)
    return bytes(code)


def jpeg_ls(size):
    """The head of a JPEG-LS (ITU-T T.87 C.2.2), and nothing in it."""
    return b"\xff\xd8\xff\xf7" + struct.pack(">HBHHB", 11, 8, *size, 1) + b"\x01\x11\x00" + bytes(40)


def rle(plane):
    return struct.pack("<16I", 1, 64, *[0] * 14) + plane


def coded(syntax, frame, **tags):
    def make(image, path):
        image(path, GREY, 8, syntax, PixelData=encapsulate([frame]), **tags)

    return make


def claiming(syntax=None, **tags):
    def make(image, path):
        image(path, GREY, 8, **({"syntax": syntax} if syntax else {}), **tags)

    return make


#: A sequence and its first item begin, neither says how long it is; both end.
OPEN = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
CLOSE = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"


def deeply_nested(image, path):
    before_pixels(image(path, GREY, 8), OPEN * 100_000)


def many_items(image, path):
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    before_pixels(image(path, GREY, 8), b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + items)


def many_elements(image, path):
    before_pixels(image(path, GREY, 8), element(0x09, 0x10, b"LO", b"") * 1_000_000)


def lying_length(image, path):
    before_pixels(image(path, GREY, 8), struct.pack("<HH2sHI", 0x08, 0x16, b"UN", 0, 0xFFFFFFF0))


def png_header(width, height, bits=8):
    def make(_, path):
        header = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
        data = b"IDAT" + zlib.compress(bytes(1000))
        chunks = [
            struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (header, data)
        ]
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))

    return make


def jpeg_header(width, height):
    def make(_, path):
        code = bytearray(jpeg((64, 64)))
        struct.pack_into(">HH", code, code.index(b"\xff\xc0") + 5, height, width)
        path.write_bytes(code)

    return make


HOSTILE = [
    pytest.param(deflate_bomb, "too many elements", id="deflate bomb"),
    pytest.param(deflate_bomb_behind_an_image, "not the 64 x 64 it claims", id="deflate bomb behind an image"),
    pytest.param(claiming(**LARGE), "not the 6000 x 6000 it claims", id="more pixels claimed than there"),
    pytest.param(claiming(Rows=32), "not the 64 x 32 it claims", id="fewer pixels claimed than there"),
    pytest.param(claiming(Rows=60000, Columns=60000), "more than 40 million", id="3.6 billion pixels"),
    pytest.param(claiming(Rows=0), "no pixels", id="no rows"),
    pytest.param(claiming(BitsAllocated=64), "images have up to 16 bits", id="64 bits a pixel"),
    pytest.param(coded(RLELossless, rle(b"\x81\x00" * 100), **LARGE), "not the 6000", id="run-length coded, too few"),
    pytest.param(coded(RLELossless, rle(b"\x81\x00" * 900_000)), "not the 64 x 64", id="run-length bomb"),
    pytest.param(coded(RLELossless, b"\xff" * 60), "not the 64 x 64", id="run-length coded, no header"),
    pytest.param(coded(RLELossless, struct.pack("<16I", 99, *[0] * 15)), "not the 64", id="99 planes"),
    pytest.param(coded(JPEGBaseline8Bit, jpeg((64, 64)), **LARGE), "not the 6000 x 6000", id="small JPEG, large image"),
    pytest.param(coded(JPEGBaseline8Bit, jpeg((6000, 6000))), "not the 64 x 64", id="large JPEG, small image"),
    pytest.param(coded(JPEGBaseline8Bit, b"\xff\xd8" + b"\xff" * 5000), "not the 64 x 64", id="JPEG without a size"),
    pytest.param(coded(JPEG2000Lossless, jpeg_2000((64, 64)), **LARGE), "not the 6000", id="small JPEG 2000"),
    pytest.param(coded(JPEG2000Lossless, jpeg_2000((64, 64), 0)), "not the 64 x 64", id="JPEG 2000 of empty tiles"),
    pytest.param(coded(JPEGLSLossless, jpeg_ls((6000, 6000))), "not the 64 x 64", id="large JPEG-LS, small image"),
    pytest.param(coded(JPEGLSLossless, jpeg_ls((64, 64))), "damaged", id="JPEG-LS of nothing"),
    pytest.param(deeply_nested, "damaged|too many elements", id="sequences 100,000 deep"),
    pytest.param(many_items, "too many elements", id="a million items"),
    pytest.param(many_elements, "too many elements", id="a million elements"),
    pytest.param(lying_length, "damaged|has no", id="an element of 4 GB"),
    pytest.param(png_header(6000, 6000), "6000 x 6000 pixels claimed in", id="PNG that is all header"),
    pytest.param(png_header(60000, 60000), "more than 40 million", id="PNG of 3.6 billion pixels"),
    pytest.param(jpeg_header(6000, 6000), "6000 x 6000 pixels claimed in", id="JPEG that is all header"),
    pytest.param(jpeg_header(65000, 65000), "more than 40 million", id="JPEG of 4 billion pixels"),
]


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("make", "message"), HOSTILE)
def test_refused_within_bounds(image, tmp_path, make, message):
    path = tmp_path / "a.dcm"
    make(image, path)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=message) as error:
            read_image(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(error.value).startswith(f"{path}: ") and peak < MOST_MEMORY, peak


def test_harmless_nesting_is_read(image, tmp_path):
    path = image(tmp_path / "a.dcm", GREY, 8)
    before_pixels(path, OPEN * 50 + CLOSE * 50)
    np.testing.assert_array_equal(read_image(path), GREY)


def test_a_blank_image_is_no_bomb(tmp_path):
    """Nothing is smaller than a blank image: the bound on pixels per byte must let it pass."""
    for name, options in {
        "a.png": {"compress_level": 9},
        "a.jpg": {"optimize": True, "progressive": True, "quality": 5},
    }.items():
        Image.fromarray(np.zeros((5000, 5000), np.uint8)).save(tmp_path / name, **options)
        assert read_image(tmp_path / name).shape == (5000, 5000)
