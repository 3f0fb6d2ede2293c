import zlib

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from mdfnet.data import dicom
from mdfnet.data.images import film_size, read_film
from mdfnet.errors import UserError

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def film(path, pixels=RAMP, bits=12, syntax=ExplicitVRLittleEndian, **tags):
    """Write a DX film; ``tags`` override."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


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
def test_display_pipeline(tmp_path, tags, expected):
    shown = read_film(film(tmp_path / "a.dcm", **tags))
    assert shown.dtype == (np.uint8 if tags.get("bits") == 8 else np.uint16)
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert film_size(tmp_path / "a.dcm") == (64, 64)


COLOR = {"pixels": np.zeros((8, 8, 3), np.uint8), "bits": 8, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}
REFUSED = [
    pytest.param({"NumberOfFrames": 3, "PixelData": RAMP.tobytes() * 3}, "3 frames", id="several frames"),
    pytest.param({**COLOR, "PlanarConfiguration": 0}, "not a grey film but RGB", id="color"),
    pytest.param({"ViewPosition": "LL"}, "lateral view", id="lateral by position"),
    pytest.param({"ViewCodeSequence": item(CodeMeaning="left lateral")}, "lateral view", id="lateral by code"),
    pytest.param({"PresentationIntentType": "FOR PROCESSING"}, "raw detector data", id="for processing"),
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
def test_refused(tmp_path, tags, message):
    path = film(tmp_path / "a.dcm", **tags)
    with pytest.raises(UserError, match=message) as error:
        read_film(path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("view", ["PA", "AP", "", None])
def test_frontal_views_are_read(tmp_path, view):
    assert read_film(film(tmp_path / "a.dcm", ViewPosition=view, PatientOrientation=["L", "F"])).shape == (64, 64)


@pytest.mark.parametrize("length", [140, 300, 500, 5000], ids=lambda length: f"cut at {length} bytes")
def test_truncated(tmp_path, length):
    path = film(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match=r"a.dcm: the DICOM file (is damaged|has no)"):
        read_film(path)


def test_a_deflated_bomb_is_not_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom, "MOST_BYTES", 100_000)
    path = film(tmp_path / "a.dcm", syntax=DeflatedExplicitVRLittleEndian)
    np.testing.assert_array_equal(read_film(path), read_film(film(tmp_path / "b.dcm")))
    meta = pydicom.filereader.read_file_meta_info(path)
    head = path.read_bytes()[: 144 + meta.FileMetaInformationGroupLength]
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    path.write_bytes(head + deflate.compress(bytes(10_000_000)) + deflate.flush())
    monkeypatch.setattr(pydicom, "dcmread", lambda *_, **__: pytest.fail("the bomb was opened"))
    with pytest.raises(UserError, match="inflates to more than"):
        read_film(path)


def test_real_films_agree_across_syntaxes(shared_data):
    """Lossless syntaxes and both polarities give the same pixels; one without decoder says what to install."""
    films, refused = {}, []
    for path in sorted((shared_data / "dicom").glob("*.dcm")):
        try:
            films[path.stem] = read_film(path).astype(int)
        except UserError as error:
            refused.append(str(error))
    reference = films.pop("nih_MONO2_explicitLE")
    assert {"nih_MONO1_explicitLE", "nih_MONO2_rle", "nih_MONO2_deflated", "nih_cxr_DX_MONO2_implicitLE"} <= set(films)
    for name, pixels in films.items():
        difference = np.abs(pixels - reference)
        assert difference.mean() < 1 if name == "nih_MONO2_jpegBaseline" else difference.max() == 0, name
    assert all("no decoder for" in message and "mdfnet[dicom]" in message for message in refused)
