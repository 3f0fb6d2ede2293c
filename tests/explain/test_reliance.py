"""The reliance test: who gets whose record, the area under the curve, and what raises which alarm."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from small_model import fused

import mdfnet
from mdfnet.core.errors import UserError
from mdfnet.explain.importance import Estimate
from mdfnet.explain.reliance import alarms_of, reliance, shuffled_rows
from mdfnet.metrics.images import auroc

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("seed", range(5))
def test_nobody_keeps_a_record_of_their_own(seed):
    patients = np.array(list("aabcccdeff"))
    rows = shuffled_rows(patients, np.random.default_rng(seed))
    assert (patients[rows] != patients).all()
    assert len({(patient, patients[row]) for patient, row in zip(patients, rows, strict=True)}) == 6, "not one to one"


@pytest.mark.parametrize(
    "scores",
    [pytest.param(RANDOM.random(40), id="all different"), pytest.param(RANDOM.integers(0, 4, 40) / 4, id="many ties")],
)
def test_auroc_is_mann_whitneys(scores):
    group = RANDOM.random(40) < 0.4
    weights = np.stack([np.ones(40), RANDOM.integers(0, 3, 40)]).astype(float)
    repeated = [np.repeat(np.arange(40), row.astype(int)) for row in weights]
    expected = [
        mannwhitneyu(scores[rows][group[rows]], scores[rows][~group[rows]]).statistic
        / (group[rows].sum() * (~group[rows]).sum())
        for rows in repeated
    ]
    assert np.allclose(auroc(scores, group, weights), expected)
    assert np.isnan(auroc(scores, np.zeros(40, bool), weights)).all()


def estimate(value, low, high) -> Estimate:
    return Estimate(*(np.array(end, float) for end in (value, low, high)))


def gains(shuffled: tuple[float, float], missing: tuple[float, float], worse: float = 1.0) -> Estimate:
    """Intervals of the mean's gain over shuffled and missing records; of one finding's, the upper end over missing."""
    low, high = (
        [[0.0, one[end]], [-1.0, other[end]]] for end, one, other in ((0, shuffled, missing), (1, shuffled, missing))
    )
    high[1][0] = worse
    return estimate(np.mean([low, high], 0), low, high)


KEPT = estimate([0.3, 0.2], [0.1, 0.1], [0.5, 0.3])


@pytest.mark.parametrize(
    ("gain", "kept", "reaction", "alarms"),
    [
        pytest.param(gains((0.1, 0.3), (0.1, 0.2)), KEPT, 0.2, {}, id="both are used"),
        pytest.param(gains((-0.1, 0.1), (-0.1, 0.1)), KEPT, 0.01, {"learnt-nothing": ()}, id="nothing learnt"),
        pytest.param(gains((-0.1, 0.1), (-0.1, 0.1)), KEPT, 0.2, {"misled": ()}, id="moved in vain"),
        pytest.param(gains((0.1, 0.3), (-0.1, 0.1)), KEPT, 0.2, {"misled": ()}, id="no better than without a record"),
        pytest.param(gains((0.1, 0.3), (0.1, 0.2), -0.1), KEPT, 0.2, {"misled": ("A",)}, id="one finding is worse off"),
        pytest.param(gains((0.1, 0.3), (0.1, 0.2), -0.1), KEPT, 0.01, {}, id="worse off by chance: it does not react"),
        pytest.param(
            gains((0.1, 0.3), (0.1, 0.2)),
            estimate([0.95, 0.4], [0.8, 0.2], [1.1, 0.6]),
            0.2,
            {"record-alone": ("A",)},
            id="one finding needs no image",
        ),
        pytest.param(
            gains((0.1, 0.3), (0.1, 0.2)), estimate([0.95, 0.4], [0.3, 0.2], [1.6, 0.6]), 0.2, {}, id="too few to know"
        ),
    ],
)
def test_alarms(gain, kept, reaction, alarms):
    assert alarms_of(("A",), gain, kept, np.array([reaction])) == alarms


@pytest.fixture
def samples(tiny_dataset):
    return tiny_dataset(schema="mimic-ed", names=mdfnet.PAPER_CLASSES.names).samples[:6]


def test_fusion_that_was_never_trained_has_learnt_nothing(samples):
    told = reliance(mdfnet.build("tiny", size=64, box_score=0.0).eval(), samples, shuffles=2)
    assert not told.reaction.any() and "learnt-nothing" in told.alarms
    assert not told.ap_gain.value[:2].any() and (told.images, told.patients) == (6, 3)


def test_conditions_are_what_they_say(samples):
    model, ticks = fused(), []
    told = reliance(model, samples, shuffles=2, tick=lambda: ticks.append(1))
    without = [replace(sample, clinical=np.full(10, np.nan, np.float32)) for sample in samples]
    bare = reliance(model, without, shuffles=2)
    for condition in (0, 1, 2):
        assert np.allclose(bare.ap.value[condition], told.ap.value[2], equal_nan=True)
        assert np.allclose(bare.auroc.value[condition], told.auroc.value[2], equal_nan=True)
    assert told.reaction.min() > 0 and not bare.reaction.any() and len(ticks) == 6


def test_bad_input(samples):
    with pytest.raises(UserError, match="the model looks at images alone: there is no record to explain"):
        reliance(fused(map=None, vector=None), samples)
    with pytest.raises(UserError, match="records of one patient cannot be shuffled; give images of several patients"):
        reliance(fused(), samples[:2])
