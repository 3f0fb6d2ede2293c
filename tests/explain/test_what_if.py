"""What-if curves: other records, nothing else; and what is known of training under them."""

import numpy as np
import pytest
import torch
from small_model import IMAGE, RECORDS, fused

from mdfnet.clinical.standardize import Standardizer
from mdfnet.core.errors import UserError
from mdfnet.explain.what_if import what_if


@pytest.fixture(scope="module")
def model():
    made = fused()
    values = np.full((3, 10), np.nan)
    values[:, 1], values[:2, 9] = [36.0, 37.0, 38.5], 1
    made.set_scale(Standardizer.fit(made.schema, values))
    return made


def curve_of(model, name, record=RECORDS[0]):
    image = model.encode(IMAGE)
    (found,) = model.detect_from(image, record[None])
    return what_if(model, image, found, record, name), image, found


def test_a_curve_is_scores_of_other_records_through_the_own_one(model):
    curve, _, found = curve_of(model, "temperature")
    own = int(np.flatnonzero(curve.values == np.float32(RECORDS[0, 1]))[0])
    assert np.allclose(curve.scores[own], found.scores, atol=1e-5) and curve.own == pytest.approx(38.9)
    assert curve.scores[:, 0].std() > 1e-4 and curve.scores.shape == (len(curve.values), len(found))


def test_missing_is_the_score_without_the_value(model):
    record = RECORDS[0].clone()
    record[1] = torch.nan
    curve, _, found = curve_of(model, "temperature", record)
    assert np.isnan(curve.own) and np.allclose(curve.missing, found.scores, atol=1e-5)


def test_what_training_saw_lies_under_the_curve(model):
    curve = curve_of(model, "temperature")[0]
    assert curve.values[0] == pytest.approx(36 - 0.15 * 2.5) and curve.values.max() > 38.5
    assert ((curve.values < 36) | (curve.values > np.float32(38.5))).tolist() == curve.outside.tolist()
    mean, deviation = np.mean([36, 37, 38.5]), np.std([36, 37, 38.5])
    inside = ~curve.outside
    expected = np.exp(-(((curve.values - mean) / deviation) ** 2) / 2)
    assert np.allclose(curve.density[inside], expected[inside]) and not curve.density[curve.outside].any()


@pytest.mark.parametrize(
    ("name", "values", "outside"),
    [
        pytest.param("gender", [0, 1], [True, False], id="a category: all names, one of them unseen"),
        pytest.param("age", None, True, id="a number that training never had"),
    ],
)
def test_other_features(model, name, values, outside):
    curve = curve_of(model, name)[0]
    assert values is None or curve.values.tolist() == values
    assert np.all(curve.outside == outside) and curve.density is None


def test_values_that_contradict_the_record_are_left_out(model):
    curve = curve_of(model, "sbp")[0]
    assert curve.values.min() >= RECORDS[0, model.schema.index("dbp")].item()


def test_before_anything_is_fitted_nothing_is_said_of_training():
    curve = curve_of(fused(), "temperature")[0]
    assert curve.density is None and not curve.outside.any() and curve.values[[0, -1]].tolist() == [25, 45]


def test_an_unknown_feature_is_the_users_mistake(model):
    with pytest.raises(UserError, match=r"unknown clinical feature 'temprature'.*did you mean 'temperature'"):
        curve_of(model, "temprature")
