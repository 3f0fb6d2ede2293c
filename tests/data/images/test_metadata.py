import numpy as np
import pydicom
import pytest
from PIL import Image, PngImagePlugin

from mdfnet.core.errors import UserError
from mdfnet.data.images.metadata import copy_without_metadata, identifying_fields
from mdfnet.data.images.read import read_image

IMAGE = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)


def png(path, **options):
    text = PngImagePlugin.PngInfo()
    text.add_text("Name", "Doe", zip=True)
    text.add_itxt("Name", "Doe")
    Image.fromarray(IMAGE if not options else IMAGE.astype(np.uint16) * 257).save(path, pnginfo=text)


def jpeg(path):
    exif = Image.Exif()
    exif[0x013B] = "Doe"
    Image.fromarray(IMAGE).save(path, exif=exif, comment=b"Doe", progressive=True)


def jpeg_with_fill_bytes(path):
    jpeg(path)
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xff" + content[2:] + b"Doe after the end")


@pytest.mark.parametrize(
    ("suffix", "write", "fields"),
    [
        pytest.param("png", png, ("text",), id="PNG"),
        pytest.param("png", lambda path: png(path, bits=16), ("text",), id="PNG of 16 bits"),
        pytest.param("jpg", jpeg, ("EXIF or XMP", "a comment"), id="JPEG"),
        pytest.param("jpg", jpeg_with_fill_bytes, ("EXIF or XMP", "a comment"), id="JPEG with fill bytes and a tail"),
        pytest.param("jpg", lambda path: Image.fromarray(IMAGE).convert("RGB").save(path), (), id="color JPEG"),
        pytest.param("png", lambda path: Image.fromarray(IMAGE).convert("P").save(path), (), id="palette PNG"),
    ],
)
def test_pixels_stay_and_words_go(tmp_path, suffix, write, fields):
    source, target = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    write(source)
    assert identifying_fields(source) == fields
    copy_without_metadata(source, target)
    assert identifying_fields(target) == () and b"Doe" not in target.read_bytes()
    assert (read_image(target) == read_image(source)).all() and read_image(target).dtype == read_image(source).dtype


def test_a_file_without_words_is_copied_to_the_bit(tmp_path):
    for suffix in ("png", "jpg"):
        Image.fromarray(IMAGE).save(tmp_path / f"a.{suffix}")
        copy_without_metadata(tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}")
        assert (tmp_path / f"b.{suffix}").read_bytes() == (tmp_path / f"a.{suffix}").read_bytes()


def test_real_dicom_keeps_its_image_and_loses_its_patient(shared_data, tmp_path):
    sources = sorted((shared_data / "dicom").glob("*.dcm"))
    assert len(sources) == 8
    for source in sources:
        copy_without_metadata(source, tmp_path / "copy.dcm")
        assert set(identifying_fields(source)) >= {"PatientName", "PatientID"}
        assert identifying_fields(tmp_path / "copy.dcm") == ()
        before, after = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "copy.dcm")
        assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
        assert after.SOPInstanceUID != before.get("SOPInstanceUID") and after.get("ViewPosition") == before.get(
            "ViewPosition"
        )
        assert (read_image(tmp_path / "copy.dcm") == read_image(source)).all()


@pytest.mark.parametrize("keep", [9, 30, 60], ids=lambda keep: f"{keep} bytes")
@pytest.mark.parametrize("write", [png, jpeg], ids=["PNG", "JPEG"])
def test_files_cut_short_are_refused(tmp_path, write, keep):
    source = tmp_path / ("a.png" if write is png else "a.jpg")
    write(source)
    source.write_bytes(source.read_bytes()[:keep])
    with pytest.raises(UserError, match="the image is damaged"):
        copy_without_metadata(source, tmp_path / "b")
    assert not (tmp_path / "b").exists()
