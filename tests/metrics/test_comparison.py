"""Differences between models: quantiles and corrections against SciPy, intervals and tests on models that are known."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from mdfnet.core.types import Detections, Target
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.comparison import Difference, Pair, compare_models
from mdfnet.metrics.measures import Matched, measure
from mdfnet.metrics.significance import holm, permutation_p, student_quantile, swaps

CLASSES, BOX, FAR = ("Effusion", "Nodule"), [0, 0, 10, 10], [50, 50, 60, 60]
AP = "AP@IoU=0.5"


@pytest.mark.parametrize("degrees", [1, 1.5, 2, 4, 7.3, 30, 500, 1e7])
@pytest.mark.parametrize("level", [0.9, 0.975, 0.995])
def test_students_quantile(degrees, level):
    assert student_quantile(degrees, level) == pytest.approx(stats.t.ppf(level, degrees), rel=2e-4)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        pytest.param([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02], id="the textbook's four"),
        pytest.param([0.6, 0.5], [1.0, 1.0], id="never above 1"),
        pytest.param([0.02, np.nan], [0.02, np.nan], id="what is no test does not count"),
        pytest.param([], [], id="no test"),
    ],
)
def test_holm(p, expected):
    np.testing.assert_allclose(holm(np.array(p)), expected)


def test_permutation_p_is_scipys():
    """Of a paired mean, with every swap there is."""
    change = np.random.default_rng(0).normal(0.4, 1, 9)
    signs = np.array(list(product([1, -1], repeat=9)))
    ours = permutation_p(np.array(change.mean()), (signs @ change / 9)[1:])
    exact = stats.permutation_test((change,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert ours == pytest.approx(exact.pvalue)


def test_a_patient_is_swapped_as_a_whole_every_second_time():
    swap = np.concatenate(list(swaps(["a", "b", "a"], 400)))
    assert (swap[:, 0] == swap[:, 2]).all() and 0.4 < swap.mean() < 0.6


def found(boxes, scores, labels=None):
    return Detections(np.array(boxes, float).reshape(-1, 4), np.array(labels or [1] * len(scores), int), scores)


def model(skill, seed, images=60, ill=0.5):
    """Detections of a model that finds so many of the marks; the marks are the same for every seed."""
    random, marks = np.random.default_rng(seed), np.random.default_rng(99)
    targets = [Target.of([BOX], [1]) if marks.random() < ill else Target.of([], []) for _ in range(images)]
    hits = [len(target) > 0 and random.random() < skill for target in targets]
    each = [found([BOX if hit else FAR], [0.3 * hit + 0.7 * random.random()]) for hit in hits]
    return Matched.of(Cases.of(each, targets, len(CLASSES)))


def pair(first, second, images=60):
    return Pair(first, second, tuple(str(i // 2) for i in range(images)))


@pytest.fixture(scope="module")
def far_apart():
    return [pair(model(0.2, seed), model(0.9, 50 + seed)) for seed in range(3)]


def test_a_large_difference_is_shown(far_apart):
    effusion, nodule, every = compare_models([far_apart[:1]], (AP,), CLASSES, replicates=300)
    before, after = (measure(one, (AP,))[AP][0] for one in (far_apart[0].first, far_apart[0].second))
    assert (effusion.first, effusion.second, effusion.value) == (before, after, after - before)
    assert 0 < effusion.low < effusion.value < effusion.high and effusion.p == pytest.approx(1 / 301)
    assert effusion.verdict == every.verdict == "higher" and effusion.seeds is None
    assert nodule.verdict == "–" and np.isnan(nodule.p)


def test_turned_around_it_is_lower(far_apart):
    turned = [[pair(far_apart[0].second, far_apart[0].first)]]
    forth, back = (compare_models(one, (AP,), CLASSES, replicates=300)[0] for one in ([far_apart[:1]], turned))
    assert back.verdict == "lower" and back.p == forth.p
    assert (back.value, back.low, back.high) == pytest.approx((-forth.value, -forth.high, -forth.low))


def test_a_model_against_itself_is_not_shown():
    same = model(0.5, 0)
    one = compare_models([[pair(same, same)]], (AP, "true_positives"), CLASSES, replicates=50)
    assert all(d.value == d.low == d.high == 0 and d.p == 1 for d in one if d.finding != "Nodule")
    assert {d.verdict for d in one if d.finding != "Nodule"} == {"not shown"}


def test_seeds_add_their_variance(far_apart):
    """The whole variance is that of patients and that of seeds."""
    one = compare_models([far_apart], (AP,), CLASSES, replicates=300)[0]
    changes = [measure(p.second, (AP,))[AP][0] - measure(p.first, (AP,))[AP][0] for p in far_apart]
    assert one.value == pytest.approx(np.mean(changes))
    low, high = stats.t.interval(0.95, 2, np.mean(changes), stats.sem(changes))
    assert one.seeds == pytest.approx((low, high), rel=1e-3)
    of_patients = (one.patients[1] - one.patients[0]) / 2 / stats.t.ppf(0.975, 29)
    of_seeds = stats.sem(changes)
    total = of_patients**2 + of_seeds**2
    half = stats.t.ppf(0.975, 2 * total**2 / of_seeds**4) * np.sqrt(total)
    assert (one.high - one.low) / 2 == pytest.approx(half, rel=1e-3)
    assert one.high - one.low > one.patients[1] - one.patients[0]


def test_folds_are_corrected_for_common_training_images(far_apart):
    """Nadeau and Bengio's variance by their formula."""
    folds = [[pair(model(0.3, s, ill=0.4 + s / 10), model(0.6, 9 + s, ill=0.4 + s / 10))] for s in range(4)]
    one = compare_models(folds, (AP,), CLASSES, replicates=100)[0]
    changes = [measure(f[0].second, (AP,))[AP][0] - measure(f[0].first, (AP,))[AP][0] for f in folds]
    half = stats.t.ppf(0.975, 3) * np.std(changes, ddof=1) * np.sqrt(1 / 4 + 1 / 3)
    assert (one.low, one.high) == pytest.approx((np.mean(changes) - half, np.mean(changes) + half), rel=1e-3)


def test_order_of_the_models_does_not_matter_by_chance():
    """Under no difference, small p are as rare as they should be, and the interval holds zero."""
    results = [
        compare_models([[pair(model(0.5, s), model(0.5, 1000 + s))]], (AP,), CLASSES[:2], replicates=99)[0]
        for s in range(60)
    ]
    p = np.array([one.p for one in results])
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean([one.verdict == "not shown" for one in results]) > 0.85


@pytest.mark.parametrize(
    ("low", "high", "p", "verdict"),
    [
        pytest.param(0.01, 0.1, 0.01, "higher", id="both say so"),
        pytest.param(-0.1, -0.01, 0.01, "lower", id="both say so, downwards"),
        pytest.param(-0.01, 0.1, 0.01, "not shown", id="the interval includes zero"),
        pytest.param(0.01, 0.1, 0.2, "not shown", id="not after correction"),
        pytest.param(0.0, 0.1, 0.01, "not shown", id="zero at the very end"),
    ],
)
def test_verdict(low, high, p, verdict):
    value = (low + high) / 2
    assert Difference(AP, "all", 0, value, value, low, high, (low, high), None, p, p).verdict == verdict


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="no pairs"):
        compare_models([[]], (AP,), CLASSES)
