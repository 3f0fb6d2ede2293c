"""What was found comes back from DICOM objects to a hundredth of a pixel, and names nobody it should not."""

from __future__ import annotations

import json
import logging

import numpy as np
import pydicom
import pytest
from archived_images import found
from pydicom.dataset import Dataset
from read_reports import reported

from mdfnet.core.errors import UserError
from mdfnet.core.types import PAPER_CLASSES, Classes, RecordUse
from mdfnet.data.images.read import read_image
from mdfnet.models.card import DEMO_MODEL
from mdfnet.models.load import load
from mdfnet.models.preprocessing import Geometry, image_tensor
from mdfnet.services.pacs.algorithm import Algorithm, uid_of
from mdfnet.services.pacs.capture import LARGEST, secondary_capture
from mdfnet.services.pacs.codes import FINDINGS, finding
from mdfnet.services.pacs.objects import as_file, objects_of, write_objects
from mdfnet.services.pacs.presentation import presentation_state
from mdfnet.services.pacs.report import structured_report
from mdfnet.services.pacs.source import read_source
from mdfnet.services.pacs.statement import Statement

ALGORITHM = Algorithm("demo", "0.1.0", "fc0c61db0f17dd28", 0.3)
PIXEL = 0.01


def read_back(dataset, tmp_path):
    path = tmp_path / "report.dcm"
    path.write_bytes(as_file(dataset))
    return reported(pydicom.dcmread(path))


@pytest.mark.parametrize(
    ("height", "width", "fit"),
    [
        pytest.param(64, 64, "letterbox", id="square, not resized"),
        pytest.param(3056, 2544, "letterbox", id="portrait, padded at the sides"),
        pytest.param(2021, 3071, "letterbox", id="landscape of odd sides, padded above and below"),
        pytest.param(2544, 3056, "squash", id="stretched, not padded"),
    ],
)
def test_from_the_network_to_the_report_and_back(archived_image, tmp_path, height, width, fit):
    geometry = getattr(Geometry, fit)(width, height, 160)
    random = np.random.default_rng(0)
    corners = np.sort(random.uniform(0, 1, (20, 2, 2)), axis=1).reshape(20, 4) * (*geometry.inner, *geometry.inner)
    boxes = corners + geometry.offset * 2
    path = archived_image(pixels=np.zeros((height, width), np.uint16))
    report = structured_report(Statement(read_source(path), found(*geometry.to_image(boxes)), PAPER_CLASSES, ALGORITHM))
    came_back = np.array([one.box for one in read_back(report, tmp_path)])
    assert np.abs(geometry.to_image(boxes) - came_back).max() < PIXEL
    assert np.abs(geometry.to_network(came_back) - boxes).max() < PIXEL


def test_real_images_of_both_polarities(shared_data, tmp_path):
    """The demo model on a real image, stored in eight ways: each report has the model's boxes, all the same."""
    model, algorithm = load(DEMO_MODEL), Algorithm.of(DEMO_MODEL)
    boxes = {}
    for path in sorted((shared_data / "dicom").glob("*.dcm")):
        detections = model.detect([image_tensor(read_image(path))])[0].above(algorithm.threshold)
        report = structured_report(Statement(read_source(path), detections, model.classes, algorithm))
        back = read_back(report, tmp_path)
        assert [one.name for one in back] == [model.classes.name(int(label)) for label in detections.labels]
        assert np.abs(np.array([one.score for one in back]) - detections.scores.numpy()).max() < 1e-5
        boxes[path.stem] = np.array([one.box for one in back])
        assert len(back) and np.abs(boxes[path.stem] - detections.boxes.numpy()).max() < PIXEL
    assert len(boxes) == 8
    for name, those in boxes.items():  # JPEG's losses move boxes, nothing else does
        if name != "nih_MONO2_jpegBaseline":
            assert np.abs(those - boxes["nih_MONO2_explicitLE"]).max() < PIXEL, name


def test_a_report_says_who_says_it(archived_image):
    use = RecordUse(("age", "temperature"), ("pain",), {"o2sat": "o2sat is 0.97 %"})
    path, detections = archived_image(), found([1, 2, 30, 40], record=use)
    report = structured_report(Statement(read_source(path), detections, PAPER_CLASSES, ALGORITHM))
    assert (report.PreliminaryFlag, report.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert report.StudyInstanceUID == read_source(path).StudyInstanceUID and report.PatientID == "SYNTHETIC-001"
    said = json.dumps(report.to_json_dict(), default=str)
    for text in (
        "MDF-Net demo",
        "0.1.0",
        ALGORITHM.sha256,
        "not calibrated",
        "used: age, temperature",
        "refused: o2sat",
    ):
        assert text in said
    assert "Research use only" in said and "0.97" not in said
    (one,) = reported(report)
    assert one.image == read_source(path).SOPInstanceUID and one.name == "Enlarged cardiac silhouette"


def test_a_rerun_makes_the_same_objects(archived_image):
    path, record = archived_image(), np.float32([61, np.nan])
    source, image = read_source(path), read_image(path)
    detections = found([1, 2, 30, 40])

    def uids(algorithm=ALGORITHM, record=record, source=source):
        made = objects_of(source, image, detections, PAPER_CLASSES, algorithm, record, ("capture", "presentation"))
        assert list(made) == ["report", "capture", "presentation"]
        return {uid for one in made.values() for uid in (one.SOPInstanceUID, one.SeriesInstanceUID)}

    assert uids() == uids() and len(uids()) == 6
    others = [
        uids(algorithm=Algorithm("demo", "0.1.0", "another model")),
        uids(algorithm=Algorithm("demo", "0.1.0", ALGORITHM.sha256, 0.5)),
        uids(record=np.float32([62, np.nan])),
        uids(record=None),
        uids(source=read_source(archived_image("b", number=2))),
    ]
    assert all(not uids() & other for other in others)
    assert all(len(uid) <= 64 and uid.startswith("2.25.") for uid in uids())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(None, np.float32([np.nan, np.nan]), True, id="no record says what an empty one says"),
        pytest.param(np.float32([61, np.nan]), np.float64([61, -np.nan]), True, id="missing in other bits"),
        pytest.param(np.float32([61, np.nan]), np.float32([np.nan, 61]), False, id="another feature"),
    ],
)
def test_uids_know_records(one, other, same):
    assert (uid_of("report", ALGORITHM, "1.2.3", one) == uid_of("report", ALGORITHM, "1.2.3", other)) == same


def test_nothing_found_is_a_capture(archived_image):
    path = archived_image(pixels=np.zeros((64, 80), np.uint16))
    below = found([1, 2, 30, 40], scores=[0.29])
    made = objects_of(read_source(path), read_image(path), below, PAPER_CLASSES, ALGORITHM)
    assert list(made) == ["capture"]
    with pytest.raises(
        UserError, match="nothing was found: a structured report has a group per box; write a secondary"
    ):
        structured_report(Statement(read_source(path), below.above(0.3), PAPER_CLASSES, ALGORITHM))


def test_a_capture_shows_the_boxes_and_burns_in_nobody(archived_image):
    pixels = np.full((1000, 2000), 2048, np.uint16)
    path = archived_image(pixels=pixels)
    source, image = read_source(path), read_image(path)
    box = found([500, 250, 1500, 750])
    bare, drawn = (
        secondary_capture(Statement(source, shown, PAPER_CLASSES, ALGORITHM), image) for shown in (box.above(1), box)
    )
    gray, marked = bare.pixel_array, drawn.pixel_array
    scale = LARGEST / 2000
    changed = (gray != marked).any(-1)[: round(1000 * scale)]
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert np.abs(np.array([columns[0], columns[-1]]) / scale - [500, 1500]).max() < 8
    assert abs(rows[-1] / scale - 750) < 8 and drawn.BurnedInAnnotation == "NO"
    assert gray.shape[1] == LARGEST and gray.shape[0] > 1000 * scale  # a strip of words below
    assert drawn.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID


@pytest.mark.parametrize(("interpretation", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY")])
def test_a_presentation_state_keeps_the_polarity(archived_image, interpretation, shape):
    path = archived_image(PhotometricInterpretation=interpretation)
    state = presentation_state(Statement(read_source(path), found([1, 2.5, 30, 40]), PAPER_CLASSES, ALGORITHM))
    assert state.PresentationLUTShape == shape
    (notes,) = state.GraphicAnnotationSequence
    outline = notes.GraphicObjectSequence[0].GraphicData
    assert list(outline) == [1, 2.5, 30, 2.5, 30, 40, 1, 40, 1, 2.5]
    texts = [text.UnformattedTextValue for text in notes.TextObjectSequence]
    assert texts == ["Enlarged cardiac silhouette 0.90", "MDF-Net demo. Research use only. Not a medical device."]


@pytest.mark.filterwarnings("error")
def test_odd_headers_are_neither_refused_nor_quoted(archived_image, caplog):
    """highdicom and pydicom warn of names and values that break their rules, and quote them."""
    caplog.set_level(logging.DEBUG)
    with pydicom.config.disable_value_validation():
        path = archived_image(PatientName="Doe", PatientSex="female", PatientAge="61", ReferringPhysicianName="Who")
    made = objects_of(
        read_source(path), read_image(path), found([1, 2, 3, 4]), PAPER_CLASSES, ALGORITHM, None, ("capture",)
    )
    assert (
        made["report"].PatientName == "Doe" and made["report"].PatientSex == "O" and "PatientAge" not in made["report"]
    )
    assert "Doe" not in caplog.text and "Who" not in caplog.text


def test_names_in_other_letters(archived_image, tmp_path):
    path = archived_image(PatientName="Müller^Jürgen", SpecificCharacterSet="ISO_IR 100")
    (kept,) = write_objects(
        tmp_path / "out",
        "image",
        objects_of(read_source(path), read_image(path), found([1, 2, 3, 4]), Classes(("肺炎",)), ALGORITHM),
    )
    report = pydicom.dcmread(kept)
    assert kept.name == "image-report.dcm"
    assert str(report.PatientName) == "Müller^Jürgen" and reported(report)[0].name == "肺炎"


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "Rows"])
def test_an_image_that_nothing_can_point_to(archived_image, keyword):
    source = read_source(archived_image())
    del source[keyword]
    with pytest.raises(UserError, match=f"the image has no {keyword}; give it as the archive holds it"):
        structured_report(Statement(source, found([1, 2, 3, 4]), PAPER_CLASSES, ALGORITHM))


def test_a_malformed_date_is_not_quoted(archived_image):
    with pydicom.config.disable_value_validation():
        source = read_source(archived_image(StudyDate="Doe, Jane"))
    with pytest.raises(UserError, match=r"the image: the DICOM file is damaged \(\w+\)") as error:
        structured_report(Statement(source, found([1, 2, 3, 4]), PAPER_CLASSES, ALGORITHM))
    assert "Doe" not in str(error.value)


def test_the_source_stays_as_it_was(archived_image):
    source = read_source(archived_image())
    before = source.to_json()
    structured_report(Statement(source, found([1, 2, 3, 4]), PAPER_CLASSES, ALGORITHM))
    assert source.to_json() == before and isinstance(source, Dataset)


def test_codes():
    """Those of the standard's own context groups are as pydicom has them from PS3.16; no code is longer than it may."""
    from pydicom.sr.codedict import codes

    for name, known in {
        "Effusion": codes.SCT.PleuralEffusion,
        "Pneumothorax": codes.SCT.Pneumothorax,
        "Pulmonary edema": codes.SCT.PulmonaryEdema,
        "Nodule": codes.SCT.Nodule,
        "Infiltrate": codes.DCM.Infiltrate,
    }.items():
        assert (finding(name).value, finding(name).scheme_designator) == (known.value, known.scheme_designator)
    nih = ("Atelectasis", "Cardiomegaly", "Effusion", "Infiltrate", "Mass", "Nodule", "Pneumonia", "Pneumothorax")
    assert all(finding(name).scheme_designator in ("SCT", "DCM") for name in nih)
    private = [name for name in PAPER_CLASSES.names if finding(name).scheme_designator == "99MDFNET"]
    assert private == ["Enlarged cardiac silhouette", "Pleural abnormality"]
    assert all(len(code) <= 16 and len(meaning) <= 64 for code, _, meaning in FINDINGS.values())
    assert len(finding("x" * 100).meaning) == 64


def test_an_operating_point_takes_the_threshold_s_place(archived_image):
    """What counts was decided by its scores per class, and the objects say so."""
    path, low = archived_image(), found([1, 2, 30, 40], scores=[0.1])
    algorithm = Algorithm("demo", "0.1.0", ALGORITHM.sha256, 0.3, "fp-0.5")
    made = objects_of(read_source(path), read_image(path), low, PAPER_CLASSES, algorithm)
    assert list(made) == ["report"] and "boxes from operating point fp-0.5" in json.dumps(
        made["report"].to_json_dict(), default=str
    )
    assert uid_of("report", algorithm, "1.2.3") != uid_of("report", ALGORITHM, "1.2.3")
