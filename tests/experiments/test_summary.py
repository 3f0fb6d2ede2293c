"""Means, intervals and differences, worked out by hand; Student's quantiles are those of any table."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mdfnet.evaluation.compare import compare_evaluations
from mdfnet.experiments.plan import Plan
from mdfnet.experiments.state import collect, read_plan
from mdfnet.experiments.summary import Change, Mean, alarms, summarize

MEASURE = "AP@IoU=0.5"


def plan_of(**values) -> Plan:
    """A plan whose seeds have images of their own."""
    arms = {"plain": {}, "fused": {}, "other": {"against": "fused"}}
    data = {"phantom": {"train": 1, "val": 1, "test": 1}}
    return Plan.model_validate({"name": "x", "reference": "plain", "arms": arms, "seeds": 4, "data": data, **values})


def lines_of(plan: Plan, results: list[dict]):
    return summarize(plan, results, Path("nowhere"))


def line(arm: str, seed: int, value: float | None, fold=None, size=None, view="test") -> dict:
    cell = {"arm": arm, "seed": seed, "fold": fold, "size": size}
    return {"cell": cell, "scores": {view: {"Mass": {MEASURE: None}, "all": {MEASURE: value}}}}


def row_of(rows, arm, view="test", size=None):
    return next(row for row in rows if (row.arm, row.view, row.size, row.finding) == (arm, view, size, "all"))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param([0.1, 0.2, 0.3], "0.200 ± 0.248", id="4.303 * 0.1 / sqrt(3)"),
        pytest.param([0.0, 0.2, 0.1, 0.3, 0.4], "0.200 ± 0.196", id="2.776 * 0.1581 / sqrt(5)"),
        pytest.param([0.1, 0.3], "0.200", id="two have no interval"),
        pytest.param([], "–", id="nothing"),
    ],
)
def test_mean_and_interval(values, text):
    assert str(Mean.of(values)) == text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param([0.1, 0.12, 0.11], "higher", id="above zero"),
        pytest.param([-0.1, -0.12, -0.11], "lower", id="below zero"),
        pytest.param([0.1, 0.2, 0.3], "not shown", id="the interval holds zero"),
        pytest.param([0.0, 0.0, 0.0], "not shown", id="no difference at all"),
        pytest.param([0.5, 0.5], "2 of 3 replicates", id="too few to say"),
    ],
)
def test_in_words(values, words):
    assert Change.of_replicates(values).verdict == words


def test_differences_are_within_a_seed():
    plain, fused = [0.1, 0.5, 0.9], [0.21, 0.6, 1.0]  # far apart from seed to seed, close within one
    results = [line("plain", seed, value) for seed, value in enumerate(plain)]
    results += [line("fused", seed, value) for seed, value in enumerate(fused)]
    row = row_of(lines_of(plan_of(), results), "fused")
    assert row.change.value == pytest.approx(0.31 / 3) and row.change.verdict == "higher"
    assert row.change.high - row.change.low < 0.04 < 0.9 < row.score.half


def test_seeds_on_the_same_images_are_compared_over_patients_and_seeds(ablation):
    plan = read_plan(ablation)
    rows = summarize(plan, collect(ablation), ablation, draws=20)
    row = row_of(rows, "both")
    assert (row.change.over, row.change.pairs) == ("patients and seeds", 2)
    pairs = [ablation / "cells" / f"{arm}-seed-{seed}" / "test" for seed in (0, 1) for arm in ("none", "both")]
    theirs = compare_evaluations(pairs, [MEASURE], replicates=20).of(MEASURE)[-1]
    assert (row.change.low, row.change.high, row.change.p) == (theirs.low, theirs.high, theirs.p)
    assert row.change.value == pytest.approx(row.score.value - row_of(rows, "none").score.value)


def test_a_seed_that_only_one_arm_has_makes_no_pair():
    results = [line("plain", 0, 0.1), line("plain", 1, 0.9), line("fused", 0, 0.3)]
    row = row_of(lines_of(plan_of(), results), "fused")
    assert (row.change.value, row.change.pairs) == (pytest.approx(0.2), 1)


def test_an_arm_is_compared_with_the_one_it_names():
    results = [line("plain", 0, 0.1), line("fused", 0, 0.3), line("other", 0, 0.25)]
    rows = lines_of(plan_of(), results)
    assert row_of(rows, "other").change.value == pytest.approx(-0.05) and row_of(rows, "other").against == "fused"
    assert row_of(rows, "plain").change is None


def test_folds_of_a_seed_are_one_replicate():
    values = {0: [0.1, 0.2, 0.3], 1: [0.4, 0.5, 0.9], 2: [0.5, 0.5, 0.5]}
    results = [line("plain", seed, value, fold) for seed, some in values.items() for fold, value in enumerate(some)]
    row = row_of(lines_of(plan_of(folds=3), results), "plain")
    assert (row.score.value, row.score.count) == (pytest.approx((0.2 + 0.6 + 0.5) / 3), 3)


def test_a_seed_counts_once_all_its_folds_are_there():
    results = [line("plain", 0, 0.2, 0), line("plain", 0, 0.2, 1), line("plain", 1, 0.7, 0)]
    results += [line("plain", 0, 0.2, 2)]
    assert row_of(lines_of(plan_of(folds=3), results), "plain").score.count == 1


def test_a_fold_without_the_finding_has_no_say():
    results = [line("plain", 0, value, fold) for fold, value in enumerate([0.2, None, 0.4])]
    assert row_of(lines_of(plan_of(folds=3), results), "plain").score.value == pytest.approx(0.3)


def test_sizes_stand_apart_and_a_finding_never_marked_has_no_row():
    results = [line("plain", 0, 0.2, size=10), line("plain", 0, 0.6)]
    rows = lines_of(plan_of(sizes=[10, "all"]), results)
    assert [(row.size, row.score.value) for row in rows] == [(10, 0.2), (None, 0.6)]
    assert not math.isnan(rows[0].score.value)


@pytest.mark.parametrize(
    ("home", "view", "there", "words"),
    [
        pytest.param(0.2, "other", -0.2, "better than plain at home and WORSE at the other place", id="a shortcut"),
        pytest.param(0.2, "other", 0.0, "at the other place that is not shown", id="does not carry over"),
        pytest.param(0.2, "other", 0.2, None, id="carries over"),
        pytest.param(0.0, "other", -0.2, None, id="no gain that could fail to"),
        pytest.param(0.2, "none", -0.2, "leans on the record", id="worse without records"),
        pytest.param(0.2, "none", 0.0, None, id="as the image alone without records"),
    ],
)
def test_what_must_not_be_overlooked(home, view, there, words):
    noise, results = [0.01, 0.0, -0.01, 0.005], []
    for seed, more in enumerate(noise):
        results += [line("plain", seed, 0.5), line("fused", seed, 0.5 + home + more)]
        results += [line("plain", seed, 0.4, view=view), line("fused", seed, 0.4 + there - more, view=view)]
    said = " ".join(alarms(lines_of(plan_of(), results)))
    assert (words in said) if words else said == ""
