"""The answers: what the model itself gives, in the shape that was promised."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

import mdfnet
from mdfnet.models.card import DEMO_MODEL
from mdfnet.models.preprocessing import image_tensor

RECORD = {"age": 61, "temperature": {"value": 102.2, "unit": "[degF]"}, "gender": "F"}


@pytest.fixture(scope="module")
def demo():
    return mdfnet.load(DEMO_MODEL)


@pytest.fixture(scope="module")
def gray(send) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(send.png())))


def same(detections, found, classes) -> bool:
    """Whether an answer is what the model gave; images of a batch are summed in another order than one alone."""
    labels = [classes.label(one["label"]) for one in detections]
    scores, boxes = ([one[key] for one in detections] for key in ("score", "box"))
    assert labels == found.labels.tolist()
    return np.allclose(scores, found.scores, atol=1e-5) and np.allclose(boxes, found.boxes, atol=1e-2)


def test_predict_gives_what_the_model_gives(client, send, demo, gray):
    answer = client.post("/v1/predict", **send.form(clinical=RECORD)).json()
    (found,) = demo.detect([image_tensor(gray)], [RECORD])
    assert len(found) and same(answer["detections"], found, demo.classes)
    assert answer["image"] == {"width": 80, "height": 96}
    assert (
        answer["clinical"]["values"] | {"age": 61.0, "temperature": 39.0, "gender": "F"} == answer["clinical"]["values"]
    )
    assert answer["notice"] == "Research use only. Not a medical device."


def test_what_if_encodes_once_and_gives_each_record_its_own(client, send, demo, gray, opened):
    records = [{"temperature": 36.5}, {"temperature": 39.5}, {}]
    results = client.post("/v1/what-if", **send.form(records=records)).json()["results"]
    found = [demo.detect([image_tensor(gray)], [record])[0] for record in records]
    assert all(same(one["detections"], two, demo.classes) for one, two in zip(results, found, strict=True))
    again = client.post(f"/v1/images/{opened['id']}/what-if", json={"records": records}).json()["results"]
    assert [one["detections"] for one in again] == [one["detections"] for one in results]


def test_detect_on_an_open_image_has_the_image_alone_beside_it(client, demo, gray, opened):
    answer = client.post(f"/v1/images/{opened['id']}/detect", json={"clinical": RECORD}).json()
    assert same(answer["detections"], demo.detect([image_tensor(gray)], [RECORD])[0], demo.classes)
    assert same(answer["image_only"], demo.detect([image_tensor(gray)])[0], demo.classes)


@pytest.mark.parametrize(
    ("record", "refused", "unseen", "notes"),
    [
        pytest.param({"temperature": 98.6}, ["temperature"], [], [], id="degrees Fahrenheit are not guessed"),
        pytest.param({"sbp": 70, "dbp": 90}, ["sbp", "dbp"], [], [], id="pressures swapped"),
        pytest.param({"gender": "X"}, ["gender"], [], [], id="an unknown category"),
        pytest.param({"age": 4}, [], ["age"], ["age"], id="training had no such age"),
        pytest.param({"ward": 3}, [], [], ["ward"], id="no feature of the model"),
        pytest.param({"age": None, "pain": ""}, [], [], [], id="missing said in two ways"),
    ],
)
def test_what_became_of_the_record(client, send, record, refused, unseen, notes):
    clinical = client.post("/v1/predict", **send.form(clinical=record)).json()["clinical"]
    assert (list(clinical["refused"]), clinical["unseen"], list(clinical["notes"])) == (refused, unseen, notes)
    assert {*clinical["used"], *clinical["missing"], *clinical["refused"]} == set(clinical["values"])
    assert [name for name, value in clinical["values"].items() if value is not None] == clinical["used"]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_pixels_are_the_images(client, send, depth):
    data = send.png(depth=depth)
    opened = client.post("/v1/images", **send.form(data)).json()
    pixels = client.get(f"/v1/images/{opened['id']}/pixels")
    values = np.frombuffer(pixels.content, "<u2").reshape(opened["height"], opened["width"])
    assert (values == np.asarray(Image.open(io.BytesIO(data)))).all()
    assert (opened["bits"], opened["invert"], opened["kind"]) == (8 * np.dtype(depth).itemsize, False, "png")


def test_pixels_of_dicom_are_after_the_modality_lut(client, send, image_file):
    tags = {"RescaleSlope": "2", "RescaleIntercept": "-1000", "WindowCenter": "1000", "WindowWidth": "400"}
    path, stored = image_file(PhotometricInterpretation="MONOCHROME1", ViewPosition="PA", **tags)
    opened = client.post("/v1/images", **send.form(path.read_bytes())).json()
    pixels = np.frombuffer(client.get(f"/v1/images/{opened['id']}/pixels").content, "<u2")
    assert (pixels == 2 * stored.ravel()).all()
    assert (opened["bits"], opened["invert"], opened["view"], opened["kind"]) == (13, True, "PA", "dicom")
    assert opened["window"] == {"center": 2000.0, "width": 400.0}


def test_reports_as_tables(client, opened):
    given = [
        {"label": "Atelectasis", "score": 0.25, "box": [1, 2, 11, 22]},
        {"label": "Consolidation", "score": 0.5, "box": [0, 0, 80, 96]},
    ]
    url = f"/v1/images/{opened['id']}/report"
    coco = client.post(url, json={"detections": given, "format": "coco"})
    assert [(one["category_id"], one["bbox"], one["score"]) for one in coco.json()] == [
        (4, [0, 0, 80, 96], 0.5),
        (2, [1, 2, 10, 20], 0.25),
    ]
    csv = client.post(url, json={"detections": given, "format": "csv"})
    assert csv.text.splitlines()[1] == "image,Consolidation,0.5,0.0,0.0,80.0,96.0"


def test_model_says_what_a_form_needs(client):
    facts = client.get("/v1/model").json()
    temperature = next(one for one in facts["features"] if one["name"] == "temperature")
    assert (temperature["unit"], temperature["plausible"], temperature["normal"]) == ("Cel", [25, 45], [36.5, 37.3])
    assert facts["features"][-1]["categories"] == ["F", "M"]
    assert facts["sha256"] == json.loads((DEMO_MODEL / "model.json").read_text())["weights_sha256"]
    assert [one["id"] for one in facts["classes"]] == [1, 2, 3, 4, 5]
    assert facts["fused"]


def test_worklist_opens_images_with_their_records(serving, send, tmp_path):
    (tmp_path / "a.png").write_bytes(send.png())
    (tmp_path / "notes.txt").write_text("no image")
    names = mdfnet.Schema.load("mimic-ed").names
    (tmp_path / "clinical.csv").write_text(f"image,{','.join(names)}\na.png,61{',' * (len(names) - 1)}\n")
    with serving(images=tmp_path) as client:
        send.warm(client)
        (listed,) = client.get("/v1/images").json()["images"]
        assert listed["name"] == "a.png"
        opened = client.post(f"/v1/worklist/{listed['id']}")
        assert opened.status_code == 201 and opened.json()["clinical"]["used"] == ["age"]
        gone = client.post(f"/v1/worklist/{'0' * 16}")
    assert gone.status_code == 404 and gone.json()["error"]["code"] == "image_gone"
