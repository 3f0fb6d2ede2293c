"""Two stages: the detector is what it would be without records, the fusion comes on top, and nothing is lost."""

import dataclasses
from unittest import mock

import pytest
import torch
from lightning.pytorch.callbacks import Callback

import mdfnet
from mdfnet.data.phantom import PhantomConfig, write_phantoms
from mdfnet.models.card import read_card
from mdfnet.models.config import load_config
from mdfnet.training import callbacks
from mdfnet.training.train import train

#: Small trainings show nothing: any epoch is kept that is better.
QUICK = ["size=64", "batch_size=4", "epochs=2", "fusion_gain=any"]
STAGED, ALONE = "fusion_epochs=2", ["map=null", "vector=null"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    config = PhantomConfig(count=24, size=64, splits=(0.6, 0.2, 0.2))
    return write_phantoms(config, tmp_path_factory.mktemp("set") / "set")


def run_of(dataset, folder, *overrides, log=lambda _: None, **settings):
    return train(load_config("tiny", [*QUICK, *overrides]), dataset, folder, log=log, **settings)


def scored(patch, *scores):
    """Validation says these, one after the other."""
    values = iter(scores)
    patch.setattr(callbacks, "validation_scores", lambda *_: dict.fromkeys(callbacks.SCORES, next(values)))


@pytest.fixture(scope="module")
def run(dataset, tmp_path_factory):
    """A run in two stages, each of which keeps the model of its last epoch."""
    folder = tmp_path_factory.mktemp("run") / "run"
    with pytest.MonkeyPatch.context() as patch:
        scored(patch, 0.1, 0.2, 0.2, 0.3, 0.4)  # the detector, the detector as the second stage begins, the fusion
        run_of(dataset, folder, STAGED)
    return folder


def assert_same_weights(first, second):
    first, second = first.state_dict(), second.state_dict()
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_the_first_stage_is_a_training_without_records(dataset, run, tmp_path, monkeypatch):
    scored(monkeypatch, 0.1, 0.2)
    alone = run_of(dataset, tmp_path / "alone", *ALONE)
    assert_same_weights(mdfnet.load(run / "image-only" / "model").detector, alone.detector)


def test_the_second_leaves_the_detector_as_it_is(dataset, run):
    first, fused = mdfnet.load(run / "image-only" / "model"), mdfnet.load(run / "model")
    assert_same_weights(first.detector, fused.detector)  # batch statistics, too
    assert read_card(run / "model").training["validation"]["epoch"] == 1, "the last epoch's fusion"
    images, records = [torch.rand(1, 64, 64)] * 2, torch.full((2, len(dataset.schema)), torch.nan)
    for detector in (first.detector, fused.detector):
        detector.net.roi_heads.score_thresh = 0.0
    expected = first.detect(images)
    for found in (fused.detect(images, None), fused.detect(images, records)):
        assert len(found[0]) and all(torch.equal(a.scores, b.scores) for a, b in zip(found, expected, strict=True))
    records[0, dataset.schema.index("temperature")] = 39.0
    one, other = fused.detect(images, records)
    assert not torch.equal(one.scores, expected[0].scores) and torch.equal(other.scores, expected[1].scores)


def test_the_first_stage_may_be_another_runs(dataset, run, tmp_path):
    run_of(dataset, tmp_path / "run", STAGED, image_only=run / "image-only" / "model")
    assert not (tmp_path / "run" / "image-only").exists()
    last = [torch.load(folder / "last.ckpt", weights_only=False)["state_dict"] for folder in (run, tmp_path / "run")]
    assert last[0].keys() == last[1].keys()
    assert [key for key in last[0] if not torch.equal(last[0][key], last[1][key])] == []


def test_both_stages_leave_their_histories(run):
    for folder in (run, run / "image-only"):
        assert len((folder / "history.csv").read_text().splitlines()) == 3
    assert load_config(run / "config.yaml").train.fusion_epochs == 2
    assert not (run / "image-only" / "last.ckpt").exists()


class Killed(Exception):
    """The process is gone."""


class StopAt(Callback):
    """Stands for a killed process, in one of the stages."""

    def __init__(self, epoch: int, fused: bool):
        self.epoch, self.fused = epoch, fused

    def on_train_epoch_start(self, trainer, training):
        if trainer.current_epoch == self.epoch and (training.model.fusion is not None) == self.fused:
            raise Killed


@pytest.mark.parametrize(
    ("epoch", "fused"),
    [
        pytest.param(1, False, id="in the first"),
        pytest.param(0, True, id="between the two"),
        pytest.param(1, True, id="in the second"),
    ],
)
def test_a_killed_run_goes_on_as_the_unbroken_one(epoch, fused, dataset, tmp_path):
    run_of(dataset, tmp_path / "whole", STAGED)
    with pytest.raises(Killed):
        run_of(dataset, tmp_path / "parts", STAGED, callbacks=[StopAt(epoch, fused)])
    run_of(dataset, tmp_path / "parts", STAGED, resume=True)
    last = [torch.load(tmp_path / name / "last.ckpt", weights_only=False)["state_dict"] for name in ("whole", "parts")]
    assert last[0].keys() == last[1].keys()
    assert [key for key in last[0] if not torch.equal(last[0][key], last[1][key])] == []


def test_a_run_killed_in_its_first_epoch_has_nothing_to_go_on_from(dataset, tmp_path):
    with pytest.raises(Killed):
        run_of(dataset, tmp_path / "run", STAGED, callbacks=[StopAt(0, False)])
    with pytest.raises(mdfnet.UserError, match="nothing to resume"):
        run_of(dataset, tmp_path / "run", STAGED, resume=True)


def test_no_epoch_of_fusion_is_kept_that_is_not_better(dataset, tmp_path, monkeypatch):
    scored(monkeypatch, 0.1, 0.2, 0.3, 0.2, 0.2)
    said = []
    model = run_of(dataset, tmp_path / "run", STAGED, log=said.append)
    assert read_card(tmp_path / "run" / "model").training["validation"]["epoch"] == -1
    assert not any(p.any() for name, p in model.fusion.named_parameters() if ".out." in name), "as it began"
    assert said[2] == "the detector alone  AP@IoU=0.25 0.300  AP@IoU=0.5 0.300  AP@IoBB=0.5 0.300"
    assert model.operating is not None


@pytest.mark.parametrize(
    ("verdicts", "kept"),
    [
        pytest.param(["not shown", "higher"], 1, id="the second"),
        pytest.param(["higher", "not shown"], 0, id="the first"),
        pytest.param(["not shown", "not shown"], -1, id="none"),
    ],
)
def test_an_epoch_of_fusion_is_kept_whose_gain_is_shown(verdicts, kept, dataset, tmp_path, monkeypatch):
    answers, said = [mock.Mock(verdict=name, value=0.1, low=-0.02, high=0.22, p=0.2) for name in verdicts], []
    monkeypatch.setattr(callbacks, "gain", mock.Mock(side_effect=answers))
    scored(monkeypatch, 0.1, 0.2, 0.3, 0.4, 0.5)
    run_of(dataset, tmp_path / "run", STAGED, "fusion_gain=shown", log=said.append)
    assert read_card(tmp_path / "run" / "model").training["validation"]["epoch"] == kept
    words = [
        "  best" if name == "higher" else "not shown to be better: +0.100 (-0.020 to +0.220), p 0.20"
        for name in verdicts
    ]
    assert all(line.endswith(end) for line, end in zip(said[3:5], words, strict=True))


def test_a_detector_that_is_there_gets_a_fusion_and_stays(dataset, run, tmp_path):
    theirs = run / "image-only" / "model"
    model = run_of(dataset, tmp_path / "run", "epochs=0", STAGED, f"detector.weights={theirs}")
    assert_same_weights(mdfnet.load(theirs).detector, model.detector)
    assert not (tmp_path / "run" / "image-only").exists()
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(["epochs=0", STAGED], "give detector.weights and fusion_epochs", id="no detector"),
        pytest.param(["epochs=0", "detector.weights=x"], "give detector.weights and fusion_epochs", id="no fusion"),
        pytest.param(["epochs=0", STAGED, "detector.weights=x", *ALONE], "give detector.weights", id="no records"),
        pytest.param(["epochs=0", STAGED, "detector.weights=x"], "the detector is a saved model's", id="no model"),
        pytest.param(
            ["epochs=0", "fusion_epochs=half", "detector.weights=x"], "give detector.weights", id="half of none"
        ),
        pytest.param(["fusion_epochs=0"], "greater than or equal to 1", id="no epochs"),
        pytest.param([STAGED, "map=paper"], "map paper does not begin as the finished", id="a map that is never zero"),
        pytest.param(
            [STAGED, "vector=concat", "zero_start=false"], "zero_start false does not begin as", id="a fresh layer"
        ),
    ],
)
def test_refused_before_anything_is_written(overrides, message, dataset, tmp_path):
    with pytest.raises(mdfnet.UserError, match=message):
        run_of(dataset, tmp_path / "run", *overrides)
    assert not (tmp_path / "run").exists()


def test_a_detector_of_other_findings_needs_epochs(dataset, run, tmp_path):
    names = ("Fracture", *dataset.classes.names[1:])
    other = dataclasses.replace(dataset, classes=mdfnet.Classes(names))
    with pytest.raises(mdfnet.UserError, match="train the detector too"):
        run_of(other, tmp_path / "run", "epochs=0", STAGED, f"detector.weights={run / 'image-only' / 'model'}")
