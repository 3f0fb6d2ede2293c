"""The published tables: what adds up in print adds up here, and what does not is said."""

from __future__ import annotations

import numpy as np
import pytest

from mdfnet.experiments.published import discrepancies, overall, published

TABLES = published()
BOXES = list(TABLES["findings"].values())
SCORES = {**TABLES["scores"], **TABLES["features"]}


def test_the_test_split_has_102_boxes():
    assert sum(BOXES) == 102


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("kind", ["AP", "AR"])
def test_overall_is_the_mean_of_the_five(name, kind):
    printed = SCORES[name]["overall"][("AP", "AR").index(kind)]
    digits = 4 if name in TABLES["scores"] else 2  # as many as the source has
    assert np.mean(SCORES[name][kind]) == pytest.approx(printed, abs=1.01 * 10**-digits)


@pytest.mark.parametrize("name", SCORES)
def test_recall_is_a_number_of_boxes(name):
    hits = np.array(SCORES[name]["AR"]) / 100 * BOXES
    np.testing.assert_allclose(hits, hits.round(), atol=0.003)


@pytest.mark.parametrize("name", TABLES["counts"])
def test_counts_add_up(name):
    table = TABLES["counts"][name]
    assert np.sum(table["findings"], 0).tolist() == table["overall"]
    assert [misses + hits for _, misses, hits in table["findings"]] == BOXES


@pytest.mark.parametrize("name", TABLES["scores"])
def test_a_higher_score_threshold_finds_no_more(name):
    at_005 = np.array(SCORES[name]["AR"]) / 100 * BOXES
    assert all(
        hits <= found + 0.01 for (_, _, hits), found in zip(TABLES["counts"][name]["findings"], at_005, strict=True)
    )


@pytest.mark.parametrize("name", TABLES["scores"])
def test_the_sweep_meets_the_table(name):
    sweep = TABLES["sweep"]
    assert len(sweep[name]) == len(sweep["IoBB"]) == 21
    assert sweep[name][sweep["IoBB"].index(0.5)] == pytest.approx(overall(name), abs=0.002)  # read off a figure


@pytest.mark.parametrize("name", TABLES["scores"])
def test_each_published_figure_is_one_of_the_authors_repeats(name):
    best = [value for repeat in TABLES["repeats"][name] for value in repeat[:2]]
    assert min(abs(value - overall(name)) for value in best) < 1e-4


def test_the_published_baseline_is_the_lowest_of_its_repeats():
    repeats = TABLES["repeats"]["Mask R-CNN (baseline)"]
    assert overall("Mask R-CNN (baseline)") == pytest.approx(min(best_ar for _, best_ar, _ in repeats), abs=1e-4)


@pytest.mark.parametrize(
    "words",
    [
        "Pleural abnormality has more, 16 against 14",
        "Consolidation has as many, 9 against 9",
        "Pulmonary edema has as many, 7 against 7",
        "12.08 points",
        "it is 8.6 by the rule of the best validation AR and 6.4 by",
        "'{Gender, Respiratory rate}' saw gender + resprate + o2sat",
    ],
)
def test_what_does_not_hold(words):
    assert [line for line in discrepancies() if words in line]
