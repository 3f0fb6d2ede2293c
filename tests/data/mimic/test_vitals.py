import csv
import gzip
import math
from collections import Counter

import pytest
from made_up_mimic import Release, dicom

from mdfnet.clinical.schema import Schema
from mdfnet.data.mimic.releases import find_releases
from mdfnet.data.mimic.rules import Rules, Values, Vitals
from mdfnet.data.mimic.stays import load_images, load_stays, match_stays
from mdfnet.data.mimic.tables import TableFiles, load, opened
from mdfnet.data.mimic.vitals import (
    MEASURED,
    TRIAGE_COLUMNS,
    VITALSIGN_COLUMNS,
    Fate,
    load_vitals,
    read_value,
    records,
    schema_of,
)

SCHEMA = Schema.load("mimic-ed")

CELLS = [
    pytest.param("temperature", "98.6", 37.0, Fate.kept, id="Fahrenheit"),
    pytest.param("temperature", "36.5", 36.5, Fate.converted, id="Celsius in the Fahrenheit column"),
    pytest.param("temperature", "31.4", 31.4, Fate.converted, id="a cold patient in Celsius"),
    pytest.param("temperature", "77", 25.0, Fate.kept, id="lowest in Fahrenheit"),
    pytest.param("temperature", "60", math.nan, Fate.refused, id="neither"),
    pytest.param("temperature", "986", math.nan, Fate.refused, id="the point is lost"),
    pytest.param("dbp", "879", math.nan, Fate.refused, id="impossible pressure"),
    pytest.param("o2sat", "101", math.nan, Fate.refused, id="more than all"),
    pytest.param("heartrate", " 72.0 ", 72.0, Fate.kept, id="blanks"),
    pytest.param("heartrate", "nan", math.nan, Fate.refused, id="nan"),
    pytest.param("heartrate", "inf", math.nan, Fate.refused, id="infinite"),
    pytest.param("heartrate", "7/10", math.nan, Fate.refused, id="a fraction is for pain only"),
    pytest.param("sbp", None, math.nan, Fate.missing, id="empty"),
    pytest.param("sbp", "  ", math.nan, Fate.missing, id="blank"),
    pytest.param("pain", "8", 8.0, Fate.kept, id="pain as a number"),
    pytest.param("pain", "0/10", 0.0, Fate.converted, id="pain out of ten"),
    pytest.param("pain", "Denies", 0.0, Fate.converted, id="no pain in words"),
    pytest.param("pain", "13", math.nan, Fate.refused, id="13 is a code, not a pain"),
    pytest.param("pain", "unable", math.nan, Fate.refused, id="cannot say"),
    pytest.param("pain", "3-4", math.nan, Fate.refused, id="a range is not decided"),
    pytest.param("acuity", "6", math.nan, Fate.refused, id="no such acuity"),
]


@pytest.mark.parametrize(("feature", "text", "value", "fate"), CELLS)
def test_cells(feature, text, value, fate):
    found, became = read_value(SCHEMA[feature], text)
    assert (pytest.approx(found, nan_ok=True), became) == (value, fate)


@pytest.mark.parametrize(("feature", "text", "value"), [("temperature", "36.5", 36.5), ("dbp", "879", 879.0)])
def test_raw_values_stay_as_they_are(feature, text, value):
    assert read_value(schema_of(Rules(values=Values.raw))[feature], text) == (value, Fate.kept)


TRIAGE = {"heartrate": 80, "sbp": 120, "acuity": 2}


def record(folder, rules=None, clock="120000"):
    """The record of an image taken at noon; arrival at 8:00, measurements at 9:00, 11:00, 12:00 and 13:00."""
    release, day, rules = Release(), "2150-03-08", rules or Rules()
    release.patient(1, "M", 60, 2148)
    release.stay(1, 7, f"{day} 08:00:00", f"{day} 20:00:00", **TRIAGE)
    release.vital(1, 7, f"{day} 13:00:00", heartrate=83, resprate=23)
    release.vital(1, 7, f"{day} 11:00:00", heartrate=81, dbp=879, temperature=37.5)
    release.vital(1, 7, f"{day} 09:00:00", heartrate=79, dbp=70, pain="5/10")
    release.vital(1, 7, f"{day} 12:00:00", heartrate=82)
    release.vital(1, 8, f"{day} 11:30:00", o2sat=91)
    release.reading(1, release.image(1, 1, "21500308", clock), 1)
    release.write(folder, images=False)
    tables = find_releases([folder]).tables
    with opened(1) as database:
        load_images(database, tables["images"])
        load_stays(database, tables["edstays"], rules)
        load_vitals(database, tables, rules)
        match_stays(database, rules)
        database.execute("CREATE TABLE wanted AS SELECT dicom_id FROM images")
        found, fates = records(database, schema_of(rules), rules)
    return dict(zip(SCHEMA.names, found[dicom(1)].tolist(), strict=True)), fates


LATEST = {"heartrate": 82, "temperature": 37.5}
RULES = [
    pytest.param(Rules(), {**TRIAGE, **LATEST, "dbp": 70, "pain": 5}, id="last known of each, never a later one"),
    pytest.param(Rules(vitals=Vitals.triage), TRIAGE, id="triage alone"),
    pytest.param(Rules(within=2), LATEST, id="not older than two hours"),
    pytest.param(Rules(within=4, vitals=Vitals.triage), TRIAGE, id="triage counts from the arrival"),
    pytest.param(Rules(within=3.9, vitals=Vitals.triage), {}, id="triage is too old"),
]


@pytest.mark.parametrize(("rules", "measured"), RULES)
def test_which_measurement_counts(tmp_path, rules, measured):
    found, _ = record(tmp_path, rules)
    person = {"age": 62, "gender": 1}
    expected = {name: {**person, **measured}.get(name, math.nan) for name in SCHEMA.names}
    assert found == pytest.approx(expected, nan_ok=True)


def test_before_the_stay_nothing_is_known_yet(tmp_path):
    found, _ = record(tmp_path, Rules(stay="window", before=3, after=0), clock="70000")
    assert {name for name, value in found.items() if not math.isnan(value)} == {"age", "gender"}


def test_fates_are_counted(tmp_path):
    _, fates = record(tmp_path)
    assert fates["dbp"] == Counter({Fate.kept: 1, Fate.refused: 1}), "one refused, and the one before it taken"
    assert fates["temperature"] == Counter({Fate.converted: 1}) and fates["resprate"] == Counter({Fate.missing: 1})


@pytest.mark.parametrize(
    ("table", "columns", "count"), [("triage", TRIAGE_COLUMNS, 222), ("vitalsign", VITALSIGN_COLUMNS, 1038)]
)
def test_no_row_of_the_demo_is_lost(shared_data, table, columns, count):
    path = shared_data / "mimic_iv_ed_demo" / "ed" / f"{table}.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        own = list(csv.DictReader(file))
    names = [name for name in MEASURED if name in columns]
    with opened(1) as database:
        assert load(database, TableFiles(table, (path,)), columns) == len(own) == count
        rows = database.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY row").fetchall()
    for name, cells in zip(names, zip(*rows, strict=True), strict=True):
        assert [cell or "" for cell in cells] == [row[name].strip() for row in own]
        fates = Counter(read_value(SCHEMA[name], cell)[1] for cell in cells)
        assert fates.total() == len(own) and fates[Fate.missing] == sum(not row[name].strip() for row in own)


def test_stays_of_the_demo(shared_data):
    path = shared_data / "mimic_iv_ed_demo" / "ed" / "edstays.csv.gz"
    with opened(1) as database:
        assert load_stays(database, TableFiles("edstays", (path,)), Rules()) == 222
