"""Intervals over patients: what is drawn, and that they cover what they should."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mdfnet.metrics import weights as weights_module
from mdfnet.metrics.bootstrap import draws, interval, normal_interval, patient_weights, replicate, share_interval


def test_every_replicate_draws_as_many_patients_as_there_are():
    weights = patient_weights(["a", "b", "c", "d"], 200)
    assert (weights.sum(1) == 4).all() and weights.min() == 0 and weights.max() > 1


def test_images_of_one_patient_go_together():
    weights = patient_weights(["a", "b", "a", "b", "b"], 50)
    assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 1] == weights[:, 4]).all()


def test_the_same_seed_draws_the_same_patients():
    assert (patient_weights([*"abc"], 9, seed=1) == patient_weights([*"abc"], 9, seed=1)).all()
    assert (patient_weights([*"abc"], 9, seed=1) != patient_weights([*"abc"], 9, seed=2)).any()


def test_drawn_in_parts_they_are_the_same(monkeypatch):
    whole = patient_weights([*"abcde"], 20)
    monkeypatch.setattr(weights_module, "AT_A_TIME", 30)
    parts = list(draws([*"abcde"], 20))
    assert len(parts) == 4 and (np.concatenate(parts) == whole).all()


def mean_of(values):
    return lambda rows: {"mean": rows @ values / rows.sum(1)}


@pytest.mark.parametrize("limits", [lambda value, many: interval(many), normal_interval], ids=["percentile", "normal"])
def test_the_spread_of_a_mean_is_its_standard_error(limits):
    values = np.random.default_rng(0).normal(size=400)
    means = replicate(mean_of(values), draws([str(i) for i in range(400)], 2000))["mean"]
    low, high = limits(values.mean(), means)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.07)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.01)


def test_the_interval_of_a_share_is_near_wilsons():
    """Of 12 in 80; an exact coverage has neither, so they need not be the same."""
    hits = np.repeat([1.0, 0.0], [12, 68])
    many = replicate(mean_of(hits), draws([str(i) for i in range(80)], 5000))["mean"]
    low, high = share_interval(np.array(hits.mean()), many, boxes=80)
    wilson = binomtest(12, 80).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((wilson.low, wilson.high), abs=0.02)


def test_bias_is_taken_off():
    """Replicates lie as far above the value as the value lies above the truth."""
    many = np.random.default_rng(0).normal(0.6, 0.05, 4000)
    low, high = share_interval(np.array(0.5), many, boxes=1000)
    assert low < 0.4 < high < 0.51
    assert interval(many)[0] > 0.5  # so the percentiles would miss the value itself


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_leaves_zero_to_one(value):
    many = np.clip(np.random.default_rng(0).normal(value, 0.1, 500), 0, 1)
    low, high = share_interval(np.array(value), many, boxes=50)
    assert 0 <= low <= value <= high <= 1 and high > low


def test_few_marks_widen_the_interval_as_students():
    many = np.random.default_rng(0).normal(0.5, 0.02, (500, 2))
    low, high = share_interval(np.array([0.5, 0.5]), many, boxes=np.array([6, 10**6]))
    assert (high - low)[0] / (high - low)[1] == pytest.approx(2.5706 / 1.96, rel=0.1)  # t with 5 degrees of freedom


def test_a_recall_near_one_keeps_a_sensible_interval():
    """24 of 25 found: a third of the draws find all. Wilson's interval is 0.80 to 0.99."""
    found = np.repeat([1.0, 0.0], [24, 1])
    many = replicate(mean_of(found), draws([str(i) for i in range(25)], 4000))["mean"]
    low, high = share_interval(np.array(0.96), many, boxes=25)
    assert 0.65 < low < 0.85 and 0.98 < high < 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_or_none_in_every_draw_has_clopper_and_pearsons_limit(value):
    low, high = share_interval(np.array(value), np.full(50, value), boxes=27)
    exact = binomtest(int(27 * value), 27).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))


def test_a_class_that_was_never_marked_has_no_interval():
    many = np.array([[0.1, np.nan], [0.3, np.nan]])
    for low, high in (interval(many), share_interval(np.array([0.2, np.nan]), many, boxes=9)):
        assert np.isnan(low[1]) and np.isnan(high[1]) and low[0] < high[0]


def test_replicates_without_the_class_are_left_out():
    low, high = interval(np.array([[0.2], [np.nan], [0.2]]))
    assert low[0] == high[0] == pytest.approx(0.2)
