"""From hospital systems to a clinical table: the last value at or before the image, in the schema's units."""

import csv
import importlib
import io
import json

import duckdb
import pytest

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import read_clinical_table
from mdfnet.core.errors import UserError
from mdfnet.data.importers.fhir import records_from_fhir
from mdfnet.data.importers.measurements import Matching
from mdfnet.data.importers.omop import records_from_omop, shipped_mapping

SCHEMA = Schema.load("mimic-ed")
IMAGES = """image_id,patient_id,time,view
f1,7,2024-03-01T10:00:00,PA
f2,7,2024-03-02T10:00:00,AP
f3,8,2024-03-01T10:00:00,
"""


def rows(records):
    return {row["image_id"]: row for row in csv.DictReader(io.StringIO(records.text))}


# OMOP

#: person_id, concept, value, unit concept, datetime, date
MEASUREMENTS = [
    (7, 3020891, 98.6, 9289, "2024-03-01 08:00:00", "2024-03-01"),  # 37.0 Cel
    (7, 3020891, 102.2, 9289, "2024-03-01 10:00:00", "2024-03-01"),  # 39.0 Cel, at the image
    (7, 3020891, 40.0, 586323, "2024-03-01 10:00:01", "2024-03-01"),  # a second too late
    (7, 3027018, 88, 8541, "2024-02-28 10:00:00", "2024-02-28"),  # two days old
    (7, 3004249, 120, 8876, None, "2024-03-01"),  # some time that day: not before the image at ten
    (7, 3012888, 879, 8876, "2024-03-01 09:00:00", "2024-03-01"),  # cannot be right
    (7, 40762499, None, 8554, "2024-03-01 09:00:00", "2024-03-01"),  # no number
    (7, 43055141, 3, 0, "2024-03-01 09:00:00", "2024-03-01"),  # a score has no unit
    (7, 3013762, 80, 9529, "2024-03-01 09:00:00", "2024-03-01"),  # weight: not in the schema
    (9, 3020891, 36.0, 586323, "2024-03-01 09:00:00", "2024-03-01"),  # a patient without images
]
PERSONS = [(7, 8532, 1954, 3, 1, None), (8, 8507, 1980, None, None, None), (9, 8507, 1990, 1, 1, None)]
M_COLUMNS = (
    "person_id, measurement_concept_id, value_as_number, unit_concept_id, measurement_datetime, measurement_date"
)
P_COLUMNS = "person_id, gender_concept_id, year_of_birth, month_of_birth, day_of_birth, birth_datetime"


@pytest.fixture
def omop(tmp_path):
    """Writes the two tables and the images; gives back what the import makes of them."""

    def run(measurements=MEASUREMENTS, persons=PERSONS, metadata=IMAGES, kind="csv", schema=SCHEMA, **options):
        (tmp_path / "images.csv").write_text(metadata)
        for name, columns, table in (("measurement", M_COLUMNS, measurements), ("person", P_COLUMNS, persons)):
            values = ", ".join(map(repr, table)).replace("None", "null")
            query = f"select * from (values {values}) t({columns})"
            if kind == "parquet" and name == "measurement":
                query = query.replace(
                    "*", "* replace (cast(measurement_datetime as timestamp) as measurement_datetime)", 1
                )
            duckdb.sql(f"copy ({query}) to '{tmp_path / f'{name}.{kind}'}'")
        return records_from_omop(
            tmp_path / f"measurement.{kind}", tmp_path / f"person.{kind}", tmp_path / "images.csv", schema, **options
        )

    return run


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_omop(omop, kind):
    records = omop(kind=kind)
    found = rows(records)
    f1, f2, f3 = found["f1"], found["f2"], found["f3"]
    assert float(f1["temperature"]) == pytest.approx(39.0, abs=1e-5), "at the image, not after it"
    assert float(f2["temperature"]) == 40.0 and f1["heartrate"] == "" and f1["sbp"] == "" and f2["sbp"] == "120"
    assert (f1["dbp"], f1["o2sat"], f1["pain"], f1["acuity"], f1["gender"]) == ("", "", "3", "", "F")
    assert float(f1["age"]) == pytest.approx(70, abs=0.01) and (f1["view"], f3["gender"]) == ("PA", "M")
    assert f3["temperature"] == "" and records.images == 3
    assert records.notes == {
        "measurements without a number, left out": 1,
        "persons whose birth is known by its year alone: 1 July taken": 1,
        "implausible values of dbp, now missing": 1,
    }


def test_the_table_is_what_imports_read(omop, tmp_path):
    (tmp_path / "clinical.csv").write_text(omop().text)
    table = read_clinical_table(tmp_path / "clinical.csv", SCHEMA, id_column="image_id", extra=("patient_id", "view"))
    assert table.ids == ("f1", "f2", "f3") and table.extra["patient_id"] == ("7", "7", "8")


@pytest.mark.parametrize(
    ("within", "expected"), [(1.9, ""), (2.0, "37"), (24, "37")], ids=["older than that", "just", "a day"]
)
def test_window(omop, within, expected):
    measurements = [MEASUREMENTS[0]]
    assert rows(omop(measurements, matching=Matching(within=within)))["f1"]["temperature"] == expected


def test_images_without_times_are_said(omop):
    records = omop(metadata="image_id,patient_id\nf1,7\n")
    assert rows(records)["f1"]["temperature"] == "40" and rows(records)["f1"]["age"] == ""
    assert any("even if it is from after the image" in note for note in records.notes)


def test_a_feature_that_the_images_have_counts(omop):
    found = rows(omop(metadata="image_id,patient_id,time,temperature,acuity\nf1,7,2024-03-01T10:00:00,36.1,2\n"))["f1"]
    assert (found["temperature"], found["acuity"], found["gender"]) == ("36.1", "2", "F")


def test_own_mapping(omop, tmp_path):
    own = shipped_mapping().replace("[3020891]", "[4302666]").replace("assume: {}", "assume: {temperature: '[degF]'}")
    (tmp_path / "own.yaml").write_text(own)
    measurements = [(7, 4302666, 101.3, 0, "2024-03-01 09:00:00", "2024-03-01"), MEASUREMENTS[0]]
    found = rows(omop(measurements, mapping=tmp_path / "own.yaml"))["f1"]
    assert float(found["temperature"]) == pytest.approx(38.5, abs=1e-5)


def measured(*row):
    return {"measurements": [row]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            measured(7, 3020891, 37, 8653, "2024-03-01 09:00:00", "2024-03-01"),
            "temperature is in unit concept 8653, which the mapping does not have; add it to 'units'",
            id="unknown unit",
        ),
        pytest.param(
            measured(7, 3020891, 37, 0, "2024-03-01 09:00:00", "2024-03-01"),
            "temperature has no unit; say which in a mapping file, such as 'assume: {temperature: Cel}'",
            id="no unit",
        ),
        pytest.param(
            measured(7, 3020891, 37, 8541, "2024-03-01 09:00:00", "2024-03-01"),
            "does not fit",
            id="unit of another kind",
        ),
        pytest.param(
            {"metadata": "image_id\nf1\n"}, "images.csv: no column 'patient_id'", id="images without patients"
        ),
        pytest.param(
            {"metadata": "image_id,patient_id,time\nf1,7,1.3.2024\n"},
            "images.csv row 2: the time is not ISO 8601; such as 2024-03-01T08:05:00",
            id="time in another form",
        ),
        pytest.param({"matching": Matching(zone="Berlin")}, "unknown time zone 'Berlin'", id="no such zone"),
        pytest.param(
            {"metadata": IMAGES.replace("10:00:00", "10:00:00+01:00")},
            "some times have an offset from UTC, others have none; say with --zone",
            id="times with and without offset",
        ),
        pytest.param(
            {"matching": Matching(invalid="error")}, "images.csv row 2: dbp is 879", id="stop at the impossible"
        ),
    ],
)
def test_broken_omop(omop, change, message):
    with pytest.raises(UserError) as error:
        omop(**change)
    assert message in str(error.value)


def test_zone(omop):
    """Ten o'clock in Berlin in March is nine in UTC: the table's local times match the images' UTC ones."""
    metadata = IMAGES.replace("10:00:00", "09:00:00Z")
    found = rows(omop(metadata=metadata, matching=Matching(zone="Europe/Berlin")))["f1"]
    assert float(found["temperature"]) == pytest.approx(39.0, abs=1e-5)


def test_files_that_are_no_omop(omop, tmp_path):
    omop()
    (tmp_path / "other.csv").write_text("subject_id,itemid\n1,2\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 Doe, Jane")
    person, metadata = tmp_path / "person.csv", tmp_path / "images.csv"
    for name, message in (
        ("other.csv", "no column 'person_id'; an OMOP table with person_id, measurement_concept_id"),
        ("none.csv", "no such file"),
        ("broken.parquet", "not an OMOP table in CSV or Parquet"),
    ):
        with pytest.raises(UserError, match=message) as error:
            records_from_omop(tmp_path / name, person, metadata, SCHEMA)
        assert str(error.value).startswith(str(tmp_path / name)) and "Doe" not in str(error.value)


def test_a_broken_mapping_is_named(omop, tmp_path):
    (tmp_path / "own.yaml").write_text("measurements: {temperature: [hot]}\nunits: {}\ngenders: {}\n")
    with pytest.raises(UserError, match=r"own.yaml: measurements.temperature.0: Input should be a valid integer"):
        omop(mapping=tmp_path / "own.yaml")


# FHIR

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"


def coded(code):
    return {"coding": [{"system": "http://local", "code": "x"}, {"system": LOINC, "code": code}]}


def quantity(value, unit):
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


def observation(code, time="2024-03-01T09:00:00+01:00", patient="Patient/7", **content):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": coded(code),
        "subject": {"reference": patient},
        "effectiveDateTime": time,
        **content,
    }


PATIENT = {
    "resourceType": "Patient",
    "id": "7",
    "gender": "female",
    "birthDate": "1954-03-01",
    "name": [{"family": "Doe"}],
}
PRESSURE = [{"code": coded("8480-6"), **quantity(120, "mm[Hg]")}, {"code": coded("8462-4"), **quantity(10, "kPa")}]
ABSENT = {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}


@pytest.fixture
def fhir(tmp_path):
    """Writes a bundle and the images; gives back what the import makes of them."""

    def run(*resources, metadata=IMAGES, patient=PATIENT, **options):
        (tmp_path / "images.csv").write_text(metadata)
        entries = [{"resource": resource} for resource in (patient, *resources)]
        (tmp_path / "b.json").write_text(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}))
        options.setdefault("matching", Matching(zone="Europe/Berlin"))
        return records_from_fhir([tmp_path / "b.json"], tmp_path / "images.csv", SCHEMA, **options)

    return run


VALUES = [
    pytest.param(observation("8310-5", **quantity(38.5, "Cel")), {"temperature": 38.5}, id="as the schema has it"),
    pytest.param(observation("8310-5", **quantity(101.3, "[degF]")), {"temperature": 38.5}, id="another unit"),
    pytest.param(
        observation("8310-5", valueQuantity={"value": 101.3, "unit": "F"}), {"temperature": 38.5}, id="unit as a word"
    ),
    pytest.param(
        observation("85354-9", component=PRESSURE), {"sbp": 120, "dbp": 75.0062}, id="blood pressure as a panel"
    ),
    pytest.param(observation("8480-6", **quantity(118, "mm[Hg]")), {"sbp": 118}, id="blood pressure by itself"),
    pytest.param(
        observation("55284-4", component=[PRESSURE[0], {"code": coded("8462-4"), **ABSENT}]),
        {"sbp": 120},
        id="half a panel",
    ),
    pytest.param(observation("2708-6", **quantity(95, "%")), {"o2sat": 95}, id="saturation under its other code"),
    pytest.param(observation("98137-3", valueInteger=4), {"pain": 4}, id="pain as MIMIC-IV-on-FHIR has it"),
    pytest.param(observation("72514-3", **quantity(4, "{score}")), {"pain": 4}, id="a score with its UCUM unit"),
    pytest.param(
        observation("75636-1", valueCodeableConcept={"coding": [{"system": LOINC, "code": "LA21752-3"}]}),
        {"acuity": 2},
        id="acuity as an answer",
    ),
    pytest.param(observation("8867-4", **ABSENT), {}, id="absent with a reason"),
    pytest.param(observation("8867-4", valueString="fast"), {}, id="no number"),
    pytest.param(observation("29463-7", **quantity(80, "kg")), {}, id="something else"),
    pytest.param(observation("8867-4", **quantity(99, "/min"), status="entered-in-error"), {}, id="withdrawn"),
    pytest.param(observation("8867-4", "2024-03-01T10:00:01+01:00", **quantity(99, "/min")), {}, id="after the image"),
    pytest.param(
        observation("8867-4", "2024-03-01T09:00:00Z", **quantity(99, "/min")),
        {"heartrate": 99},
        id="at the image, in UTC",
    ),
    pytest.param(observation("8867-4", "2024-03-01", **quantity(99, "/min")), {}, id="some time that day"),
    pytest.param(observation("8867-4", "2024-02-29", **quantity(99, "/min")), {"heartrate": 99}, id="the day before"),
    pytest.param(
        observation("8867-4", None, **quantity(99, "/min"), effectivePeriod={"end": "2024-03-01T08:00:00+01:00"}),
        {"heartrate": 99},
        id="a period",
    ),
    pytest.param(observation("8867-4", None, **quantity(99, "/min")), {}, id="no time"),
    pytest.param(observation("8867-4", **quantity(999, "/min")), {}, id="cannot be right"),
    pytest.param(observation("8867-4", patient="Patient/8", **quantity(99, "/min")), {}, id="somebody else's"),
]


@pytest.mark.parametrize(("resource", "expected"), VALUES)
def test_fhir_values(fhir, resource, expected):
    found = rows(fhir(resource))["f1"]
    given = {name: float(found[name]) for name in SCHEMA.names if found[name] and name not in ("age", "gender")}
    assert given == pytest.approx(expected, abs=1e-3)
    assert found["gender"] == "F" and float(found["age"]) == pytest.approx(70, abs=0.01)


def test_fhir_notes(fhir):
    records = fhir(*(value.values[0] for value in VALUES))
    assert records.notes == {
        "images whose patient is not in the records": 1,
        "measurements without a time, left out": 1,
        "observations of something else, passed over": 1,
        "observations withdrawn, registered only or of an unknown status, left out": 1,
        "values absent or without a number, left out": 3,
    }


@pytest.mark.parametrize("gender", ["other", "unknown", None])
def test_gender_of_other_kinds_is_missing(fhir, gender):
    records = fhir(patient=PATIENT | {"gender": gender})
    assert rows(records)["f1"]["gender"] == ""
    assert records.notes["patients whose gender is other, unknown or absent: missing"] == 1


def test_patients_by_identifier_and_by_uuid(fhir, tmp_path):
    patient = PATIENT | {"id": "a1", "identifier": [{"system": "urn:mrn", "value": "7"}]}
    assert (
        rows(fhir(observation("8867-4", patient="Patient/a1", **quantity(99, "/min")), patient=patient))["f1"][
            "heartrate"
        ]
        == "99"
    )
    uuid = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    without = {key: value for key, value in patient.items() if key != "id"}
    entries = [
        {"fullUrl": uuid, "resource": without},
        {"resource": observation("8867-4", patient=uuid, **quantity(77, "/min"))},
    ]
    (tmp_path / "b.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    matching = Matching(zone="Europe/Berlin")
    found = records_from_fhir([tmp_path / "b.json"], tmp_path / "images.csv", SCHEMA, matching=matching)
    assert rows(found)["f1"]["heartrate"] == "77"


def test_the_same_patient_twice_and_two_with_one_identifier(fhir):
    records = fhir(PATIENT, VALUES[0].values[0], patient=PATIENT | {"gender": "other"})
    assert records.notes["patients whose gender is other, unknown or absent: missing"] == 1
    other = {"resourceType": "Patient", "id": "b", "identifier": [{"value": "7"}]}
    with pytest.raises(UserError, match=r"b.json entry 2: an identifier is that of two patients"):
        fhir(other)


def test_ndjson(fhir, tmp_path):
    expected = fhir(*(value.values[0] for value in VALUES[:3])).text
    lines = [json.dumps(resource) for resource in (PATIENT, *(value.values[0] for value in VALUES[:3]))]
    (tmp_path / "Patient.ndjson").write_text(lines[0] + "\n")
    (tmp_path / "Observation.ndjson").write_text("\n".join(lines[1:]) + "\n")
    files = [tmp_path / "Observation.ndjson", tmp_path / "Patient.ndjson"]
    matching = Matching(zone="Europe/Berlin")
    assert records_from_fhir(files, tmp_path / "images.csv", SCHEMA, matching=matching).text == expected


def test_unit_to_assume(fhir):
    resource = observation("8310-5", valueQuantity={"value": 101.3})
    found = rows(fhir(resource, assume={"temperature": "[degF]"}))["f1"]
    assert float(found["temperature"]) == pytest.approx(38.5, abs=1e-5)


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        pytest.param(
            observation("8310-5", valueQuantity={"value": 38}),
            "b.json entry 2: temperature has no unit; say which with --assume-unit",
            id="no unit",
        ),
        pytest.param(
            observation("8310-5", **quantity(38, "[degRe]")),
            "b.json entry 2: temperature is in an unknown unit '[degRe]'",
            id="unknown unit",
        ),
        pytest.param(
            observation("8310-5", valueQuantity={"value": "Doe"}),
            "b.json entry 2: not FHIR R4: valueQuantity.value: Input should be a valid number",
            id="text for a number",
        ),
    ],
)
def test_broken_fhir(fhir, resource, message):
    with pytest.raises(UserError) as error:
        fhir(resource)
    assert message in str(error.value) and "Doe" not in str(error.value)


def test_offsets_need_the_images_zone(fhir):
    with pytest.raises(UserError, match="say with --zone in which time zone those without are"):
        fhir(VALUES[0].values[0], matching=Matching())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "not JSON", id="cut off"),
        pytest.param("[]", "no FHIR resource", id="a list"),
        pytest.param(
            '{"resourceType": "Bundle", "entry": [{}]}', "entry 1: the entry has no resource", id="empty entry"
        ),
    ],
)
def test_files_that_are_no_fhir(tmp_path, text, message):
    (tmp_path / "b.json").write_text(text)
    (tmp_path / "images.csv").write_text(IMAGES)
    with pytest.raises(UserError, match=message):
        records_from_fhir([tmp_path / "b.json"], tmp_path / "images.csv", SCHEMA)


@pytest.mark.parametrize("resource", [case.values[0] for case in VALUES], ids=[case.id for case in VALUES])
def test_what_is_read_here_is_fhir(resource):
    """The oracle for the tests' own resources; R4B differs from R4 in none of these elements."""
    given = {key: value for key, value in resource.items() if value is not None}
    observation = importlib.import_module("fhir.resources.R4B.observation").Observation
    assert observation.model_validate(given | {"category": [{"text": "vital signs"}]}).status == given["status"]
