import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from mdfnet.core.errors import UserError
from mdfnet.data.images.dicom import Header, image_header
from mdfnet.data.images.read import image_size, read_image

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def item(**tags):
    dataset = Dataset()
    for name, value in tags.items():
        setattr(dataset, name, value)
    return [dataset]


def full(values):
    """Values in [0, 1] at full 16-bit scale."""
    return np.rint(np.clip(values, 0, 1) * 65535)


BYTE = (RAMP // 16).astype(np.uint8)
X = RAMP.astype(np.float64)
LUT = item(LUTDescriptor=[4096, 0, 16], LUTData=np.arange(65535, -1, -16, dtype=np.uint16).tobytes())
DISPLAYED = [
    pytest.param({"pixels": BYTE, "bits": 8}, BYTE, id="8 bits stay as they are"),
    pytest.param({"bits": 16, "pixels": RAMP * 16}, RAMP * 16, id="16 bits stay as they are"),
    pytest.param({}, full(X / 4095), id="12 bits fill 16"),
    pytest.param({"PhotometricInterpretation": "MONOCHROME1"}, full(1 - X / 4095), id="inverted over the full range"),
    pytest.param({"pixels": (X - 2048).astype(np.int16)}, full(X / 4095), id="signed"),
    pytest.param({"RescaleSlope": 2, "RescaleIntercept": -1000}, full(X / 4095), id="rescaled, no window"),
    pytest.param({"RescaleSlope": -1, "RescaleIntercept": 0}, full(1 - X / 4095), id="rescaled by a negative slope"),
    pytest.param(
        {"WindowCenter": 1000.5, "WindowWidth": 501}, full((X - 1000) / 500 + 0.5), id="window (PS3.3 C.11-2)"
    ),
    pytest.param(
        {"WindowCenter": 1000.5, "WindowWidth": 501, "PhotometricInterpretation": "MONOCHROME1"},
        full(0.5 - (X - 1000) / 500),
        id="window, then inversion",
    ),
    pytest.param(
        {"WindowCenter": [1000.5, 1], "WindowWidth": [501, 2]}, full((X - 1000) / 500 + 0.5), id="first of two windows"
    ),
    pytest.param(
        {"WindowCenter": 1000, "WindowWidth": 500, "VOILUTFunction": "LINEAR_EXACT"},
        full((X - 1000) / 500 + 0.5),
        id="exact",
    ),
    pytest.param(
        {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
        full(1 / (1 + np.exp(-4 * (X - 2000) / 900))),
        id="sigmoid",
    ),
    pytest.param({"VOILUTSequence": LUT}, 65535 - RAMP * 16, id="VOI LUT"),
]


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize(("tags", "expected"), DISPLAYED)
def test_display_pipeline(image, tmp_path, tags, expected):
    shown = read_image(image(tmp_path / "a.dcm", **tags))
    assert shown.dtype == (np.uint8 if tags.get("bits") == 8 else np.uint16)
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert image_size(tmp_path / "a.dcm") == (64, 64)


COLOR = {"pixels": np.zeros((8, 8, 3), np.uint8), "bits": 8, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}
REFUSED = [
    pytest.param({"NumberOfFrames": 3, "PixelData": RAMP.tobytes() * 3}, "3 frames", id="several frames"),
    pytest.param({**COLOR, "PlanarConfiguration": 0}, "not a gray image but RGB", id="color"),
    pytest.param({"ViewPosition": "LL"}, "lateral view", id="lateral by position"),
    pytest.param({"ViewCodeSequence": item(CodeMeaning="left lateral")}, "lateral view", id="lateral by code"),
    pytest.param({"PresentationIntentType": "FOR PROCESSING"}, "raw detector data", id="for processing"),
    pytest.param({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"}, "raw detector data", id="for processing by class"),
    pytest.param({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "not a radiograph but CT Image", id="CT"),
    pytest.param({"PatientOrientation": ["R", "F"]}, "mirrored", id="mirrored"),
    pytest.param({"Rows": 60000, "Columns": 60000}, "60000 x 60000 pixels", id="claims 3.6 billion pixels"),
    pytest.param({"Rows": 65, "Columns": 64}, "damaged", id="fewer pixels than claimed"),
    pytest.param({"WindowCenter": 5, "WindowWidth": 0}, "damaged", id="window without width"),
    pytest.param(
        {"PhotometricInterpretation": None}, "no PhotometricInterpretation", id="no photometric interpretation"
    ),
]


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize(("tags", "message"), REFUSED)
def test_refused(image, tmp_path, tags, message):
    path = image(tmp_path / "a.dcm", **tags)
    with pytest.raises(UserError, match=message) as error:
        read_image(path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("view", ["PA", "AP", "", None])
def test_frontal_views_are_read(image, tmp_path, view):
    assert read_image(image(tmp_path / "a.dcm", ViewPosition=view, PatientOrientation=["L", "F"])).shape == (64, 64)


@pytest.mark.parametrize("length", [140, 300, 500, 5000], ids=lambda length: f"cut at {length} bytes")
def test_truncated(image, tmp_path, length):
    path = image(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match=r"a.dcm: the DICOM file (is damaged|has no)"):
        read_image(path)


def test_real_images_agree_across_syntaxes(shared_data):
    """All eight files give the same image: lossless syntaxes and both polarities to the pixel."""
    images = {path.stem: read_image(path).astype(int) for path in sorted((shared_data / "dicom").glob("*.dcm"))}
    reference = images["nih_MONO2_explicitLE"]
    assert len(images) == 8 and np.ptp(reference) > 200
    for name, pixels in images.items():
        difference = np.abs(pixels - reference)
        assert difference.mean() < 1 if name == "nih_MONO2_jpegBaseline" else difference.max() == 0, name


def test_header(image, tmp_path):
    tags = {
        "PatientID": "7",
        "ViewPosition": "AP",
        "PatientSex": "F",
        "PatientAge": "061Y",
        "BurnedInAnnotation": "YES",
    }
    header = image_header(image(tmp_path / "a.dcm", ImagerPixelSpacing=[0.2, 0.15], **tags))
    assert header == Header(64, 64, "7", "AP", "F", 61, (0.15, 0.2), True)
    calibrated = image(tmp_path / "a.dcm", ImagerPixelSpacing=[0.2, 0.2], PixelSpacing=[0.14, 0.14])
    assert image_header(calibrated) == Header(64, 64, "", None, None, None, (0.14, 0.14), False)


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        pytest.param({"PatientBirthDate": "19500601", "StudyDate": "20200601"}, 70.0, id="dates"),
        pytest.param(
            {"PatientBirthDate": "19500601", "StudyDate": "20200601", "PatientAge": "099Y"}, 70.0, id="dates first"
        ),
        pytest.param({"PatientBirthDate": "1950", "StudyDate": "20200601", "PatientAge": "070Y"}, 70, id="year alone"),
        pytest.param({"PatientAge": "018M"}, 1.5, id="months"),
        pytest.param({"PatientAge": "old"}, None, id="no age"),
        pytest.param({}, None, id="nothing"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_age(image, tmp_path, tags, age):
    assert image_header(image(tmp_path / "a.dcm", **tags)).age == pytest.approx(age, abs=0.01)


@pytest.mark.filterwarnings("error")
def test_a_malformed_value_is_not_quoted(image, tmp_path, caplog):
    """pydicom warns of values that break its rules, and quotes them: here a name in the wrong place."""
    with pydicom.config.disable_value_validation():
        path = image(tmp_path / "a.dcm", PatientAge="Mrs Doe, 61", ViewPosition="pa, Doe", StudyDate="Doe")
    assert (image_header(path).age, image_header(path).view, read_image(path).shape) == (None, None, (64, 64))
    broken = image(tmp_path / "b.dcm")
    broken.write_bytes(broken.read_bytes().replace(b"MONOCHROME2 ", b"Doe, Jane   "))
    with pytest.raises(UserError) as error:
        read_image(broken)
    assert "Doe" not in str(error.value) + caplog.text
