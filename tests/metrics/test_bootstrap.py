"""Intervals over patients: what is drawn, and that they cover what they should."""

import numpy as np
import pytest

from mdfnet.metrics.bootstrap import interval, patient_weights, replicate


def test_every_replicate_draws_as_many_patients_as_there_are():
    weights = patient_weights(["a", "b", "c", "d"], 200)
    assert (weights.sum(1) == 4).all() and weights.min() == 0 and weights.max() > 1


def test_films_of_one_patient_go_together():
    weights = patient_weights(["a", "b", "a", "b", "b"], 50)
    assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 1] == weights[:, 4]).all()


def test_the_same_seed_draws_the_same_patients():
    assert (patient_weights([*"abc"], 9, seed=1) == patient_weights([*"abc"], 9, seed=1)).all()
    assert (patient_weights([*"abc"], 9, seed=1) != patient_weights([*"abc"], 9, seed=2)).any()


def test_the_spread_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=400)
    means = replicate(lambda w: np.average(values, weights=w), patient_weights([str(i) for i in range(400)], 2000))
    low, high = interval(means)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.07)


def test_a_class_that_was_never_marked_has_no_interval():
    low, high = interval(np.array([[0.1, np.nan], [0.3, np.nan]]))
    assert np.isnan(low[1]) and np.isnan(high[1]) and low[0] < high[0]


def test_replicates_without_the_class_are_left_out():
    low, high = interval(np.array([[0.2], [np.nan], [0.2]]))
    assert low[0] == high[0] == pytest.approx(0.2)
