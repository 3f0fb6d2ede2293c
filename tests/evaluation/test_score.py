"""A model scored on a split: the numbers agree with the metrics, the files with the numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import mdfnet
from mdfnet.core.files import without_nan
from mdfnet.evaluation.evaluate import evaluate
from mdfnet.evaluation.score import read_evaluation, write_scored
from mdfnet.metrics.evaluation import score_detections
from mdfnet.metrics.measures import COUNTS, MEASURES
from mdfnet.models.card import find_model
from mdfnet.models.fit import check_fit
from mdfnet.models.operating_points import Operating, fit_operating


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
    return evaluate(model, dataset, "test", name="untrained")


def test_the_evaluation_is_of_these_detections(scored, dataset):
    samples = dataset.split("test")
    again = score_detections(
        scored.detections, [s.target for s in samples], dataset.classes, images=[s.id for s in samples]
    )
    assert again.to_dict() == scored.evaluation.to_dict()
    assert sum(len(found) for found in scored.detections) > 0


def test_every_number_has_an_interval_that_holds_it(scored):
    for name, limits in scored.intervals.items():
        if name in COUNTS:
            continue
        values = [*scored.evaluation.measures[name], scored.evaluation.mean(name)]
        assert len(limits) == len(values)
        for value, (low, high) in zip(values, limits, strict=True):
            assert np.isnan(value) or 0 <= low <= value <= high <= 1, name
    assert set(scored.intervals) == {*MEASURES, *COUNTS}


def test_the_sweep_falls_with_the_overlap(scored):
    for rows in scored.sweep.values():
        assert [row["threshold"] for row in rows][::20] == [0.0, 1.0]
        for name in ("AP", "AR"):
            scores = [row[name][-1] for row in rows]
            assert scores == sorted(scores, reverse=True)
    at_half = {row["threshold"]: row for row in scored.sweep["IoBB"]}[0.5]
    assert at_half["AP"][-1] == scored.evaluation.mean("AP@IoBB=0.5")


def test_operating_points_are_measured_on_these_images(scored, dataset):
    """On the images they were found on they give the figures they were found with."""
    operating = fit_operating(scored.samples, scored.detections, scored.classes, "these images")
    points = replace(scored, operating=operating, draws=50).points
    assert scored.points == [] and len(points) == 5
    for point in points:
        assert (point.sensitivity[-1], point.false_positives_per_image[-1]) == point.fitted
        low, high = point.sensitivity_intervals[-1]
        assert low <= point.sensitivity[-1] <= high


def test_temperatures_are_applied_where_calibration_is_measured(scored):
    """At a temperature of 1 nothing changes; a high one brings all scores near a half."""
    at_one, hot = (
        replace(scored, operating=Operating(dict.fromkeys(scored.classes.names, t), (), "nothing"), draws=20)
        for t in (1.0, 10.0)
    )
    same, flat = (one.details["calibrated"] for one in (at_one, hot))
    np.testing.assert_allclose(same["ECE"][:-1], scored.evaluation.measures["ECE@IoBB=0.5"], atol=1e-6)
    for before, after in zip(same["reliability"].values(), flat["reliability"].values(), strict=True):
        assert sum(after["detections"][4:6]) == sum(before["detections"])
    assert sum(sum(bins["detections"]) for bins in flat["reliability"].values()) > 10


def test_what_is_written_is_read_back(scored, tmp_path):
    write_scored(scored, tmp_path, {"split": "test"})
    about, evaluation = read_evaluation(tmp_path)
    assert about == {"split": "test"} and evaluation.to_dict() == scored.evaluation.to_dict()
    content = json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert content["replicates"] == 1000 and len(content["sweep"]["IoBB"]) == 21
    assert {"froc", "reliability", "mistakes"} < set(content)


def test_other_classes_are_refused(dataset):
    model = mdfnet.build("tiny", classes=mdfnet.Classes(("Mass",)))
    with pytest.raises(mdfnet.UserError, match="classes"):
        check_fit(model.classes, model.schema, dataset)


def test_another_schema_is_refused(dataset):
    model = mdfnet.build("tiny", classes=dataset.classes, schema="age-sex-view")
    with pytest.raises(mdfnet.UserError, match="schema"):
        check_fit(model.classes, model.schema, dataset)


def test_the_shipped_model_finds_what_it_was_made_for(tmp_path):
    """Works at once, is small, says what it is, and hears the temperature."""
    from mdfnet.data.phantom import PhantomConfig, write_phantoms
    from mdfnet.models.card import WEIGHTS, read_card

    folder = find_model("demo")
    assert (folder / WEIGHTS).stat().st_size <= 8e6
    assert set(read_card(folder).training["synthetic"]) == {"images", "findings", "clinical"}
    images = write_phantoms(PhantomConfig(count=60, size=192, seed=77, splits=(0, 0, 1)), tmp_path / "p")
    scores = evaluate("demo", images, "test").evaluation
    assert scores.mean("AP@IoU=0.5") > 0.7


def test_python_and_the_command_line_mean_the_same_by_evaluate(dataset, tmp_path):
    """By default the validation images; what it takes as folders it takes in memory, too."""
    model = mdfnet.build("tiny", size=64, box_score=0.0, classes=dataset.classes, schema=dataset.schema).eval()
    model.save(tmp_path / "run" / "model")
    of_files = mdfnet.evaluate(tmp_path / "run", dataset.folder, out=tmp_path / "out", replicates=10)
    in_memory = mdfnet.evaluate(mdfnet.load(tmp_path / "run" / "model"), dataset, replicates=10)
    assert of_files.evaluation.to_dict() == in_memory.evaluation.to_dict()
    assert (of_files.name, in_memory.name) == ("run", "tiny")
    assert of_files.evaluation.images == tuple(sample.id for sample in dataset.split("val"))
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert content["about"]["split"] == "val" and content["about"]["weights_sha256"]
    assert [group["name"] for group in content["groups"]] == [group.name for group in in_memory.groups]
    assert without_nan(of_files.intervals) == without_nan(in_memory.intervals) and "second_reading" not in content


def test_nothing_is_written_where_no_folder_is_named(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = mdfnet.build("tiny", size=64, classes=dataset.classes, schema=dataset.schema)
    second = mdfnet.evaluate(model, dataset, "test", boxed_only=True, second_reading=dataset.folder, replicates=10)
    assert all(len(sample.target) for sample in second.samples) and second.second_reading["images"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"split": "dev"}, "unknown split 'dev'", id="no such split"),
        pytest.param({"by": ["temprature"]}, "did you mean 'temperature'", id="no such feature"),
        pytest.param({"model": "nowhere"}, "nowhere: no model here", id="no model"),
        pytest.param({"dataset": "nowhere"}, "no such folder", id="no dataset"),
    ],
)
def test_what_is_wrong_is_said_before_a_model_runs(dataset, options, message):
    arguments = {"model": "demo", "dataset": dataset} | options
    with pytest.raises(mdfnet.UserError, match=message):
        mdfnet.evaluate(**arguments)
