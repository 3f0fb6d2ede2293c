import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.data.images.read import image_size, read_image

GREY = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
DEEP = np.random.default_rng(0).integers(0, 65536, (20, 30)).astype(np.uint16)
HALF = np.full((20, 30), 128, np.uint8)


def png(path, image, **options):
    image.save(path, format="PNG", **options)
    return path


def rgba(gray, alpha):
    return Image.merge("RGBA", [Image.fromarray(gray)] * 3 + [Image.fromarray(alpha)])


PICTURES = [
    pytest.param(Image.fromarray(GREY), GREY, id="8-bit gray"),
    pytest.param(Image.fromarray(DEEP), DEEP, id="16-bit gray"),
    pytest.param(Image.fromarray(GREY).convert("RGB"), GREY, id="gray stored as RGB"),
    pytest.param(rgba(GREY, np.full_like(GREY, 255)), GREY, id="RGBA, opaque"),
    pytest.param(rgba(GREY, np.zeros_like(GREY)), np.zeros_like(GREY), id="RGBA, transparent over black"),
    pytest.param(rgba(np.full_like(GREY, 200), HALF), np.full_like(GREY, 100), id="RGBA, half over black"),
    pytest.param(Image.fromarray(GREY).convert("LA"), GREY, id="gray with alpha"),
    pytest.param(Image.fromarray(GREY).convert("P"), GREY, id="palette"),
    pytest.param(
        Image.fromarray(np.where(GREY > 99, 255, 0).astype(np.uint8)).convert("1"),
        np.where(GREY > 99, 255, 0),
        id="1 bit",
    ),
    pytest.param(Image.new("RGB", (30, 20), (255, 0, 0)), np.full_like(GREY, 76), id="color: luma of red is 0.299"),
]


@pytest.mark.parametrize(("image", "expected"), PICTURES)
def test_png_modes(tmp_path, image, expected):
    radiograph = read_image(png(tmp_path / "a.png", image))
    assert radiograph.dtype == (np.uint16 if expected is DEEP else np.uint8) and radiograph.flags.writeable
    np.testing.assert_array_equal(radiograph, expected)
    assert image_size(tmp_path / "a.png") == (30, 20)


def test_the_content_counts_not_the_name(tmp_path):
    assert read_image(png(tmp_path / "a.jpg", Image.fromarray(GREY))).tolist() == GREY.tolist()


def test_jpeg_equals_pillow(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.jpg", quality=80)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), np.asarray(Image.open(tmp_path / "a.jpg")))


def png_bytes(size=(300, 200)):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg_bytes():
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def turned_jpeg():
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def animated_png():
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG", save_all=True, append_images=[Image.fromarray(255 - GREY)])
    return buffer.getvalue()


def huge_png(width, height):
    """Header of a PNG that claims this size."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return png_bytes()[:8] + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png_bytes()[33:]


BROKEN = [
    pytest.param(b"", "the file is empty", id="zero bytes"),
    pytest.param(b"PNG", "not a PNG, JPEG or DICOM", id="three bytes"),
    pytest.param(b"<html>" * 100, "not a PNG, JPEG or DICOM", id="web page saved as picture"),
    pytest.param(b"GIF89a" + b"\0" * 200, "not a PNG, JPEG or DICOM", id="GIF"),
    pytest.param(png_bytes()[:-20000], "damaged", id="PNG cut off"),
    pytest.param(png_bytes()[:40], "damaged|not a PNG", id="PNG cut off after the header"),
    pytest.param(jpeg_bytes()[:-9000], "damaged", id="JPEG cut off"),
    pytest.param(jpeg_bytes()[:30], "damaged|not a PNG", id="JPEG cut off after the header"),
    pytest.param(png_bytes()[:2000] + b"\0" * 500 + png_bytes()[2500:], "damaged", id="PNG with a hole"),
    pytest.param(huge_png(12000, 10000), "12000 x 10000 pixels, more than 40 million", id="120 million pixels"),
    pytest.param(huge_png(60000, 60000), "more than 40 million", id="decompression bomb"),
    pytest.param(turned_jpeg(), "EXIF orientation", id="turned by EXIF"),
    pytest.param(animated_png(), "2 images in one file", id="animated PNG"),
    pytest.param(b"\0" * 128 + b"DICM" + b"\0" * 50, "damaged", id="DICOM preamble only"),
]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_broken_images_are_named(tmp_path, content, message):
    path = tmp_path / "image7.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_image(path)
    assert str(error.value).startswith(f"{path}: ") and error.value.exit_code == 2


def test_absent_image(tmp_path):
    for read in (read_image, image_size):
        with pytest.raises(UserError, match=r"none.png: no such image"):
            read(tmp_path / "none.png")
