"""The report of an experiment: its numbers are those of the evaluations, and its words those of its numbers."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mdfnet.core.errors import UserError
from mdfnet.experiments.plan import Plan
from mdfnet.experiments.state import read_plan
from mdfnet.experiments.summary import Change, Mean, growth, summarize
from mdfnet.report.contents import DatasetCard
from mdfnet.report.experiment.contents import ExperimentReport, FindingDiscrimination
from mdfnet.report.experiment.evidence import tables
from mdfnet.report.experiment.explain_cells import explain_cells
from mdfnet.report.experiment.page import render, write_experiment
from mdfnet.report.experiment.read import FURTHER, SENSITIVITIES, read_experiment
from mdfnet.report.experiment.words import answer, front

HOSTILE = "<script>alert(1)</script>"
MEASURES = dict.fromkeys(["AP@IoU=0.5", *FURTHER, *SENSITIVITIES], 0.5)
#: What moves a seed's difference, so that intervals have a width.
NOISE = (0.01, 0.0, -0.01, 0.005)


@pytest.fixture(scope="module")
def written(ablation, tmp_path_factory) -> Path:
    """The report of an ablation of two arms and two seeds."""
    out = tmp_path_factory.mktemp("report")
    write_experiment(out, read_experiment(ablation, command="mdfnet report", draws=20))
    return out


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def evaluated(experiment: Path, arm: str, measure: str) -> list[float]:
    """Mean over findings of each seed, from the file that the evaluation wrote."""
    values = []
    for seed in (0, 1):
        content = json.loads((experiment / "cells" / f"{arm}-seed-{seed}" / "test" / "evaluation.json").read_text())
        per_class = np.array(content["evaluation"]["measures"][measure], float)
        values.append(float(np.nanmean(per_class)))
    return values


@pytest.mark.parametrize("arm", ["none", "both"])
def test_numbers_are_those_of_the_evaluations(ablation, written, arm):
    by_seed = evaluated(ablation, arm, "AP@IoU=0.5")
    row = next(row for row in table(written, "arms") if row["Arm"] == arm)
    assert float(row["mean"]) == pytest.approx(np.mean(by_seed), abs=1e-5)
    assert [float(row[arm]) for row in table(written, "seeds")] == pytest.approx(by_seed, abs=1e-5)
    further = next(row for row in table(written, "further") if row["Measure, mean over findings"] == "AUROC")
    assert float(further[f"{arm} mean"]) == pytest.approx(np.mean(evaluated(ablation, arm, "AUROC")), abs=1e-5)


def test_calibrated_errors_are_those_of_the_evaluations(ablation, written):
    last = table(written, "calibration")[-1]
    content = [json.loads((ablation / f"cells/both-seed-{seed}/test/evaluation.json").read_text()) for seed in (0, 1)]
    assert last["Finding"] == "all"
    expected = np.mean([one["calibrated"]["ECE"][-1] for one in content])
    assert float(last["both calibrated"]) == pytest.approx(expected, abs=1e-5)


def test_a_page_of_its_own_that_tells_nobody_where_the_data_lie(ablation, written):
    page = (written / "report.html").read_text(encoding="utf-8")
    assert "Research use only" in page and "Synthetic: images, findings, clinical records" in page
    assert not re.search(r"<script|<link|src=|@import|https?://(?!www\.w3\.org)", page)
    assert str(read_plan(ablation).data) not in page and "data: set" in page
    for name in ("arms", "differences", "froc", "froc-findings", "reliability"):
        assert (written / "figures" / f"{name}.svg").is_file() and (written / "figures" / f"{name}.pdf").is_file()


def test_models_are_explained_once_and_the_report_says_what_tells(ablation, tmp_path):
    out, said = tmp_path / "out", []
    shutil.copytree(ablation, out)
    with pytest.raises(UserError, match="no arm 'bth'; did you mean 'both'"):
        explain_cells(read_plan(out), out, arms=["bth"])
    assert explain_cells(read_plan(out), out, arms=["both"], images=3, log=said.append) == 2
    pages = sorted(out.glob("cells/*/explanation/explanation.html"))
    assert [page.parts[-3] for page in pages] == ["both-seed-0", "both-seed-1"]  # "none" looks at no record
    before = [page.stat().st_mtime_ns for page in pages]
    assert explain_cells(read_plan(out), out, images=3, log=said.append) == 2
    assert [page.stat().st_mtime_ns for page in pages] == before
    report = read_experiment(out, draws=20)
    found = [json.loads((page.parent / "explanation.json").read_text()) for page in pages]
    values = [one["importance"][0]["discrimination"]["value"] for one in found]
    told = report.discriminations["both"][0]
    expected = [Mean.of([v for v in column if v is not None]).value for column in zip(*values, strict=True)]
    assert told.images == 3 and np.allclose([mean.value for mean in told.discrimination], expected, equal_nan=True)
    assert "Which clinical value discriminates which finding" in render(report)
    for page in pages:  # as earlier versions wrote them
        path = page.with_name("explanation.json")
        text = path.read_text()
        for now, before in {"effect": "pull", "discrimination": "telling", "images": "films", "image": "film"}.items():
            text = text.replace(f'"{now}":', f'"{before}":')
        path.write_text(text)
    assert read_experiment(out, draws=20).discriminations["both"] == report.discriminations["both"]


def test_an_experiment_of_which_nothing_is_done(ablation, tmp_path):
    shutil.copy(ablation / "experiment.yaml", tmp_path)
    with pytest.raises(UserError, match="no seed of this experiment is done yet; do it first"):
        read_experiment(tmp_path)


def plan_of(**values) -> Plan:
    arms = {"plain": {}, "fused": {}, "other": {"against": "fused"}}
    data = {"phantom": {"train": 1, "val": 1, "test": 1}}
    return Plan.model_validate({"name": "x", "reference": "plain", "arms": arms, "seeds": 4, "data": data, **values})


def line(arm: str, seed: int, value: float, size: int | None = None, view: str = "test") -> dict:
    row = {**MEASURES, "AP@IoU=0.5": value}
    return {"cell": {"arm": arm, "seed": seed, "fold": None, "size": size}, "scores": {view: {"Mass": row, "all": row}}}


def report_of(results: list[dict], plan: Plan | None = None, **values) -> ExperimentReport:
    """The report of results that were made up."""
    plan = plan or plan_of()
    sizes = dict.fromkeys(result["cell"]["size"] for result in results)
    content = {
        "title": "?",
        "plan": plan,
        "rows": tuple(summarize(plan, results, Path("nowhere"), list(MEASURES))),
        "growth": growth(plan, results),
        "sees": dict.fromkeys(plan.arms, "images alone"),
        "images": {size: {"train": size or 1000, "val": 1, "test": 1} for size in sizes},
        "dataset": DatasetCard("made up", "", "", ("Mass",), ()),
        "scores": {arm: {0: 0.5} for arm in plan.arms},
        **values,
    }
    return ExperimentReport(**content)


def gain(by: float, size: int | None = None, noise=NOISE, view: str = "test") -> list[dict]:
    """Four seeds in which ``fused`` is so much better than ``plain``."""
    results = [line("plain", seed, 0.4 + seed / 10, size, view) for seed in range(4)]
    return results + [line("fused", seed, 0.4 + seed / 10 + by + noise[seed], size, view) for seed in range(4)]


def said(report: ExperimentReport, question: str) -> str:
    return " ".join(dict(front(report)).get(question, []))


@pytest.mark.parametrize(
    ("by", "words"),
    [
        pytest.param(
            0.2, "Mean AP at IoU 0.5 of “fused” is higher than of “plain”: 0.751 and 0.550, +0.201 (95", id="up"
        ),
        pytest.param(-0.2, "“fused” is lower than of “plain”: 0.351 and 0.550, −0.199", id="lower"),
        pytest.param(0.0, "No difference from “plain” is shown for “fused”.", id="nothing"),
    ],
)
def test_the_answer_is_what_is_shown(by, words):
    assert words in " ".join(answer(report_of(gain(by))))


def test_two_seeds_are_too_few_for_an_answer():
    results = [one for one in gain(0.2) if one["cell"]["seed"] < 2]
    assert answer(report_of(results)) == ["Too few trainings to say how “fused” differs from “plain”."]


def test_an_arm_without_its_reference_is_not_compared():
    results = [one for one in gain(0.2) if one["cell"]["arm"] == "fused"]
    assert answer(report_of(results))[0].startswith("No arm can be compared yet")


def test_without_records():
    report = report_of([*gain(0.2), *gain(-0.1, view="none")])
    words = said(report, "When records are missing")
    assert words.startswith("With no records, differences from “plain”: “fused” −0.099 (95")
    assert {"arms", "arms-none"} <= tables_of(report)


def tables_of(report: ExperimentReport) -> set[str]:
    return {one.name for one in tables(report)}


@pytest.mark.parametrize(
    ("few", "many", "words"),
    [
        pytest.param(
            0.1, 0.3, "The gain of “fused” is +0.101 with 100, +0.301 with 1,000 images. It grows: from", id="grows"
        ),
        pytest.param(0.3, 0.1, "It shrinks: from fewest to most by −0.200", id="shrinks"),
        pytest.param(0.2, 0.2, "That it grows is not shown: from fewest to most by ±0.000", id="the same noise"),
    ],
)
def test_growth_with_training_images(few, many, words):
    report = report_of([*gain(few, 100, NOISE[::-1]), *gain(many)], plan_of(sizes=[100, "all"]))
    assert words in said(report, "Does it grow with the training images")
    assert "sizes" in tables_of(report)


def test_growth_is_the_difference_of_gains_seed_by_seed():
    results = [*gain(0.1, 100), *gain(0.3)]
    grown = growth(plan_of(sizes=[100, "all"]), results)["fused"]
    assert (grown.value, grown.pairs, grown.over) == (pytest.approx(0.2), 4, "replicates")
    assert growth(plan_of(), gain(0.3)) == {}  # one size alone


@pytest.mark.parametrize(
    ("half", "words"),
    [
        pytest.param(
            0.01, "values that discriminate best in “fused” are: Mass: temperature (0.200 ± 0.010).", id="shown"
        ),
        pytest.param(0.3, "No value is shown to discriminate any finding in “fused”.", id="the interval holds zero"),
        pytest.param(float("nan"), "No value is shown", id="too few seeds"),
    ],
)
def test_which_values_discriminate(half, words):
    means = (Mean(0.1, half, 5), Mean(0.2, half, 5))
    report = report_of(
        gain(0.2), discriminations={"fused": (FindingDiscrimination("Mass", ("age", "temperature"), means, 9),)}
    )
    assert words in said(report, "Which values discriminate")


def test_everything_from_outside_is_escaped():
    arms = {"plain": {}, HOSTILE: {}}
    plan = Plan.model_validate({"name": HOSTILE, "reference": "plain", "arms": arms, "seeds": 4,
                                "data": {"phantom": {"train": 1, "val": 1, "test": 1}}})  # fmt: skip
    results = [line("plain", seed, 0.5) for seed in range(4)] + [line(HOSTILE, seed, 0.6) for seed in range(4)]
    told = {HOSTILE: (FindingDiscrimination(HOSTILE, (HOSTILE,), (Mean(0.1, 0.01, 4),), 3),)}
    page = render(report_of(results, plan, title=HOSTILE, people=HOSTILE, discriminations=told, alarms=(HOSTILE,),
                            environment={HOSTILE: HOSTILE}))  # fmt: skip
    assert HOSTILE not in page and "&lt;script&gt;" in page


def test_many_arms_are_named_in_the_table_and_not_in_the_words():
    arms = {f"arm {k}": {} for k in range(12)}
    plan = Plan.model_validate({"name": "x", "reference": "arm 0", "arms": arms, "seeds": 4,
                                "data": {"phantom": {"train": 1, "val": 1, "test": 1}}})  # fmt: skip
    results = [line(arm, seed, 0.5 + NOISE[seed] * k) for k, arm in enumerate(arms) for seed in range(4)]
    report = report_of(results, plan)
    assert "And 5 more arms" in said(report, "What was compared") and "11 arms" in " ".join(answer(report))
    assert render(report).count("arm 11") >= 3


def test_a_change_without_interval_is_not_called_one():
    report = report_of([one for one in gain(0.2) if one["cell"]["seed"] < 2])
    assert said(report, "How large is the difference").endswith("“fused” +0.205.")
    assert Change.of_replicates([0.2, 0.2]).verdict == "2 of 3 replicates"
