"""Clinical records in words."""

from __future__ import annotations

import numpy as np
import pytest

from mdfnet.clinical.schema import Feature, Schema
from mdfnet.report.record import describe

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
    feature = Feature(name="lactate", kind="number", unit="mmol/L", low=0, high=30, meaning="Lactate")
    assert describe(Schema(name="own", features=(feature,)), [2.34]) == (("lactate", "2.3 mmol/L"),)


def test_a_record_of_another_schema_is_refused():
    with pytest.raises(ValueError):
        describe(MIMIC, [61, 0, 1])
