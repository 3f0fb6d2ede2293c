"""Clinical records in words."""

from __future__ import annotations

import numpy as np
import pytest

from mdfnet.clinical.schema import NumberFeature, Schema
from mdfnet.core.types import RecordUse
from mdfnet.report.record import describe, remarks, summary

MIMIC = Schema.load("mimic-ed")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        pytest.param("temperature", 38.249, "38.2 °C", id="UCUM Cel as people write it"),
        pytest.param("sbp", 118, "118 mmHg", id="no decimals where there are none"),
        pytest.param("pain", 0, "0", id="zero is a value, not missing"),
        pytest.param("pain", np.nan, "missing", id="missing number"),
        pytest.param("gender", 0, "F", id="first category is not missing"),
        pytest.param("gender", np.nan, "missing", id="missing category"),
    ],
)
def test_values_have_units_and_missing_is_said(name, value, text):
    values = np.full(len(MIMIC), np.nan, np.float32)
    values[MIMIC.index(name)] = value
    described = dict(describe(MIMIC, values))
    assert described[name] == text
    assert list(described) == list(MIMIC.names)


def test_a_unit_without_a_common_spelling_is_shown_as_it_is():
    feature = NumberFeature(name="lactate", unit="mmol/L", low=0, high=30, meaning="Lactate")
    assert describe(Schema(name="own", features=(feature,)), [2.34]) == (("lactate", "2.3 mmol/L"),)


def test_a_record_of_another_schema_is_refused():
    with pytest.raises(ValueError):
        describe(MIMIC, [61, 0, 1])


def test_what_a_model_did_with_a_value_stands_beside_it():
    values = np.array([4, 98.6, 80, 16, np.nan, 120, 70, 3, 2, 1], np.float32)
    used = tuple(name for name in MIMIC.names if name not in ("temperature", "o2sat"))
    use = RecordUse(used, ("o2sat",), {"temperature": "too hot"}, {"age": "too young"})
    words = dict(describe(MIMIC, values, use))
    assert words["age"] == "4 years (unseen in training)" and words["heartrate"] == "80 /min"
    assert words["temperature"] == "refused" and words["o2sat"] == "missing"


@pytest.mark.parametrize(
    ("use", "text"),
    [
        pytest.param(RecordUse(("a", "b"), ()), "2 of 2 clinical values", id="all used"),
        pytest.param(RecordUse((), ("a", "b")), "0 of 2 clinical values", id="no record"),
        pytest.param(RecordUse(("a", "b"), ("c",)), "2 of 3 clinical values, without c", id="few missing"),
        pytest.param(RecordUse(("a",), ("b", "c")), "1 of 3 clinical values: a", id="few used"),
        pytest.param(RecordUse(("a",), (), {"b": "why"}), "1 of 2 clinical values", id="refused is said by itself"),
    ],
)
def test_summary(use, text):
    assert summary(use) == text


def test_remarks_are_a_line_per_reason():
    use = RecordUse(("a",), (), {"sbp": "swapped", "dbp": "swapped"}, {"a": "too young"}, {"x": "x is no feature"})
    assert remarks(use) == ["refused: swapped", "unseen in training: too young", "not used: x is no feature"]
