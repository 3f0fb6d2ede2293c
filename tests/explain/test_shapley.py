"""Shapley values: the definition over all orders, closed forms, and what a trained model's coalitions are."""

import itertools

import numpy as np
import pytest
import torch
from small_model import IMAGE, RECORDS, fused

from mdfnet.explain import shapley
from mdfnet.explain.scores import finding_scores
from mdfnet.explain.shapley import box_shapley, explain, finding_shapley, shapley_values

RANDOM = np.random.default_rng(0)


def by_all_orders(worth: np.ndarray) -> np.ndarray:
    """The definition: what a player adds on coming, averaged over all orders in which they may come."""
    players = len(worth).bit_length() - 1
    values = np.zeros((players, *worth.shape[1:]))
    orders = list(itertools.permutations(range(players)))
    for order in orders:
        coalition = 0
        for player in order:
            values[player] += worth[coalition | 1 << player] - worth[coalition]
            coalition |= 1 << player
    return values / len(orders)


@pytest.mark.parametrize(
    "worth",
    [
        pytest.param(RANDOM.random(1), id="nobody plays"),
        pytest.param(RANDOM.random(2), id="one player"),
        pytest.param(RANDOM.random(2**5), id="five players"),
        pytest.param(RANDOM.random((2**4, 3)), id="three games at once"),
    ],
)
def test_exact_values_are_the_mean_over_all_orders(worth):
    assert np.allclose(shapley_values(worth), by_all_orders(worth))


@pytest.mark.parametrize("orders", [pytest.param(None, id="exact"), pytest.param(50, id="drawn")])
def test_in_an_additive_game_each_player_gets_what_they_bring(orders):
    bring = RANDOM.normal(size=(6, 2))
    told = explain(lambda there: 0.5 + there @ bring, 6, orders=orders)
    assert np.allclose(told.values, bring) and np.allclose(told.errors, 0)
    assert np.allclose(told.baseline, 0.5) and np.allclose(told.full, 0.5 + bring.sum(0))
    assert told.exact == (orders is None)


def test_drawn_values_are_as_far_off_as_they_say():
    worth = RANDOM.random(2**7)
    exact, bits = shapley_values(worth), 1 << np.arange(7)
    off = []
    for seed in range(60):
        told = explain(lambda there: worth[there @ bits][:, None], 7, orders=40, seed=seed)
        assert np.isclose(told.values.sum(), worth[-1] - worth[0])
        off.extend((told.values[:, 0] - exact) / told.errors[:, 0])
    assert 0.85 < np.std(off) < 1.2, "the standard error is not the error's deviation"
    assert abs(np.mean(off)) < 0.15


def test_many_players_are_drawn():
    told = explain(lambda there: there[:, :1] * there[:, 1:2], shapley.EXACT + 1)
    assert not told.exact and np.allclose(told.values[2:], 0)
    assert np.all(np.abs(told.values[:2] - 0.5) < 5 * told.errors[:2] + 1e-9)


@pytest.mark.parametrize("name", ["rcnn", "retinanet"])
def test_coalitions_are_records_with_the_other_values_missing(name):
    model = fused(**{"detector.name": name})
    image, record = model.encode(IMAGE), torch.full((10,), torch.nan)
    record[[0, 1, 6]] = RECORDS[0, [0, 1, 6]]
    (found,) = model.detect_from(image, record[None])
    told = box_shapley(model, image, found, record)
    alone = torch.full((8, 10), torch.nan)
    for coalition in range(8):
        for bit, feature in enumerate((0, 1, 6)):
            if coalition >> bit & 1:
                alone[coalition, feature] = record[feature]
    scores = shapley.box_scores(model, image, found, alone, found_with=record).double().numpy()
    assert np.allclose(told.values[[0, 1, 6]], by_all_orders(scores), atol=1e-6)
    assert not told.values[[2, 3, 4, 5, 7, 8, 9]].any() and told.exact
    assert np.allclose(told.full, found.scores, atol=1e-5)
    assert np.allclose(told.baseline + told.values.sum(0), told.full)
    assert np.abs(told.values).max() > 1e-3


@pytest.mark.parametrize("name", ["rcnn", "ssd"])
def test_findings_end_at_the_highest_scores_of_the_whole_image(name):
    model = fused(**{"detector.name": name, "detections": 500})
    image, record = model.encode(IMAGE), RECORDS[2].clone()
    record[[4, 5, 6]] = torch.nan
    told = finding_shapley(model, image, record)
    for end, one in ((told.full, record), (told.baseline, torch.full_like(record, torch.nan))):
        (found,) = model.detect(IMAGE, one[None])
        highest = np.array([found.scores[found.labels == label].max() for label in range(1, 6)])
        assert np.allclose(end, highest, atol=1e-3) and (end >= highest - 1e-6).all()
        assert np.allclose(highest, finding_scores(model, image, one[None]), atol=1e-5)
    assert np.allclose(told.baseline + told.values.sum(0), told.full)


def test_what_cannot_be_right_does_not_play():
    model, record = fused(), RECORDS[0].clone()
    image = model.encode(IMAGE)
    record[1] = 370.0
    (found,) = model.detect_from(image, record[None])
    told = box_shapley(model, image, found, record)
    assert not told.values[1].any() and told.values[0].any()
    with pytest.raises(ValueError, match=r"a record is \[10\], got \[9\]"):
        box_shapley(model, image, found, record[:9])
