"""Each protocol from its YAML to its results, on images and with trainings so small that it takes seconds.

The ablation is done in ``conftest.py`` and looked at in ``test_run.py``.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from mdfnet.experiments.plan import Plan
from mdfnet.experiments.shift import shift_report
from mdfnet.experiments.state import RESULTS, read_results
from mdfnet.experiments.summary import summarize
from mdfnet.models.card import Card, read_card


def cards(out) -> dict[str, Card]:
    """What each trained cell says of itself."""
    return {path.parent.name: read_card(path / "model") for path in sorted((out / "cells").glob("*/run"))}


def untrained(plan: Plan, *names: str) -> Plan:
    """The same plan, some arms of it without a training: what is looked at here are the others."""
    less = {name: plan.arms[name].model_copy(update={"clinical_only": True}) for name in names}
    return plan.model_copy(update={"arms": {**plan.arms, **less}})


def settings(out) -> dict[str, dict]:
    """What each cell was done with."""
    return {path.parent.name: json.loads(path.read_text()) for path in (out / "cells").glob("*/cell.json")}


def test_ablation_trains_what_it_says(ablation):
    fusion = {name: (card.config.fusion.map, card.config.fusion.vector) for name, card in cards(ablation).items()}
    assert fusion == {f"none-seed-{s}": (None, None) for s in range(2)} | {
        f"both-seed-{s}": ("deconv", "residual") for s in range(2)
    }
    assert {card.config.train.seed for card in cards(ablation).values()} == {0, 1}


def test_modalities(quick, do, tmp_path):
    experiment, failed = do(quick("modalities", "seeds=1"), tmp_path / "out")
    assert failed == {} and set(cards(tmp_path / "out")) == {"image-only-seed-0", "both-seed-0"}
    rows = summarize(experiment.plan, read_results(tmp_path / "out" / RESULTS), tmp_path / "out", draws=20)
    assert {(row.view, row.arm) for row in rows} == {
        (view, arm) for view in ("test", "none") for arm in ("image-only", "clinical-only", "both")
    }
    bare = tmp_path / "out/cells/image-only-seed-0"
    test, none = ((bare / view / "predictions.csv").read_text() for view in ("test", "none"))
    assert test == none  # what sees no record cannot miss it


def test_features(quick, do, tmp_path):
    plan = quick("features", "seeds=1")
    kept = ("none", "all", "only *", "gender + heartrate")
    plan = untrained(plan.model_copy(update={"arms": {name: plan.arms[name] for name in kept}}), "none", "only *")
    experiment, failed = do(plan, tmp_path / "out")
    assert failed == {} and len(experiment.cells) == 3 + 10
    seen = {name: card.clinical_schema.names for name, card in cards(tmp_path / "out").items()}
    assert len(seen["all-seed-0"]) == 10 and seen["gender-heartrate-seed-0"] == ("heartrate", "gender")
    assert settings(tmp_path / "out")["only-o2sat-seed-0"]["features"] == ["o2sat"]


def test_crossval(quick, do, phantoms, tmp_path):
    experiment, failed = do(untrained(quick("crossval", "seeds=1", "folds=3"), "image-only"), tmp_path / "out")
    assert failed == {}
    tested = []
    for fold in range(3):
        done = [json.loads((tmp_path / f"out/cells/{arm}-seed-0-fold-{fold}/test/evaluation.json").read_text())
                for arm in ("image-only", "fused")]  # fmt: skip
        assert done[0]["evaluation"]["fingerprint"] == done[1]["evaluation"]["fingerprint"]
        tested += done[0]["evaluation"]["images"]
    assert sorted(tested) == sorted(sample.id for sample in phantoms.samples)
    rows = summarize(experiment.plan, read_results(tmp_path / "out" / RESULTS), tmp_path / "out", draws=20)
    assert next(row.change.over for row in rows if row.arm == "fused") == "folds"


def test_learning_curve(quick, do, tmp_path):
    plan = quick("learning-curve", "seeds=1", "sizes=[4, all]", "min_steps=2", "batch_size=4")
    experiment, failed = do(untrained(plan, "image-only"), tmp_path / "out")
    assert failed == {}
    told = cards(tmp_path / "out").items()
    facts = {name: (card.training["images"]["train"], card.config.train.epochs) for name, card in told}
    assert facts["fused-seed-0-size-4"] == (4, 2) and facts["fused-seed-0"] == (15, 1)
    rows = summarize(experiment.plan, read_results(tmp_path / "out" / RESULTS), tmp_path / "out", draws=20)
    assert [(row.size, row.arm) for row in rows if row.finding == "all"] == [
        (4, "image-only"), (4, "fused"), (None, "image-only"), (None, "fused")]  # fmt: skip


def test_detectors(quick, do, tmp_path):
    plan = quick("detectors", "seeds=1", arms=("ssd, fused",))
    assert list(plan.arms) == ["rcnn, image-only", "ssd, image-only", "ssd, fused"]
    _, failed = do(plan, tmp_path / "out")
    assert failed == {}
    made = {name: (card.config.detector.name, card.config.fused) for name, card in cards(tmp_path / "out").items()}
    assert made == {"rcnn-image-only-seed-0": ("rcnn", False), "ssd-image-only-seed-0": ("ssd", False),
                    "ssd-fused-seed-0": ("ssd", True)}  # fmt: skip


def test_external(quick, do, tiny_dataset, tmp_path):
    names = ("Atelectasis", "Fluid")
    other = tiny_dataset(names=names, schema="age-sex-view")
    plan = quick("external", "seeds=1", "classes={Fluid: Pleural abnormality}", test=other.folder, arms=("fused",))
    experiment, failed = do(untrained(plan, "image-only"), tmp_path / "out")
    assert failed == {}
    evaluation = json.loads((tmp_path / "out/cells/fused-seed-0/other/evaluation.json").read_text())["evaluation"]
    truths = dict(zip(evaluation["classes"]["names"], evaluation["truths"], strict=True))
    marked = [names[label - 1] for sample in other.samples for label in sample.target.labels]
    assert (truths["Atelectasis"], truths["Pleural abnormality"]) == tuple(map(marked.count, names))
    assert truths["Consolidation"] == 0 and len(evaluation["images"]) == len(other)
    rows = summarize(experiment.plan, read_results(tmp_path / "out" / RESULTS), tmp_path / "out", draws=20)
    assert {(row.view, row.finding) for row in rows if row.view == "other"} == {
        ("other", "Atelectasis"), ("other", "Pleural abnormality"), ("other", "all")}  # fmt: skip


def test_paper(quick, do, tmp_path):
    arms = ("as published, MDF-Net", "features, gender + resprate + o2sat")
    few = ("rois_per_image=8", "proposals_train=20", "proposals_test=20")
    plan = quick("paper", "seeds=1", "folds=0", *few, arms=arms, config=None)
    plan = untrained(plan, "as published, baseline", "corrected, baseline", "corrected, MDF-Net")
    _, failed = do(plan, tmp_path / "out")
    assert failed == {}
    told = {name.removesuffix("-seed-0"): one for name, one in settings(tmp_path / "out").items()}
    assert {name: (one["config"]["detector"]["mask_head"], one["split"]) for name, one in told.items()} == {
        "as-published-baseline": (True, "row"),
        "as-published-MDF-Net": (False, "row"),
        "corrected-baseline": (False, "given"),
        "corrected-MDF-Net": (False, "given"),
        "features-gender-resprate-o2sat": (False, "given"),
    }
    seen = cards(tmp_path / "out")["features-gender-resprate-o2sat-seed-0"].clinical_schema.names
    assert seen == ("resprate", "o2sat", "gender")


class TestShift:
    """What the report of another place says, on phantoms whose shift is planted."""

    def place(self, phantoms, seed: int, shortcut: bool = False, warmer: float = 0.0):
        """Many phantoms; with the shortcut, pain follows the marks of an enlarged heart."""
        column, random = phantoms.schema.index("pain"), np.random.default_rng(seed)
        temperature = phantoms.schema.index("temperature")
        samples = []
        for number in range(240):
            sample = phantoms.samples[number % len(phantoms)]
            clinical = sample.clinical.copy()
            marked = (sample.target.labels == 1).any()
            clinical[column] = (8 * marked + random.uniform(0, 2)) if shortcut else random.uniform(0, 10)
            clinical[temperature] = random.normal(37 + warmer, 0.5)
            name = f"f{seed}-{number}"
            samples.append(replace(sample, id=name, patient=name, clinical=clinical, split="train"))
        return replace(phantoms, samples=tuple(samples))

    def test_a_shortcut_is_named(self, phantoms):
        lines = shift_report(self.place(phantoms, 1, shortcut=True), self.place(phantoms, 2))
        assert any(
            line.startswith("pain tells Enlarged cardiac silhouette otherwise there; here: AUC 1.00") for line in lines
        )

    def test_a_warmer_place_is_named(self, phantoms):
        lines = shift_report(self.place(phantoms, 1), self.place(phantoms, 2, warmer=1.0))
        assert any(line.startswith("temperature is higher there, AUC 0.9") for line in lines)

    def test_of_the_same_kind_nothing_is_said(self, phantoms):
        assert shift_report(self.place(phantoms, 1), self.place(phantoms, 2)) == []

    def test_what_is_absent_is_said(self, phantoms):
        home, other = self.place(phantoms, 1), self.place(phantoms, 2)
        bare = tuple(replace(s, clinical=np.full(10, np.nan, np.float32), target=phantoms.samples[0].target.of([], []))
                     for s in other.samples)  # fmt: skip
        lines = shift_report(home, replace(other, samples=bare))
        assert "temperature is missing on all images of the other place" in lines
        assert "Consolidation is marked on no image of the other place: it has no score there" in lines
