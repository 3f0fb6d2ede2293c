"""A model scored on a split: the numbers agree with the metrics, the files with the numbers."""

import json

import numpy as np
import pytest
import torch

import mdfnet
from mdfnet.metrics.evaluation import evaluate
from mdfnet.scoring import check_fit, find_model, read_evaluation, score, write_scored


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    from mdfnet.data.phantom import PhantomConfig, write_phantoms

    return write_phantoms(
        PhantomConfig(count=20, size=64, splits=(0.5, 0.25, 0.25)), tmp_path_factory.mktemp("d") / "p"
    )


@pytest.fixture(scope="module")
def scored(dataset):
    torch.manual_seed(0)
    model = mdfnet.build("tiny", size=64, box_score=0.0, classes=dataset.classes, schema=dataset.schema)
    with torch.no_grad():
        model.train().detector.net.backbone(torch.rand(8, 1, 64, 64))
    return score(model, dataset, "test", name="untrained")


def test_the_evaluation_is_of_these_detections(scored, dataset):
    studies = dataset.split("test")
    again = evaluate(scored.detections, [s.target for s in studies], dataset.classes, films=[s.id for s in studies])
    assert again.to_dict() == scored.evaluation.to_dict()
    assert sum(len(found) for found in scored.detections) > 0


def test_the_interval_holds_the_score(scored):
    values = [*scored.evaluation.measures["AP@IoU=0.5"], scored.evaluation.mean("AP@IoU=0.5")]
    for value, (low, high) in zip(values, scored.intervals, strict=True):
        assert np.isnan(value) or low - 1e-9 <= value <= high + 0.05


def test_the_sweep_falls_with_the_overlap(scored):
    scores = [value for _, value in scored.sweep]
    assert scores == sorted(scores, reverse=True)


def test_what_is_written_is_read_back(scored, tmp_path):
    write_scored(scored, tmp_path, {"split": "test"})
    about, evaluation = read_evaluation(tmp_path)
    assert about == {"split": "test"} and evaluation.to_dict() == scored.evaluation.to_dict()
    json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=pytest.fail)


def test_other_classes_are_refused(dataset):
    model = mdfnet.build("tiny", classes=mdfnet.Classes(("Mass",)))
    with pytest.raises(mdfnet.UserError, match="classes"):
        check_fit(model, dataset)


def test_another_schema_is_refused(dataset):
    model = mdfnet.build("tiny", classes=dataset.classes, schema="age-sex-view")
    with pytest.raises(mdfnet.UserError, match="schema"):
        check_fit(model, dataset)


def test_the_shipped_model_finds_what_it_was_made_for(tmp_path):
    """Works at once, is small, says what it is, and hears the temperature."""
    from mdfnet.checkpoint import WEIGHTS, read_card
    from mdfnet.data.phantom import PhantomConfig, write_phantoms

    folder = find_model("demo")
    assert (folder / WEIGHTS).stat().st_size <= 8e6
    assert set(read_card(folder).training["synthetic"]) == {"films", "findings", "clinical"}
    films = write_phantoms(PhantomConfig(count=60, size=192, seed=77, splits=(0, 0, 1)), tmp_path / "p")
    scores = score(mdfnet.load(folder), films, "test", name="demo").evaluation
    assert scores.mean("AP@IoU=0.5") > 0.7
