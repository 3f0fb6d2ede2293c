import numpy as np
import pytest

from mdfnet.clinical.records import format_value, read_record
from mdfnet.clinical.schema import NumberFeature, Schema
from mdfnet.core.errors import UserError

SCHEMA = Schema.load("mimic-ed")
MISSING = [None, "", "  ", float("nan"), np.float32("nan"), {"value": None, "unit": "Cel"}]


@pytest.mark.parametrize("value", MISSING, ids=map(repr, MISSING))
def test_missing_is_nan(value):
    result = read_record(SCHEMA, {"temperature": value, "gender": None})
    assert np.isnan(result.values).all() and not result.notes and result.values.dtype == np.float32


@pytest.mark.parametrize(
    ("given", "units", "expected"),
    [
        pytest.param({"value": 98.6, "unit": "[degF]"}, {}, 37.0, id="unit of the value"),
        pytest.param("98.6", {"temperature": "[degF]"}, 37.0, id="unit of the column"),
        pytest.param({"value": 37.0, "unit": "Cel"}, {"temperature": "[degF]"}, 37.0, id="the value's own unit wins"),
        pytest.param("3.7e1", {}, 37.0, id="exponent"),
        pytest.param(" 37 ", {}, 37.0, id="blanks around"),
        pytest.param(np.int64(37), {}, 37.0, id="numpy integer"),
        pytest.param(45, {}, 45.0, id="end of the range is inside"),
        pytest.param(113, {"temperature": "[degF]"}, 45.0, id="converted end of the range is inside"),
    ],
)
def test_temperature(given, units, expected):
    values = read_record(SCHEMA, {"temperature": given}, units=units).values
    assert values[SCHEMA.index("temperature")] == np.float32(expected)


INVALID = [
    pytest.param({"temperature": 98.6}, "outside the plausible 25 to 45 Cel", id="Fahrenheit taken for Celsius"),
    pytest.param({"dbp": "879"}, "outside the plausible 10 to 200", id="a slip seen in MIMIC-IV-ED"),
    pytest.param({"heartrate": float("inf")}, "outside", id="infinite"),
    pytest.param({"pain": "unable"}, "not a number", id="free text"),
    pytest.param({"pain": "nan"}, "not a number", id="the word nan"),
    pytest.param({"pain": "NA"}, "not a number", id="only empty is missing"),
    pytest.param({"pain": "1_0"}, "not a number", id="a literal of Python only"),
    pytest.param({"pain": "3,5"}, "not a number", id="decimal comma"),
    pytest.param({"pain": True}, "not a number", id="truth value"),
    pytest.param({"gender": "male"}, "not one of F, M", id="unknown category"),
    pytest.param({"gender": 1}, "not one of F, M", id="index of a category"),
]


@pytest.mark.parametrize(("record", "message"), INVALID)
def test_invalid_value_is_an_error_or_noted(record, message):
    (name,) = record
    with pytest.raises(UserError, match=message) as error:
        read_record(SCHEMA, record, where="triage.csv row 7")
    assert str(error.value).startswith(f"triage.csv row 7: {name} is ")
    result = read_record(SCHEMA, record, invalid="missing")
    assert np.isnan(result.values).all() and list(result.notes) == [name]


@pytest.mark.parametrize(
    ("record", "units", "message"),
    [
        pytest.param({"temprature": 37}, {}, "did you mean 'temperature'", id="misspelled feature"),
        pytest.param({"temperature": {"value": 37, "unit": "%"}}, {}, "does not fit", id="unit of another dimension"),
        pytest.param({"temperature": {"value": 37, "unit": 5}}, {}, "unknown unit", id="unit is a number"),
        pytest.param({"temperature": {"val": 37}}, {}, "needs keys", id="misspelled key"),
        pytest.param({"gender": {"value": "F", "unit": "1"}}, {}, "has no unit", id="category with unit"),
        pytest.param({}, {"temperature": "kg"}, "does not fit", id="column unit of another dimension"),
        pytest.param({}, {"gender": "1"}, "has no unit", id="column unit of a category"),
        pytest.param({}, {"temperatur": "Cel"}, "did you mean 'temperature'", id="column unit of no feature"),
    ],
)
def test_misunderstandings_are_errors_even_when_invalid_is_missing(record, units, message):
    with pytest.raises(UserError, match=message):
        read_record(SCHEMA, record, units=units, invalid="missing")


def test_unit_that_is_no_ucum_but_the_schemas_own_fits_itself():
    feature = NumberFeature(name="dose", unit="{puffs}", low=0, high=9, meaning="Puffs")
    assert read_record(Schema(name="own", features=(feature,)), {"dose": "2"}).values.tolist() == [2.0]


def test_format_value_reads_back_exactly():
    random = np.random.default_rng(0)
    feature = NumberFeature(name="x", unit="1", low=-1e38, high=1e38, meaning="Any")
    schema = Schema(name="any", features=(feature,))
    values = random.standard_normal(2000).astype(np.float32) * np.float32(10.0) ** random.integers(-30, 30, 2000)
    back = [read_record(schema, {"x": format_value(feature, value)}).values[0] for value in values]
    assert np.array_equal(np.array(back, np.float32), values.astype(np.float32))
