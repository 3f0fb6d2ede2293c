"""A run: what it leaves, that it can be resumed exactly, and that it stops well."""

import csv
import dataclasses
import os
import subprocess
import sys

import pytest
import torch
from lightning.pytorch.callbacks import Callback

import mdfnet
from mdfnet.models.card import read_card
from mdfnet.models.config import load_config
from mdfnet.models.model import Model
from mdfnet.training.module import LearnedSum, Training
from mdfnet.training.train import train

QUICK = ["size=64", "batch_size=4", "fusion_epochs=null"]  # both stages: test_stages.py


@pytest.fixture
def dataset(tiny_dataset):
    return tiny_dataset(count=16, schema="mimic-ed")


class Killed(Exception):
    """The process is gone."""


class StopAfter(Callback):
    """Stands for a killed process: the run ends behind the epoch's checkpoint."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_train_epoch_start(self, trainer, training):
        if trainer.current_epoch == self.epoch:
            raise Killed


def run_of(dataset, folder, *overrides, **settings):
    return train(load_config("tiny", [*QUICK, *overrides]), dataset, folder, log=lambda _: None, **settings)


def weights(run):
    return torch.load(run / "last.ckpt", weights_only=False)["state_dict"]


def assert_equal_weights(first, second):
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_a_run_leaves_all_that_is_needed(dataset, tmp_path):
    model = run_of(dataset, tmp_path / "run", "epochs=2")
    assert isinstance(model, Model)
    with (tmp_path / "run" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"loss", "loss_classifier", "AP@IoU=0.5", "lr", "seconds"} <= set(rows[0])
    assert load_config(tmp_path / "run" / "config.yaml").train.epochs == 2
    assert any((tmp_path / "run" / "logs").glob("events*"))
    facts = read_card(tmp_path / "run" / "model").training
    assert facts["fingerprint"] == dataset.fingerprint and facts["images"]["train"] == len(dataset.split("train"))
    known = [sample.clinical[0] for sample in dataset.split("train") if sample.clinical[0] == sample.clinical[0]]
    assert model.fitted.mean[0] == pytest.approx(sum(known) / len(known)), "fitted on the training split only"


def test_without_tensorboard_a_run_is_whole_and_says_what_is_not_there(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("mdfnet.training.train.find_spec", lambda name: None)
    lines = []
    train(load_config("tiny", [*QUICK, "epochs=1"]), dataset, tmp_path / "run", log=lines.append)
    assert (tmp_path / "run" / "history.csv").is_file() and not (tmp_path / "run" / "logs").exists()
    assert sum("no TensorBoard logs" in line and "pip install 'mdfnet[tensorboard]'" in line for line in lines) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param([], id="as it is"),
        pytest.param(["ema=0.9"], id="with averaged weights"),
        pytest.param(["loss=learned"], id="with learned loss weights"),
        pytest.param(["accumulate=2", "balance=true"], id="with accumulation and balanced sampling"),
        pytest.param(["fusion_epochs=4"], id="in the first of two stages"),
    ],
)
def test_two_epochs_resumed_and_two_more_are_four(overrides, dataset, tmp_path):
    run_of(dataset, tmp_path / "whole", "epochs=4", *overrides)
    with pytest.raises(Killed):
        run_of(dataset, tmp_path / "parts", "epochs=4", *overrides, callbacks=[StopAfter(2)])
    run_of(dataset, tmp_path / "parts", "epochs=4", *overrides, resume=True)
    assert_equal_weights(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    columns = slice(0, 9)  # all but learning rate's rounding and the seconds
    whole, parts = ((tmp_path / name / "history.csv").read_text().splitlines() for name in ("whole", "parts"))
    assert [row.split(",")[columns] for row in whole] == [row.split(",")[columns] for row in parts]


def test_the_same_seed_gives_the_same_weights_and_another_others(dataset, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run_of(dataset, tmp_path / name, "epochs=1", f"seed={seed}")
    assert_equal_weights(weights(tmp_path / "a"), weights(tmp_path / "b"))
    with pytest.raises(AssertionError):
        assert_equal_weights(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_the_test_split_is_never_read(dataset, tmp_path):
    hidden = [
        dataclasses.replace(sample, image=tmp_path / "not-there.png") if sample.split == "test" else sample
        for sample in dataset.samples
    ]
    run_of(dataclasses.replace(dataset, samples=tuple(hidden)), tmp_path / "run", "epochs=1")


def test_patience_ends_a_run_that_does_not_improve(dataset, tmp_path):
    run_of(dataset, tmp_path / "run", "epochs=9", "patience=1", "lr=1e-9")
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) - 1 < 9


def test_a_loss_that_is_not_finite_names_the_images_and_keeps_the_last_epoch(dataset, tmp_path, monkeypatch):
    def poisoned(self, images, targets, clinical, original=Model.losses):
        losses = original(self, images, targets, clinical)
        return losses | {"loss_classifier": losses["loss_classifier"] * float("nan")} if poison else losses

    poison = False
    monkeypatch.setattr(Model, "losses", poisoned)
    run = tmp_path / "run"

    class Poison(Callback):
        def on_train_epoch_start(self, trainer, training):
            nonlocal poison
            poison = trainer.current_epoch == 1

    with pytest.raises(mdfnet.UserError, match="loss_classifier = nan") as caught:
        run_of(dataset, run, "epochs=2", callbacks=[Poison()])
    assert any(sample.id in str(caught.value) for sample in dataset.split("train"))
    assert torch.load(run / "last.ckpt", weights_only=False)["epoch"] == 0
    assert mdfnet.load(run / "model") is not None


@pytest.mark.parametrize(
    ("overrides", "resume", "message"),
    [
        pytest.param(["epochs=1"], False, "not empty", id="a run of that name"),
        pytest.param(["epochs=3"], True, "config differs", id="resumed with another config"),
    ],
)
def test_a_run_is_not_overwritten(overrides, resume, message, dataset, tmp_path):
    run_of(dataset, tmp_path / "run", "epochs=1")
    with pytest.raises(mdfnet.UserError, match=message):
        run_of(dataset, tmp_path / "run", *overrides, resume=resume)


def test_nothing_to_resume(dataset, tmp_path):
    with pytest.raises(mdfnet.UserError, match="no run to resume here"):
        run_of(dataset, tmp_path / "run", "epochs=1", resume=True)


def test_a_split_without_findings_is_refused(dataset, tmp_path):
    bare = mdfnet.Target.of([], [])
    samples = [dataclasses.replace(s, target=bare) if s.split == "val" else s for s in dataset.samples]
    with pytest.raises(mdfnet.UserError, match="'val' has a finding"):
        run_of(dataclasses.replace(dataset, samples=tuple(samples)), tmp_path / "run", "epochs=1")


def test_learned_weights_fall_for_large_losses():
    weigh = LearnedSum(["a", "b"])
    optimizer = torch.optim.SGD(weigh.parameters(), 0.1)
    for _ in range(50):
        optimizer.zero_grad()
        weigh({"a": torch.tensor(10.0), "b": torch.tensor(0.1)}).backward()
        optimizer.step()
    assert weigh.p["a"] > weigh.p["b"]


def test_norms_and_biases_do_not_decay(dataset):
    model = mdfnet.build("tiny", size=64)
    training = Training(model, ["loss_classifier"])
    training._trainer = type("Trainer", (), {"estimated_stepping_batches": 10})()
    decayed, free = training.configure_optimizers()["optimizer"].param_groups
    assert decayed["weight_decay"] > 0 and all(p.ndim > 1 for p in decayed["params"])
    assert free["weight_decay"] == 0 and all(p.ndim <= 1 for p in free["params"])


DDP = """
import sys
from mdfnet.models.config import load_config
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.training.train import train
if __name__ == "__main__":
    config = load_config("tiny", ["size=64", "batch_size=2", "epochs=1", *sys.argv[3:]])
    train(config, read_dataset(sys.argv[1]), sys.argv[2], devices=2)
"""


@pytest.mark.parametrize("overrides", [[], ["fusion_epochs=1"]], ids=["jointly", "in two stages"])
def test_two_processes_train_one_model(overrides, dataset, tmp_path):
    (tmp_path / "ddp.py").write_text(DDP)
    command = [sys.executable, tmp_path / "ddp.py", dataset.folder, tmp_path / "run", *overrides]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 2
    assert mdfnet.load(tmp_path / "run" / "model") is not None
