import numpy as np
import pytest

from mdfnet.data.checks import statistics
from mdfnet.data.checks.columns import ClinicalColumns
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.shortcuts import column_discriminations
from mdfnet.data.checks.statistics import discrimination, folds, predicted, rates
from mdfnet.metrics.bootstrap import patient_weights
from mdfnet.metrics.images import auroc

RANDOM = np.random.default_rng(3)


def mann_whitney(scores, group):
    """Pairs counted one by one."""
    inside, outside = scores[group], scores[~group]
    wins = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a in inside for b in outside)
    return wins / (len(inside) * len(outside))


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param(RANDOM.normal(size=60), id="no ties"),
        pytest.param(RANDOM.integers(0, 4, 60).astype(float), id="many ties"),
        pytest.param(np.zeros(60), id="all tied"),
        pytest.param(np.repeat([1.0, 2.0], 30), id="two values"),
    ],
)
def test_auc_is_mann_whitneys_share_of_pairs(scores):
    group = RANDOM.random(60) < 0.3
    assert auroc(scores, group, np.ones((1, 60)))[0] == pytest.approx(mann_whitney(scores, group), abs=1e-12)


def test_a_weight_counts_like_so_many_copies():
    scores, group = RANDOM.integers(0, 9, 40).astype(float), RANDOM.random(40) < 0.5
    weights = patient_weights([str(index // 2) for index in range(40)], 10).astype(int)
    for row, value in zip(weights, auroc(scores, group, weights), strict=True):
        assert value == pytest.approx(mann_whitney(np.repeat(scores, row), np.repeat(group, row)), abs=1e-12)


def test_the_interval_is_over_patients():
    """Ten images of each patient that are all alike know no more than one of each."""
    scores, group, patients = RANDOM.normal(size=120), np.arange(120) < 60, np.arange(120)
    scores = scores + group
    once = discrimination(scores, group, patients, 0.5)
    often = discrimination(np.repeat(scores, 10), np.repeat(group, 10), np.repeat(patients, 10), 0.5)
    assert often.auc == pytest.approx(once.auc)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.15)


@pytest.mark.parametrize(
    ("shift", "patients", "least", "told"),
    [
        pytest.param(0.0, 200, 0.55, False, id="chance"),
        pytest.param(0.3, 200, 0.6, False, id="a little, not beyond chance"),
        pytest.param(2.0, 200, 0.85, True, id="nearly all"),
        pytest.param(-2.0, 200, 0.85, True, id="nearly all, the other way"),
        pytest.param(9.0, 30, 0.55, False, id="too few patients"),
    ],
)
def test_what_is_told(shift, patients, least, told):
    random = np.random.default_rng(1)
    group = np.arange(patients) % 2 == 0
    found = discrimination(random.normal(size=patients) + shift * group, group, np.arange(patients), least)
    assert (found is not None) == told
    if told:
        assert found.low >= least and found.auc > 0.85 and found.higher == (shift > 0)


def test_random_scores_seldom_tell():
    """The rate of false alarms at the threshold for "has a box", in a small dataset."""
    random, group = np.random.default_rng(2), np.arange(150) % 3 > 0
    found = [discrimination(random.normal(size=150), group, np.arange(150), 0.6) for _ in range(300)]
    assert sum(one is not None for one in found) <= 1


def test_missing_scores_are_left_out():
    scores = np.where(np.arange(200) % 2, np.nan, np.arange(200.0))
    assert discrimination(scores, np.arange(200) >= 100, np.arange(200), 0.9).images == 100


def test_folds_keep_patients_together_and_hold_each_image_out_once():
    patients = np.repeat(np.arange(23), 3)
    masks = folds(patients)
    assert (np.sum(masks, 0) == 1).all()
    assert all(not set(patients[mask]) & set(patients[~mask]) for mask in masks)


def test_what_is_held_out_is_not_learnt():
    """Keys and features that are the patient's own, and the group by patient: only leakage could tell it."""
    random = np.random.default_rng(4)
    patients = np.repeat(np.arange(120), 4)
    group = (random.random(120) < 0.5)[patients]
    keys = [f"patient {patient}" for patient in patients]
    one_hot = (patients[:, None] == np.arange(120)).astype(float)
    for scores in (rates(keys, group, patients), predicted(one_hot, group, patients)):
        assert discrimination(scores, group, patients, 0.55) is None


def test_the_regression_finds_what_single_columns_do_not():
    random = np.random.default_rng(5)
    features = random.normal(size=(600, 6))
    group = features.sum(1) + random.normal(size=600) > 0
    alone = max(mann_whitney(column, group) for column in features.T)
    assert mann_whitney(predicted(features, group, np.arange(600)), group) > alone + 0.15


def test_the_bootstrap_is_only_done_where_it_can_matter(monkeypatch):
    monkeypatch.setattr(statistics, "patient_weights", None)
    assert discrimination(RANDOM.normal(size=100), np.arange(100) < 50, np.arange(100), 0.9) is None


def test_every_column_is_told_of(sound_folder):
    """Against pairs counted one by one, from the table itself."""
    raw = RawDataset.read(sound_folder)
    columns = ClinicalColumns.read(raw)
    told = dict(column_discriminations(raw))
    assert {"age", "sbp", "sbp missing", "gender M"} <= set(told) and "age missing" not in told
    marked = columns.groups(raw)["Effusion"]
    for name, scores in (("sbp", columns.values["sbp"]), ("sbp missing", np.isnan(columns.values["sbp"]) * 1.0)):
        known = ~np.isnan(scores)
        found = told[name]["Effusion"]
        value, low, high = found.auc, found.low, found.high
        if not found.higher:
            value, low, high = 1 - value, 1 - high, 1 - low
        assert value == pytest.approx(mann_whitney(scores[known], marked[known]), abs=1e-12)
        assert low < value < high and set(told[name]) == {"Atelectasis", "Effusion", "any box"}
