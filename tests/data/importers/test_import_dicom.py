"""A folder as it comes from an archive: what is a frontal image is imported, the rest is counted."""

import numpy as np
import pytest

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import Pseudonyms
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.images.read import read_image, read_sample_image
from mdfnet.data.importers import DatasetInfo, ImportOptions, import_dicom
from mdfnet.data.pseudonymize import pseudonymized

SCHEMA = Schema.load("age-sex-view")
BOXES = "image_id,label,x1,y1,x2,y2\na,Mass,1,2,11.5,12\nward/b.dcm,Effusion,5,5,20,20\nlateral.dcm,Mass,1,1,9,9\n"
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


@pytest.fixture
def archive(image, tmp_path):
    """Three images of two patients, and what else lies about in such a folder."""
    folder = tmp_path / "archive"
    (folder / "ward").mkdir(parents=True)
    jane = {"PatientName": "Doe^Jane", "PatientID": "MRN-4711", "PatientSex": "F", "PatientAge": "061Y"}
    image(folder / "a.dcm", ViewPosition="PA", ImagerPixelSpacing=[0.2, 0.1], **jane)
    image(folder / "ward" / "b.dcm", ViewPosition="AP", BurnedInAnnotation="YES", **jane)
    image(folder / "ward" / "c.dcm", PatientID="MRN-0815")
    image(folder / "lateral.dcm", ViewPosition="LL", **jane)
    image(folder / "raw.dcm", PresentationIntentType="FOR PROCESSING")
    image(folder / "loop.dcm", NumberOfFrames=2, PixelData=RAMP.tobytes() * 2)
    image(folder / "cut.dcm").write_bytes((folder / "a.dcm").read_bytes()[:-100])
    (folder / "README.txt").write_text("scans")
    (folder / "boxes.csv").write_text(BOXES)
    return folder


def imported(folder, **options):
    about = DatasetInfo("mine", intensity=options.pop("intensity", "window/1"))
    return import_dicom(folder, folder / "boxes.csv", SCHEMA, about, **options)


def test_images_are_imported_and_the_rest_counted(archive, tmp_path):
    result = imported(archive, options=ImportOptions(fractions={"train": 1.0}))
    dataset = read_dataset(write_dataset(result.dataset, tmp_path / "out", "png").folder)
    a, b, c = dataset.samples
    assert [sample.id for sample in dataset.samples] == ["a", "ward/b", "ward/c"]
    assert a.target.boxes.tolist() == [[1, 2, 11.5, 12]] and (len(b.target), len(c.target)) == (1, 0)
    assert (a.clinical.tolist(), b.clinical.tolist()) == ([61, 0, 0], [61, 0, 1]) and np.isnan(c.clinical).all()
    assert (a.patient, b.patient, c.patient) == ("MRN-4711", "MRN-4711", "MRN-0815")
    assert (a.view, b.view, c.view, a.spacing, b.spacing) == ("PA", "AP", None, (0.1, 0.2), None)
    assert result.notes == {
        "boxes on files that were left out": 1,
        "files left out: damaged or not readable": 1,
        "files left out: lateral views": 1,
        "files left out: not DICOM": 2,
        "files left out: raw detector data": 1,
        "files left out: several frames": 1,
        "images that had no split and were split by patient": 3,
        "images whose header says that text is burnt into the pixels: look at them": 1,
        "values of age from DICOM headers": 2,
        "values of sex from DICOM headers": 2,
        "values of view from DICOM headers": 2,
    }
    assert result.left_out["lateral.dcm"] == "lateral views" and len(result.left_out) == 6


def test_nothing_that_identifies_gets_into_the_folder(archive, tmp_path):
    result = imported(archive)
    write_dataset(pseudonymized(result.dataset, Pseudonyms(b"k" * 32)), tmp_path / "out", "png")
    content = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"Mass" in content and not any(word in content for word in (b"Doe", b"MRN", b"4711", b"DICM"))
    assert not any(word in str(result.notes) for word in ("Doe", "MRN", "a.dcm"))


@pytest.mark.parametrize("intensity", ["window/1", "mimic-cxr-jpg/1"])
def test_pixels_are_those_of_the_recipe(archive, tmp_path, intensity):
    dataset = write_dataset(imported(archive, intensity=intensity).dataset, tmp_path / "out", "png")
    again = read_dataset(dataset.folder)
    assert again.intensity == intensity
    np.testing.assert_array_equal(read_sample_image(again.samples[0]), read_image(archive / "a.dcm", intensity))


def test_smaller(archive, tmp_path):
    dataset = write_dataset(imported(archive).dataset, tmp_path / "out", "png", size=32)
    a = read_dataset(dataset.folder).samples[0]
    assert (a.width, a.height, a.spacing, a.target.boxes.tolist()) == (32, 32, (0.2, 0.4), [[0.5, 1, 5.75, 6]])


def test_a_table_goes_before_the_header(archive, tmp_path):
    (tmp_path / "images.csv").write_text("image_id,patient_id,split,age,sex,view\na,p9,val,50,,PA\n")
    result = imported(archive, metadata=tmp_path / "images.csv")
    a, b, _ = result.dataset.samples
    assert a.clinical.tolist() == [50, 0, 0] and (a.patient, a.split, b.patient) == ("p9", "val", "MRN-4711")
    assert result.notes["images without a row in the table of images"] == 2


def test_images_without_boxes_need_classes(archive):
    with pytest.raises(UserError, match="no classes are known"):
        import_dicom(archive, None, SCHEMA, DatasetInfo("mine"))
    dataset = import_dicom(archive, None, SCHEMA, DatasetInfo("mine"), classes=["Mass"]).dataset
    assert len(dataset) == 3 and dataset.classes.names == ("Mass",)


def test_ages_that_cannot_be_right_are_counted(image, tmp_path):
    image(tmp_path / "a.dcm", PatientAge="400Y")
    result = import_dicom(tmp_path, None, SCHEMA, DatasetInfo("mine"), classes=["Mass"])
    assert result.notes["implausible values of age in DICOM headers, left out"] == 1


BROKEN = [
    pytest.param(BOXES + "zz,Mass,1,1,9,9\n", r"row 5: the image of this box is not there", id="boxes of no image"),
    pytest.param(BOXES.replace("ward/b.dcm", "ward/b"), None, id="a name without suffix will do"),
    pytest.param(BOXES.replace("5,5,20,20", "70,5,80,20"), "outside the image of 64 x 64", id="box outside"),
]


@pytest.mark.parametrize(("boxes", "message"), BROKEN)
def test_boxes(archive, boxes, message):
    (archive / "boxes.csv").write_text(boxes)
    if message is None:
        assert sum(len(sample.target) for sample in imported(archive).dataset.samples) == 2
        return
    with pytest.raises(UserError, match=message):
        imported(archive)


def test_a_name_that_is_two_images(image, archive):
    image(archive / "ward" / "a.dcm")
    with pytest.raises(UserError, match=r"row 2: an image_id is that of two images; name the images with"):
        imported(archive)


def test_a_folder_without_images_says_what_was_there(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UserError, match=r"no image to import; files left out: not DICOM \(1\)"):
        import_dicom(tmp_path, None, SCHEMA, DatasetInfo("mine"), classes=["Mass"])
    with pytest.raises(UserError, match="no such folder"):
        import_dicom(tmp_path / "none", None, SCHEMA, DatasetInfo("mine"), classes=["Mass"])
