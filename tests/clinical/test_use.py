"""Every value of a record is accounted for: used, missing or refused, and flagged where training had no such."""

import numpy as np
import pytest

from mdfnet.clinical.schema import CategoryFeature, Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.clinical.use import uses_of

NAN = np.nan
VIEW3 = CategoryFeature(name="view", categories=("PA", "AP", "LL"), meaning="Projection")
SCHEMA = Schema(name="own", features=(*Schema.load("age-sex-view").features[:2], VIEW3))
#: Ages 18 to 97, nobody's sex known, views PA and LL but never AP.
SEEN = Standardizer.fit(SCHEMA, np.array([[18, NAN, 0], [97, NAN, 2], [NAN, NAN, 0]], np.float32)).seen


def use(record, kept=None, seen=SEEN, notes=None):
    given = np.array([record], np.float32)
    kept = given if kept is None else np.array([kept], np.float32)
    (one,) = uses_of(SCHEMA, seen, given, kept, [notes or {}])
    return one


@pytest.mark.parametrize(
    ("record", "unseen"),
    [
        pytest.param([18, NAN, 0], {}, id="the end of the range was seen"),
        pytest.param([50.5, NAN, 2], {}, id="inside"),
        pytest.param([4, NAN, 0], {"age": "age is 4 a, training had 18 to 97 a"}, id="younger than any"),
        pytest.param([98, NAN, 0], {"age": "age is 98 a, training had 18 to 97 a"}, id="older than any"),
        pytest.param([50, 1, 0], {"sex": "sex is M, training had none"}, id="never known in training"),
        pytest.param([50, NAN, 1], {"view": "view is AP, training had PA, LL"}, id="a category between two seen ones"),
        pytest.param([NAN, NAN, NAN], {}, id="missing is seen everywhere"),
    ],
)
def test_unseen_values_are_used_and_flagged(record, unseen):
    found = use(record)
    assert found.unseen == unseen and not found.refused
    assert set(found.used) == {name for name, value in zip(SCHEMA.names, record, strict=True) if value == value}


def test_nothing_is_called_unseen_where_training_is_not_known():
    assert use([4, 1, 1], seen=None).unseen == {}


def test_the_range_seen_holds_the_very_numbers_of_the_training_images():
    """Fitted in float64 on float32 values: 0.1 must not lie below its own minimum."""
    values = np.array([[0.1, NAN, NAN], [0.7, NAN, NAN]], np.float32)
    seen = Standardizer.fit(SCHEMA, values).seen
    assert [use(row, seen=seen).unseen for row in values] == [{}, {}]


def test_refused_is_neither_used_nor_missing_nor_unseen():
    found = use([612, NAN, 7], kept=[NAN, NAN, NAN])
    assert (found.used, found.missing, found.unseen) == ((), ("sex",), {})
    assert found.refused == {
        "age": "age is 612 a, outside the plausible 0 to 120 a; looks like mo, wk or d",
        "view": "view is 7, not an index 0 to 2 of PA, AP, LL",
    }


def test_what_was_noted_when_reading_is_kept():
    found = use(
        [NAN, 1, NAN], notes={"age": "age is 'old', not a number", "ward": "ward is not a feature of the model"}
    )
    assert (found.used, found.missing) == (("sex",), ("view",))
    assert found.refused == {"age": "age is 'old', not a number"} and list(found.unknown) == ["ward"]


def test_a_pair_is_refused_only_where_both_are_plausible():
    schema = Schema.load("mimic-ed")
    given = np.array([[61, 37, 80, 16, 97, 120, 879, 3, 2, 1], [61, 37, 80, 16, 97, 70, 120, 3, 2, 1]], np.float32)
    kept = given.copy()
    kept[0, 6] = kept[1, 5] = kept[1, 6] = NAN
    first, second = uses_of(schema, None, given, kept, [{}, {}])
    assert list(first.refused) == ["dbp"] and "sbp" in first.used
    assert list(second.refused) == ["sbp", "dbp"] and "swapped" in second.refused["sbp"]
