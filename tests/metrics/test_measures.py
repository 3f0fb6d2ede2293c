"""FROC, image-level areas and calibration against scikit-learn, SciPy and counting; weights against real copies."""

from types import SimpleNamespace

import numpy as np
import pytest
from random_images import CLASS_COUNT, random_images
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, roc_auc_score

from mdfnet.metrics.calibration import BINS, at_temperature, calibration_error, fit_temperature, reliability
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.counts import count
from mdfnet.metrics.froc import RATES, froc, sensitivity_at
from mdfnet.metrics.images import auprc, auroc
from mdfnet.metrics.matching import match
from mdfnet.metrics.measures import COUNTS, MEASURES, Matched, measure

ALL = (*MEASURES, *COUNTS)


@pytest.fixture(params=range(3), ids="seed-{}".format, scope="module")
def images(request):
    return random_images(request.param)


@pytest.fixture(scope="module")
def cases(images):
    return Cases.of(*images, CLASS_COUNT)


@pytest.fixture(scope="module")
def matches(cases):
    return match(cases, overlap="iobb", thresholds=(0.25, 0.5))


def points(matches, label):
    """False positives per image and sensitivity at every score there is, and where nothing counts."""
    marked = matches.truths[:, label - 1].sum()
    for score in [np.inf, *np.unique(matches.score)[::-1]]:
        counts = count(matches, threshold=0.5, score=score)[label - 1]
        yield score, counts.false_positives / len(matches.truths), counts.true_positives / marked


@pytest.mark.parametrize("label", [1, 2, 3])
def test_sensitivity_is_the_best_within_the_false_positives(matches, label):
    for rate, value in zip(RATES, sensitivity_at(matches)[:, label - 1], strict=True):
        assert value == max(sensitivity for _, alarms, sensitivity in points(matches, label) if alarms <= rate)


@pytest.mark.parametrize("label", [1, 2, 3])
def test_froc_has_every_point_with_its_threshold(matches, label):
    curve = froc(matches, label)
    assert len(curve.thresholds) > 5
    by_score = {score: (alarms, sensitivity) for score, alarms, sensitivity in points(matches, label)}
    for score, alarms, sensitivity in zip(*vars(curve).values(), strict=True):
        assert by_score[score] == (alarms, sensitivity)


def test_froc_at_a_rate_is_a_threshold_that_keeps_it(matches):
    curve = froc(matches, 1)
    for rate in RATES:
        at = curve.at(rate)
        assert at == -1 or curve.false_positives[at] <= rate
        assert at + 1 == len(curve.thresholds) or curve.false_positives[at + 1] > rate
    assert curve.at(-1) == -1


def test_a_class_never_marked_has_no_sensitivity(matches):
    assert np.isnan(sensitivity_at(matches)[:, 3:]).all()


def test_healthy_images_count_in_the_denominator(images):
    """Twice as many healthy images without a box: the same false positives are half as many per image."""
    detections, targets = images
    nothing = SimpleNamespace(boxes=np.zeros((0, 4)), labels=[], scores=[])
    more = len(targets)
    wide = Cases.of([*detections, *[nothing] * more], [*targets, *[nothing] * more], CLASS_COUNT)
    narrow = Cases.of(detections, targets, CLASS_COUNT)
    alarms = [froc(match(one, thresholds=(0.5,)), 1).false_positives for one in (narrow, wide)]
    np.testing.assert_allclose(alarms[0], 2 * alarms[1])


@pytest.mark.parametrize(("ours", "theirs"), [(auroc, roc_auc_score), (auprc, average_precision_score)])
def test_image_level_areas_are_scikit_learns(ours, theirs):
    random = np.random.default_rng(0)
    scores, group = random.integers(0, 12, 150) / 12, random.random(150) < 0.4
    weights = random.integers(0, 4, (20, 150))
    expected = [theirs(group, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(ours(scores, group, weights), expected, rtol=0, atol=1e-12)


def test_image_level_areas_of_an_evaluation(cases):
    values = measure(Matched.of(cases), ("AUROC", "AUPRC"))
    scores = [max([0, *cases.scores[(cases.detections.image == i) & (cases.detections.label == 2)]]) for i in range(80)]
    ill = cases.truths_per_image[:, 1] > 0
    assert values["AUROC"][1] == pytest.approx(roc_auc_score(ill, scores))
    assert values["AUPRC"][1] == pytest.approx(average_precision_score(ill, scores))
    assert np.isnan(values["AUROC"][[3, 4]]).all()


@pytest.mark.parametrize("label", [1, 2])
def test_calibration_error_by_plain_counting(matches, label):
    expected = total = 0
    of_class = matches.label == label
    score, hit = matches.score[of_class], matches.matched[1, of_class]
    for low in range(BINS):
        inside = [i for i, s in enumerate(score) if low / BINS <= s < (low + 1) / BINS or (s == 1 and low == BINS - 1)]
        expected += abs(sum(score[i] for i in inside) - sum(bool(hit[i]) for i in inside))
        total += len(inside)
    assert total == of_class.sum()
    assert calibration_error(matches)[label - 1] == pytest.approx(expected / total)
    bins = reliability(matches, label)
    assert bins.detections.sum() == total
    gaps = np.abs(bins.score - bins.hits) * bins.detections
    assert np.nansum(gaps) == pytest.approx(expected)


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_temperature_is_the_most_likely_one(true):
    random = np.random.default_rng(1)
    score = random.beta(1, 3, 4000)
    hit = random.random(4000) < expit(logit(score) / true)

    def unlikely(slope):
        return np.logaddexp(0, np.where(hit, -1, 1) * slope * logit(score)).sum()

    best = 1 / minimize_scalar(unlikely, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9}).x
    assert fit_temperature(score, hit) == pytest.approx(best, rel=1e-5)
    assert best == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize(
    ("hit", "expected"),
    [
        pytest.param([True, True], 1.0, id="all are hits: nothing to fit"),
        pytest.param([False, False], 1.0, id="none is a hit: nothing to fit"),
        pytest.param([True, False], 0.1, id="told apart without fault: as sharp as allowed"),
        pytest.param([False, True], 10.0, id="the wrong way round: as flat as allowed"),
    ],
)
def test_temperature_stays_within_bounds(hit, expected):
    assert fit_temperature(np.array([0.9, 0.1]), np.array(hit)) == pytest.approx(expected)


def test_calibrated_scores_keep_their_order_and_bounds():
    score = np.linspace(0, 1, 50)
    calibrated = at_temperature(score, 3.0)
    assert (np.diff(calibrated) >= 0).all() and calibrated.min() >= 0 and calibrated.max() <= 1


def test_weights_are_copies_of_images(images):
    """Every measure of a draw is that of the images copied as often; scores differ within images, not between."""
    detections, targets = images
    distinct = [
        SimpleNamespace(**vars(found) | {"scores": 1 - np.arange(len(found.scores)) / 100}) for found in detections
    ]
    draws = np.random.default_rng(0).integers(0, 4, (4, len(targets)))
    together = measure(Matched.of(Cases.of(distinct, targets, CLASS_COUNT)), ALL, draws)
    for row, weights in enumerate(draws):
        copies = [np.repeat(np.array(part, object), weights).tolist() for part in (distinct, targets)]
        alone = measure(Matched.of(Cases.of(*copies, CLASS_COUNT)), ALL)
        for name in ALL:
            np.testing.assert_allclose(together[name][row], alone[name], rtol=0, atol=1e-12, err_msg=name)


def test_a_measure_alone_is_the_same(cases):
    matched = Matched.of(cases)
    every = measure(matched, ALL)
    for name in ALL:
        np.testing.assert_array_equal(measure(matched, (name,))[name], every[name], err_msg=name)


def test_two_models_side_by_side(images, cases):
    """Weights on the first or the second half of the images choose the model, exactly."""
    other = [SimpleNamespace(**vars(found) | {"scores": found.scores**2}) for found in images[0][::-1]]
    models = [Matched.of(cases), Matched.of(Cases.of(other, images[1], CLASS_COUNT))]
    both = models[0].beside(models[1])
    for number, model in enumerate(models):
        weights = np.zeros(2 * len(cases.images), int)
        weights[number * len(cases.images) :][: len(cases.images)] = 1
        chosen, alone = measure(both, ALL, weights), measure(model, ALL)
        for name in ALL:
            np.testing.assert_allclose(chosen[name], alone[name], rtol=0, atol=1e-12, err_msg=name)
