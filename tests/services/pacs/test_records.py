"""The record at the time of an image: the last value at or before it, never one from after."""

from __future__ import annotations

from datetime import datetime

import fhir_stub
import numpy as np
import pytest
from fhir_stub import observation, patient
from pydicom.dataset import Dataset

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.services.pacs.archive import Unreachable
from mdfnet.services.pacs.records import record_for, record_source
from mdfnet.services.pacs.settings import FhirRecord, NoRecord, TableRecord
from mdfnet.services.pacs.suitable import taken_at

SCHEMA = Schema.load("mimic-ed")
ZONE = "Europe/Berlin"


def image(**tags) -> Dataset:
    dataset = Dataset()
    known = {"PatientID": "4711", "StudyDate": "20240301", "StudyTime": "120000", "PatientSex": "F"}
    for name, value in {**known, **tags}.items():
        setattr(dataset, name, value)
    return dataset


def at(clock: str, offset: str = "+01:00", day: str = "2024-03-01") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}{offset}")


@pytest.fixture
def fhir():
    with fhir_stub.serving() as held:
        held.patients.append(patient("4711", "female", "1960-01-01"))
        yield held


def temperature(records, source=None) -> float:
    return record_for(source or image(), records, SCHEMA).values[SCHEMA.index("temperature")]


def from_fhir(fhir, **more):
    return record_source(FhirRecord(kind="fhir", url=fhir.url, zone=ZONE, **more), SCHEMA)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param(["11:00:00"], 0, id="an hour before"),
        pytest.param(["12:00:00"], 0, id="at the very second"),
        pytest.param(["12:00:01"], None, id="a second after"),
        pytest.param(["08:00:00", "11:00:00", "10:00:00"], 1, id="the last of three, in any order"),
        pytest.param(["11:00:00", "12:30:00"], 0, id="not the one from after"),
        pytest.param([], None, id="none"),
    ],
)
def test_last_value_at_or_before_the_image(fhir, times, expected):
    values = [37.0 + number for number in range(len(times))]
    for value, clock in zip(values, times, strict=True):
        fhir.observations.append(observation("4711", "8310-5", value, "Cel", at(clock)))
    found = temperature(from_fhir(fhir))
    assert np.isnan(found) if expected is None else found == values[expected]


@pytest.mark.parametrize(
    ("offset", "day", "expected"),
    [
        pytest.param("+00:00", "2024-03-01", False, id="11:30 in UTC is half past noon in Berlin"),
        pytest.param("+02:00", "2024-03-01", True, id="11:30 in Helsinki is before"),
        pytest.param("+01:00", "2024-02-28", False, id="two days ago is too old"),
    ],
)
def test_times_are_compared_with_their_offsets(fhir, offset, day, expected):
    fhir.observations.append(observation("4711", "8310-5", 38.5, "Cel", at("11:30:00", offset, day)))
    assert (temperature(from_fhir(fhir)) == 38.5) == expected


def test_all_pages_are_read_and_other_patients_are_not(fhir):
    fhir.patients.append(patient("4712", "male", "1950-01-01"))
    for number in range(10):
        fhir.observations.append(observation("4711", "8867-4", 80 + number, "/min", at(f"11:0{number}:00")))
        fhir.observations.append(observation("4712", "8867-4", 180, "/min", at("11:59:00")))
    fhir.observations.append(observation("4711", "8310-5", 101.3, "[degF]", at("10:00:00")))
    record = record_for(image(), from_fhir(fhir), SCHEMA)
    values = dict(zip(SCHEMA.names, record.values, strict=True))
    assert values["heartrate"] == 89 and values["temperature"] == pytest.approx(38.5) and values["gender"] == 0
    assert values["age"] == pytest.approx((datetime(2024, 3, 1) - datetime(1960, 1, 1)).days / 365.25, abs=1e-4)
    assert len([path for path in fhir.asked if path.startswith("/Observation")]) == 4  # eleven, three a page


def test_another_server_gets_no_password(fhir, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    fhir.observations += [observation("4711", "8867-4", 80, "/min", at("11:00:00"))] * 5
    records = from_fhir(fhir, token_file=tmp_path / "token")
    fhir.url = "http://elsewhere.invalid"  # where its links lead
    with pytest.raises(Unreachable, match="continues on another server"):
        record_for(image(), records, SCHEMA)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(image(PatientID="9999"), {"gender": 0.0}, id="a patient the server does not know"),
        pytest.param(image(StudyTime=""), {"gender": 0.0}, id="an image that does not say when"),
        pytest.param(image(PatientID=""), {"gender": 0.0}, id="an image that does not say whose"),
    ],
)
def test_without_a_record_the_image_speaks_for_itself(fhir, source, expected):
    fhir.observations.append(observation("4711", "8310-5", 38.5, "Cel", at("11:00:00")))
    record = record_for(source, from_fhir(fhir), SCHEMA)
    known = {name: value for name, value in zip(SCHEMA.names, record.values, strict=True) if not np.isnan(value)}
    assert known == expected


def test_a_server_that_fails_is_asked_again_later(fhir):
    for status in (400, 401, 404, 429, 500, 503):
        fhir.fail = status
        with pytest.raises(Unreachable, match=f"the FHIR server answered {status}"):
            record_for(image(), from_fhir(fhir), SCHEMA)


def test_two_patients_of_one_identifier(fhir):
    fhir.patients.append({**patient("4711", "male", "1950-01-01"), "id": "another"})
    with pytest.raises(UserError, match="that of several patients; name its system"):
        record_for(image(), from_fhir(fhir), SCHEMA)


def test_values_that_cannot_be_right_are_missing(fhir):
    fhir.observations.append(observation("4711", "8310-5", 98.6, "Cel", at("11:00:00")))
    record = record_for(image(), from_fhir(fhir), SCHEMA)
    assert np.isnan(record.values[SCHEMA.index("temperature")]) and "looks like [degF]" in record.notes["temperature"]


TABLE = """patient_id,time,temperature,heartrate,gender
4711,2024-03-01T08:00:00,37.0,80,F
4711,2024-03-01 11:00,38.5,,F
4711,2024-03-01T10:15:00Z,,99,F
4711,2024-03-01T12:30:00,40.0,120,F
4712,2024-03-01T11:00:00,36.0,60,M
"""


def test_records_from_a_table(tmp_path):
    path = tmp_path / "records.csv"
    path.write_text(TABLE)
    records = record_source(TableRecord(kind="table", file=path, zone=ZONE), SCHEMA)
    values = dict(zip(SCHEMA.names, record_for(image(), records, SCHEMA).values, strict=True))
    assert values["temperature"] == 38.5 and values["heartrate"] == 80 + 19  # 10:15 in UTC is 11:15 in Berlin
    path.write_text(TABLE.replace("38.5", "38.75"))
    assert temperature(records) == 38.75
    path.write_text("patient_id,time\n4711,yesterday\n")
    with pytest.raises(Unreachable, match="the table of records: the time is not ISO 8601"):
        temperature(records)
    with pytest.raises(UserError, match=r"records.csv row 2: the time is not ISO 8601; such as 2024-03-01T08:05:00"):
        record_source(TableRecord(kind="table", file=path, zone=ZONE), SCHEMA)


def test_no_records_but_what_the_image_says():
    schema = Schema.load("age-sex-view")
    record = record_for(image(ViewPosition="PA", PatientAge="061Y"), record_source(NoRecord(), schema), schema)
    assert record.values.tolist() == [61, 0, schema["view"].categories.index("PA")]


@pytest.mark.filterwarnings("ignore:Invalid value")
@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({}, "2024-03-01T12:00:00+01:00", id="study"),
        pytest.param(
            {"AcquisitionDate": "20240301", "AcquisitionTime": "121530.25"}, "2024-03-01T12:15:30+01:00", id="fraction"
        ),
        pytest.param(
            {"AcquisitionDateTime": "202403011214+0000"}, "2024-03-01T12:14:00+00:00", id="with its own offset"
        ),
        pytest.param({"TimezoneOffsetFromUTC": "-0500"}, "2024-03-01T12:00:00-05:00", id="offset of the file"),
        pytest.param({"StudyDate": "20240701"}, "2024-07-01T12:00:00+02:00", id="summer time"),
        pytest.param({"StudyTime": "12"}, None, id="an hour is too little"),
        pytest.param({"StudyDate": ""}, None, id="no date"),
        pytest.param({"StudyDate": "20241399"}, None, id="no such date"),
    ],
)
def test_time_of_an_image(tags, expected):
    found = taken_at(image(**tags), ZONE)
    assert (found and found.isoformat()) == expected
