"""Implausible values are reported with what was likely meant; plausible ones are left alone."""

import pytest

from mdfnet.clinical.plausible import likely_units, out_of_range, pairs, swapped
from mdfnet.clinical.records import read_record
from mdfnet.clinical.schema import NumberFeature, Schema

MIMIC = Schema.load("mimic-ed")
NAN = float("nan")
WEIGHT = NumberFeature(name="weight", unit="kg", low=20, high=300, meaning="Body weight")
HEIGHT = NumberFeature(name="height", unit="cm", low=50, high=250, meaning="Body height")


@pytest.mark.parametrize(
    ("feature", "value", "unit", "meant"),
    [
        pytest.param(MIMIC["temperature"], 98.6, "Cel", ("[degF]",), id="Fahrenheit in a Celsius column"),
        pytest.param(MIMIC["temperature"], 37, "[degF]", ("Cel",), id="Celsius in a Fahrenheit column"),
        pytest.param(MIMIC["temperature"], 310.15, "Cel", ("K",), id="kelvin"),
        pytest.param(MIMIC["temperature"], 986, "[degF]", (), id="a lost decimal point is no unit"),
        pytest.param(MIMIC["o2sat"], 0.97, "%", ("a fraction of 1",), id="saturation as a fraction"),
        pytest.param(MIMIC["o2sat"], 9, "%", (), id="a saturation that is nothing"),
        pytest.param(MIMIC["sbp"], 16, "mm[Hg]", ("kPa",), id="kilopascal"),
        pytest.param(MIMIC["heartrate"], 1.2, "{beats}/min", ("/s",), id="a unit that has two names is said once"),
        pytest.param(MIMIC["age"], 612, "a", ("mo", "wk", "d"), id="several units fit"),
        pytest.param(MIMIC["pain"], 70, "1", (), id="a bare number has no other unit"),
        pytest.param(MIMIC["sbp"], float("inf"), "mm[Hg]", (), id="infinite"),
        pytest.param(WEIGHT, 71500, "kg", ("g",), id="gram"),
        pytest.param(HEIGHT, 1.75, "cm", ("m",), id="meter"),
        pytest.param(WEIGHT.model_copy(update={"unit": "{stone}"}), 5, "{stone}", (), id="a unit of the user's own"),
    ],
)
def test_the_unit_that_was_likely_meant(feature, value, unit, meant):
    assert likely_units(feature, value, unit) == meant


@pytest.mark.parametrize(
    ("name", "value", "unit", "text"),
    [
        ("temperature", 37, "[degF]", "temperature is 37 [degF], outside the plausible 25 to 45 Cel; looks like Cel"),
        ("age", 612, "a", "age is 612 a, outside the plausible 0 to 120 a; looks like mo, wk or d"),
        ("pain", 11, "1", "pain is 11, outside the plausible 0 to 10"),
    ],
)
def test_a_reason_names_value_unit_and_range(name, value, unit, text):
    assert out_of_range(MIMIC[name], value, unit) == text


def test_a_hint_never_changes_a_value():
    """What looks like another unit is missing, not converted."""
    result = read_record(MIMIC, {"temperature": 98.6, "o2sat": 0.97}, invalid="missing")
    assert set(result.notes) == {"temperature", "o2sat"} and all(value != value for value in result.values)


def with_pressures(sbp, dbp):
    values = [61, 37, 80, 16, 97, sbp, dbp, 3, 2, 1]
    return swapped(MIMIC, values)


@pytest.mark.parametrize(
    ("sbp", "dbp", "refused"),
    [
        pytest.param(70, 120, True, id="swapped"),
        pytest.param(120, 70, False, id="as it should be"),
        pytest.param(90, 90, False, id="equal says nothing about which is which"),
        pytest.param(NAN, 120, False, id="one alone"),
        pytest.param(NAN, NAN, False, id="none"),
    ],
)
def test_pressures_the_wrong_way_round(sbp, dbp, refused):
    assert set(with_pressures(sbp, dbp)) == ({"sbp", "dbp"} if refused else set())


def test_pressures_are_found_by_code_not_by_name():
    names = {"sbp": "upper", "dbp": "lower"}
    renamed = tuple(f.model_copy(update={"name": names.get(f.name, f.name)}) for f in reversed(MIMIC.features))
    assert pairs(Schema(name="own", features=renamed)) == ((4, 3),)
    in_kpa = tuple(f.model_copy(update={"unit": "kPa"}) if f.name == "dbp" else f for f in MIMIC.features)
    assert pairs(Schema(name="own", features=in_kpa)) == (), "numbers in different units are not compared"
    assert pairs(Schema.load("age-sex-view")) == ()
