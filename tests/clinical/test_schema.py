"""Schemas: numbers and categories, files of earlier versions, and what is refused."""

import pytest
import yaml
from pydantic import ValidationError

from mdfnet.clinical.schema import CategoryFeature, NumberFeature, Schema
from mdfnet.core.errors import UserError

AGE = {"name": "age", "kind": "number", "unit": "a", "low": 0, "high": 120, "meaning": "Age"}
SEX = {"name": "sex", "kind": "category", "categories": ["F", "M"], "meaning": "Administrative sex"}
EXPECTED = (
    NumberFeature(name="age", unit="a", low=0, high=120, meaning="Age"),
    CategoryFeature(name="sex", categories=("F", "M"), meaning="Administrative sex"),
)


def load(tmp_path, *features: dict) -> Schema:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "features": list(features)}))
    return Schema.load(path)


@pytest.mark.parametrize(
    ("age", "sex"),
    [
        pytest.param({}, {}, id="as written now"),
        pytest.param({"categories": []}, {"unit": None, "low": None, "high": None}, id="of earlier versions"),
        pytest.param({"loinc": None, "categories": None}, {"loinc": None}, id="without a code"),
    ],
)
def test_features_are_read(tmp_path, age, sex):
    schema = load(tmp_path, AGE | age, SEX | sex)
    assert schema.features == EXPECTED
    assert schema.numbers == {0: EXPECTED[0]} and schema["sex"].scale == ("F", "M")


def test_a_schema_is_read_back_from_what_it_writes():
    schema = Schema.load("mimic-ed")
    assert Schema.model_validate(schema.model_dump()) == schema
    assert Schema.model_validate_json(schema.model_dump_json()) == schema
    kinds = {type(feature) for feature in schema.features}
    assert kinds == {NumberFeature, CategoryFeature} and len(schema.numbers) < len(schema)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        pytest.param(AGE | {"kind": "text"}, "'text' .* does not match any of the expected tags", id="another kind"),
        pytest.param({key: AGE[key] for key in AGE if key != "kind"}, "kind", id="no kind"),
        pytest.param(AGE | {"unit": None}, "needs unit", id="a number without a unit"),
        pytest.param(AGE | {"high": None}, "needs high", id="a number without an end"),
        pytest.param(AGE | {"low": 120}, "low 120.0 is not below high 120.0", id="an empty range"),
        pytest.param(AGE | {"categories": ["old"]}, "categories: Extra inputs", id="a number with categories"),
        pytest.param(SEX | {"unit": "1"}, "unit: Extra inputs", id="a category with a unit"),
        pytest.param(SEX | {"categories": []}, "needs categories", id="a category without categories"),
        pytest.param(SEX | {"categories": ["F", "F"]}, "needs at least two categories", id="one category"),
        pytest.param(SEX | {"name": "age"}, "feature names must be unique", id="a name twice"),
        pytest.param(SEX | {"color": "red"}, "color: Extra inputs", id="an unknown key"),
    ],
)
def test_wrong_features_are_refused(tmp_path, feature, message):
    with pytest.raises(UserError, match=f"mine.yaml: not a clinical schema: .*{message}"):
        load(tmp_path, AGE, feature)


def test_a_schema_without_features_is_refused(tmp_path):
    with pytest.raises(UserError, match="at least one feature"):
        load(tmp_path)


def test_what_belongs_to_the_other_kind_is_no_argument():
    with pytest.raises(ValidationError):
        NumberFeature(name="age", unit="a", low=0, high=120, meaning="Age", categories=("a", "b"))


def test_the_sentence_for_people_is_not_what_a_value_means():
    age, sex = EXPECTED
    assert age.same_values(age.model_copy(update={"meaning": "Years"})) and not age.same_values(None)
    assert not age.same_values(sex) and not age.same_values(age.model_copy(update={"high": 100.0}))
