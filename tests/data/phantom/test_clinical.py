"""Phantom records: their marginals, their independence of or dependence on the findings, and the exact posterior."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from mdfnet.core.errors import UserError
from mdfnet.core.types import PAPER_CLASSES
from mdfnet.data.phantom import PhantomConfig, class_probabilities
from mdfnet.data.phantom.clinical import BASELINES, NEVER_MISSING, SCHEMA, distinguishing, draw_record
from mdfnet.data.phantom.findings import LOOK_ALIKES, PhantomCase, draw_case

PATTERNS = tuple(LOOK_ALIKES)
BASE = PhantomCase(male=False, pattern="none", opacity=None, opacities=0, enlarged_heart=False, effusions=())


@cache
def population(count, **settings):
    """Cases and records of a population, without drawing images."""
    config = PhantomConfig(count=count, **{"missing": 0.0, **settings})
    rng = np.random.default_rng(7)
    cases = [draw_case(rng) for _ in range(count)]
    return cases, np.array([draw_record(rng, case, config) for case in cases]), config


def ceilings(pattern, count=2000, **settings):
    """Which patients of a pattern have its first class, and the posterior of that class."""
    cases, records, config = population(count, **settings)
    chosen = [index for index, case in enumerate(cases) if case.pattern == pattern]
    first = LOOK_ALIKES[pattern][0]
    probability = class_probabilities(records[chosen], pattern, config)[:, PAPER_CLASSES.label(first) - 1]
    return np.array([cases[index].opacity == first for index in chosen]), probability


@pytest.mark.parametrize(
    ("feature", "published", "tolerance"),
    [
        ("age", 66.3, 2.5),
        ("temperature", (98.1 - 32) / 1.8, 0.2),
        ("heartrate", 85.7, 3),
        ("resprate", 18.5, 0.6),
        ("o2sat", 97.6, 0.5),
        ("sbp", 132.3, 2),
        ("dbp", 72.4, 1.5),
        ("pain", 4.1, 0.3),
        ("acuity", 2.2, 0.1),
        ("gender", 0.455, 0.04),
    ],
)
@pytest.mark.parametrize("signal", [0, 0.5, 1])
def test_means_come_near_those_of_the_papers_readings(feature, published, tolerance, signal):
    _, records, _ = population(2000, signal=signal)
    assert records[:, SCHEMA.index(feature)].mean() == pytest.approx(published, abs=tolerance)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"enlarged_heart": True}, id="enlarged heart"),
        pytest.param({"effusions": (1,)}, id="effusion"),
        *(
            pytest.param({"pattern": pattern, "opacity": opacity, "opacities": 1}, id=f"{pattern} {opacity}")
            for pattern in PATTERNS
            for opacity in LOOK_ALIKES[pattern]
        ),
    ],
)
def test_without_signal_the_same_draw_gives_the_same_record_whatever_the_finding(changed):
    finding = replace(BASE, **changed)
    silent, loud = PhantomConfig(signal=0, missing=0), PhantomConfig(signal=1, missing=0)

    def record(case, config):
        return draw_record(np.random.default_rng(3), case, config)

    np.testing.assert_array_equal(record(finding, silent), record(BASE, silent))
    assert (record(finding, loud) != record(BASE, loud)).any()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_look_alikes_differ_in_the_telling_features_only(pattern):
    config = PhantomConfig(signal=1, missing=0)
    first, second = (
        draw_record(np.random.default_rng(5), replace(BASE, pattern=pattern, opacity=name, opacities=2), config)
        for name in LOOK_ALIKES[pattern]
    )
    assert {SCHEMA.names[index] for index in np.flatnonzero(first != second)} == set(distinguishing(pattern))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_full_signal_separates_and_no_signal_is_a_coin_flip(pattern):
    is_first, probability = ceilings(pattern, signal=1)
    assert ((probability > 0.5) == is_first).mean() >= 0.97
    _, probability = ceilings(pattern, signal=0)
    assert (probability == 0.5).all()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_more_signal_tells_more(pattern):
    accuracies = []
    for signal in (0, 0.25, 0.5, 0.75, 1):
        is_first, probability = ceilings(pattern, signal=signal)
        accuracies.append(((probability > 0.5) == is_first).mean() if signal else 0.5)
    assert (np.diff(accuracies) > 0.03).all()


@pytest.mark.parametrize("missing", [0, 0.4])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_posterior_is_calibrated(pattern, missing):
    is_first, probability = ceilings(pattern, count=6000, signal=0.4, missing=missing)
    for low in np.arange(0, 1, 0.2):
        chosen = (probability >= low) & (probability < low + 0.2)
        standard_error = np.sqrt(np.mean(probability[chosen] * (1 - probability[chosen])) / chosen.sum())
        assert is_first[chosen].mean() == pytest.approx(probability[chosen].mean(), abs=4 * standard_error)


@pytest.mark.parametrize("temperature", [36.0, 36.8, 37.1, 37.4, 38.6])
def test_posterior_equals_that_of_two_normals_in_closed_form(temperature):
    record = np.full(len(SCHEMA), np.nan)
    record[SCHEMA.index("temperature")] = temperature
    consolidation, atelectasis, sd = 37.9, 36.3, 0.38
    odds = (consolidation - atelectasis) * (temperature - (consolidation + atelectasis) / 2) / sd**2
    found = class_probabilities(record, "focal", PhantomConfig(signal=1))
    assert found[PAPER_CLASSES.label("Consolidation") - 1] == pytest.approx(1 / (1 + np.exp(-odds)), abs=0.01)


@pytest.mark.parametrize("extreme", [-1e4, 30.0, 45.0, 1e4], ids=["absurdly low", "cold", "hot", "absurdly high"])
def test_posterior_of_extreme_records_is_a_probability(extreme):
    for pattern in PATTERNS:
        found = class_probabilities(np.full(len(SCHEMA), extreme), pattern, PhantomConfig(signal=1))
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(1)


def test_missing_rate_holds_for_triage_values_and_changes_no_other_value():
    _, complete, _ = population(2000, missing=0)
    _, gappy, _ = population(2000, missing=0.3)
    gaps = np.isnan(gappy)
    for name in SCHEMA.names:
        expected = 0 if name in NEVER_MISSING else 0.3
        assert gaps[:, SCHEMA.index(name)].mean() == pytest.approx(expected, abs=0.045)
    np.testing.assert_array_equal(gappy[~gaps], complete[~gaps])


@pytest.mark.parametrize("feature", BASELINES)
def test_values_are_plausible_and_rounded(feature):
    _, records, _ = population(2000, signal=1)
    values, baseline = records[:, SCHEMA.index(feature)].astype(np.float64), BASELINES[feature]
    assert SCHEMA[feature].low <= values.min() < values.max() <= SCHEMA[feature].high
    np.testing.assert_allclose(values / baseline.step, np.round(values / baseline.step), atol=1e-4)


def test_baselines_follow_the_order_of_the_schema():
    assert (*BASELINES, "gender") == SCHEMA.names


@pytest.mark.parametrize(
    ("clinical", "pattern", "message"),
    [
        pytest.param(np.zeros(10), "bilatral", "did you mean 'bilateral'", id="misspelled pattern"),
        pytest.param(np.zeros(10), "none", "known are: focal, bilateral", id="pattern without a pair"),
        pytest.param(np.zeros(9), "focal", r"10 features.*\(9,\)", id="too few features"),
    ],
)
def test_wrong_questions_are_refused(clinical, pattern, message):
    with pytest.raises(UserError, match=message):
        class_probabilities(clinical, pattern, PhantomConfig())


@pytest.mark.parametrize(
    "settings",
    [
        {"count": 0},
        {"size": 63},
        {"seed": -1},
        {"signal": 1.1},
        {"missing": float("nan")},
        {"splits": (0.7, 0.2, 0.2)},
        {"signl": 1},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValidationError):
        PhantomConfig(**settings)
