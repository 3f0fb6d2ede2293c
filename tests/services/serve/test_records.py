"""Records as JSON and as FHIR, and explanations: through the API, against what the rooms behind it give."""

from __future__ import annotations

import pytest
from fhir.resources.R4B.bundle import Bundle


def quantity(code: str, value: float, unit: str, time: str, patient: str = "p1") -> dict:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": time,
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit},
    }


def bundle(*resources: dict) -> dict:
    """A bundle that fhir.resources accepts."""
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1963-03-01"}
    whole = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in (patient, *resources)]}
    Bundle.model_validate(whole)
    return whole


BEFORE, AFTER, LONG_AGO = "2024-03-01T08:05:00Z", "2024-03-01T12:00:00Z", "2024-02-01T08:00:00Z"
TAKEN = {"StudyDate": "20240301", "StudyTime": "100000"}


@pytest.fixture(scope="module")
def zoned(serving, send):
    with serving(zone="UTC") as client:
        yield send.warm(client)


def values(response) -> dict:
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.json()["clinical"]["values"].items() if value is not None}


def test_the_last_value_before_the_image_counts(zoned, send, image_file):
    given = bundle(
        quantity("8310-5", 101.3, "[degF]", BEFORE),
        quantity("8310-5", 36.0, "Cel", AFTER),
        quantity("8867-4", 118, "/min", LONG_AGO),
    )
    image = image_file(**TAKEN)[0].read_bytes()
    found = values(zoned.post("/v1/predict", **send.form(image, clinical=given)))
    assert found == {"age": pytest.approx(61, abs=0.01), "temperature": 38.5, "gender": "F"}


def test_without_a_time_the_last_value_of_all_counts_and_that_is_said(zoned, send):
    given = bundle(quantity("8310-5", 38.0, "Cel", BEFORE), quantity("8310-5", 36.0, "Cel", AFTER))
    response = zoned.post("/v1/predict", **send.form(clinical=given))
    assert values(response) == {"temperature": 36.0, "gender": "F"}
    assert "images without a time" in response.json()["clinical"]["notes"]["FHIR"]


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        pytest.param(quantity("8310-5", 38, "Cel", BEFORE, "p2"), "resources of 2 patients", id="two patients"),
        pytest.param(quantity("8310-5", 38, "furlong", BEFORE), "temperature is in an unknown unit", id="unknown unit"),
        pytest.param(quantity("8310-5", 38, "%", BEFORE), "does not fit", id="a unit of something else"),
        pytest.param({"resourceType": "Observation", "code": "8310-5"}, "not FHIR R4", id="no FHIR"),
    ],
)
def test_bundles_that_cannot_be_used(zoned, send, resource, message):
    given = bundle()
    given["entry"].append({"resource": resource})
    response = zoned.post("/v1/predict", **send.form(clinical=given))
    assert response.status_code == 422 and message in response.json()["error"]["message"]


def test_an_open_image_takes_a_bundle_too(zoned, send, image_file):
    image = image_file(**TAKEN)[0].read_bytes()
    given = bundle(quantity("8310-5", 38.5, "Cel", BEFORE))
    opened = zoned.post("/v1/images", **send.form(image, clinical=given)).json()
    assert opened["clinical"]["used"] == ["age", "temperature", "gender"]
    assert values(zoned.post(f"/v1/images/{opened['id']}/detect", json={"clinical": given}))["temperature"] == 38.5


def test_explanations_add_up_to_the_detections_own_score(client, opened):
    record = {"age": 61, "temperature": 39.0, "sbp": 70, "dbp": 90}
    url = f"/v1/images/{opened['id']}"
    found = client.post(f"{url}/detect", json={"clinical": record}).json()["detections"]
    boxes = [{"label": one["label"], "box": one["box"]} for one in found]
    told = client.post(f"{url}/explanation", json={"clinical": record, "boxes": boxes}).json()
    assert told["exact"] and len(told["boxes"]) == len(found) > 0
    for box, one in zip(told["boxes"], found, strict=True):
        assert box["full"] == pytest.approx(one["score"], abs=1e-4)
        assert box["baseline"] + sum(box["values"].values()) == pytest.approx(box["full"], abs=1e-4)
        assert box["values"]["sbp"] == 0  # refused, as pressures that are swapped are


def test_a_what_if_scores_the_boxes_that_it_is_given(client, opened):
    record, url = {"temperature": 39.0}, f"/v1/images/{opened['id']}"
    found = client.post(f"{url}/detect", json={"clinical": record}).json()["detections"]
    boxes = [{"label": one["label"], "box": one["box"]} for one in found]
    first, second = client.post(f"{url}/what-if", json={"records": [record, {}], "boxes": boxes}).json()["results"]
    assert first["scores"] == pytest.approx([one["score"] for one in found], abs=1e-4)
    assert len(second["scores"]) == len(boxes) and second["scores"] != first["scores"]


def test_reports_in_dicom_need_a_dicom_image(client, opened):
    for form in ("sr", "capture"):
        response = client.post(f"/v1/images/{opened['id']}/report", json={"detections": [], "format": form})
        assert (response.status_code, response.json()["error"]["code"]) == (409, "not_dicom")
