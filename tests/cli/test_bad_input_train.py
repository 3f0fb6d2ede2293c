"""Bad input of `mdfnet train` and `config`: one line that says what and where, nothing under the final name."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from unittest import mock

import pytest
from bad_input import annotations, assert_refused, case, cut, full_disk, image, text
from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.models.load import load
from mdfnet.training.module import Training


def one_class(folder: Path) -> None:
    """Only boxes of class 1 stay, and only that class."""
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    kept = [mark for mark in content["annotations"] if mark["category_id"] == 1]
    annotations(annotations=kept, categories=content["categories"][:1])(folder)
    lines = (folder / "dataset.yaml").read_text().splitlines()
    start, end = lines.index("- id: 1"), lines.index("clinical_schema:")
    (folder / "dataset.yaml").write_text("\n".join([*lines[: start + 2], *lines[end:]]))


DESCRIPTION = "format_version: 2\nname: x\nclasses: []\nclinical_schema: mimic-ed\n"


def swap_for_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        case("image truncated", lambda f: image((f / "images/phantom-00000.png").read_bytes()[:300])(f), ["damaged"]),
        case("image is text", image(b"hello"), ["phantom-00000.png", "not a PNG, JPEG or DICOM image"]),
        case("image is empty", image(b""), ["phantom-00000.png", "empty"]),
        case(
            "image of another size",
            lambda f: Image.new("L", (32, 48)).save(f / "images/phantom-00000.png"),
            ["phantom-00000.png", "has 32 x 48 pixels, its annotations are for 64 x 64"],
        ),
        case(
            "image missing", lambda f: (f / "images/phantom-00000.png").unlink(), ["phantom-00000.png", "no such image"]
        ),
        case("no images at all", annotations(images=[], annotations=[]), ["annotations.json", "no images"]),
        case("no boxes at all", annotations(annotations=[]), ["no image of the split 'train' has a finding"]),
        case(
            "no validation images", text("splits.csv", ",val", ",train"), ["splits.csv", "no image is in split 'val'"]
        ),
        case("no splits", lambda f: (f / "splits.csv").unlink(), ["splits.csv", "no image is in split 'train'"]),
        case("no such split", text("splits.csv", ",val", ",dev"), ["splits.csv row", "split is 'dev'"]),
        case("of a later version", text("dataset.yaml", "version: 2", "version: 3"), ["dataset.yaml", "later"]),
        case("no classes", lambda f: (f / "dataset.yaml").write_text(DESCRIPTION), ["dataset.yaml", "classes"]),
        case("not YAML", lambda f: (f / "dataset.yaml").write_text("a: ["), ["dataset.yaml row 1", "not YAML"]),
        case("implausible value", text("clinical.csv", ",37.2,", ",372,"), ["clinical.csv row", "372 Cel, outside"]),
        case("a folder for a file", lambda f: swap_for_folder(f / "clinical.csv"), ["clinical.csv", "Is a directory"]),
        case("width is true", text("annotations.json", '"width": 64', '"width": true'), ["no valid 'width'"]),
    ],
)
def test_train_on_broken_datasets(program, data, quick, tmp_path, change, words):
    change(data)
    answer = program("train", data, *quick, "--out", tmp_path / "out")
    shutil.rmtree(tmp_path / "out", ignore_errors=True)  # a run that began notes its config; see the test below
    assert_refused(answer, tmp_path, *words)


def test_one_class_is_enough(program, data, quick, tmp_path):
    one_class(data)
    text("splits.csv", ",test", ",val")(data)
    answer = program("train", data, *quick, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert list(json.loads((tmp_path / "run/model/model.json").read_text())["classes"].values()) == [1]


def test_validation_without_findings(program, data, quick, tmp_path):
    splits = dict(line.split(",") for line in (data / "splits.csv").read_text().splitlines()[1:])
    content = json.loads((data / "annotations.json").read_text())
    val = {image["id"] for image in content["images"] if splits[image["file_name"][:-4]] == "val"}
    annotations(annotations=[mark for mark in content["annotations"] if mark["image_id"] not in val])(data)
    answer = program("train", data, *quick, "--out", tmp_path / "out")
    assert_refused(answer, tmp_path, "no image of the split 'val' has a finding", str(data))


def test_a_run_that_never_finished_an_epoch_can_be_started_again(program, data, quick, tmp_path):
    whole = (data / "images/phantom-00000.png").read_bytes()
    image(b"")(data)
    assert program("train", data, *quick, "--out", tmp_path / "run").code == 2
    image(whole)(data)
    again = program("train", data, *quick, "--out", tmp_path / "run")
    assert again.code == 2 and "or remove it" in again.err
    resumed = program("train", data, *quick, "--out", tmp_path / "run", "--resume")
    assert resumed.code == 2 and "no epoch was finished" in resumed.err


@pytest.mark.parametrize(
    ("override", "words"),
    [
        case("misspelled", "epoch=3", ["'epoch'", "did you mean 'train.epochs'"]),
        case("no value", "epochs", ["'epochs' is not key=value"]),
        case("not YAML", "epochs=[1", ["'epochs=[1'", "not YAML"]),
        case("text for a number", "epochs=many", ["train.epochs = 'many'"]),
        case("no epochs", "epochs=0", ["train.epochs = 0"]),
        case("not finite", "lr=.inf", ["train.lr"]),
        case("division by zero", "std=[0]", ["input.std"]),
        case("no anchors", "anchor_sizes=[]", ["detector.anchor_sizes"]),
        case("anchors of no size", "anchor_ratios=[0]", ["detector.anchor_ratios"]),
        case("seed beyond NumPy's", "seed=99999999999", ["train.seed"]),
        case("of a later version", "version=3", ["version"]),
        case("no such backbone", "backbone=resnet", ["detector.backbone", "no torchvision classifier 'resnet'"]),
        case("no such weights", "weights=imagenet", ["detector.weights", "'imagenet'"]),
    ],
)
def test_overrides(program, phantom_set, quick, tmp_path, override, words):
    assert_refused(program("train", phantom_set, *quick, override, "--out", tmp_path / "out"), tmp_path, *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        case("of a later version", b"version: 9\nnew: 1", ["mine.yaml", "version 9 is later than 2"]),
        case("unknown key", b"trian: {}", ["mine.yaml", "unknown key 'trian'"]),
        case("a list", b"[1]", ["mine.yaml"]),
        case("not YAML", b"a:\n  b: [", ["mine.yaml row 2", "not YAML"]),
        case("not text", b"\xff\xfe", ["mine.yaml row 1", "not UTF-8"]),
        case("nested without end", b"[" * 20_000, ["mine.yaml", "not YAML"]),
    ],
)
def test_config_files(program, tmp_path, content, words):
    (tmp_path / "mine.yaml").write_bytes(content)
    assert_refused(program("config", tmp_path / "mine.yaml"), tmp_path, *words)


def forgotten(run):
    """No epoch of either stage is left."""
    (run / "last.ckpt").unlink()
    shutil.rmtree(run / "image-only")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        case("nothing saved yet", forgotten, ["no epoch was finished"]),
        case("checkpoint cut off", cut("last.ckpt", 1000), ["last.ckpt", "damaged"]),
        case("another config", text("config.yaml", "epochs: 1", "epochs: 2"), ["config.yaml", "differs"]),
    ],
)
def test_resume(program, run_folder, phantom_set, quick, tmp_path, change, words):
    run = Path(shutil.copytree(run_folder, tmp_path / "run"))
    change(run)
    assert_refused(program("train", phantom_set, *quick, "--out", run, "--resume"), tmp_path, *words)


def test_resume_on_another_dataset(program, run_folder, data, quick, tmp_path):
    text("clinical.csv", ",37.2,", ",37.3,")(data)
    run = shutil.copytree(run_folder, tmp_path / "run")
    answer = program("train", data, *quick, "--out", run, "--resume")
    assert_refused(answer, tmp_path, str(data), "not the dataset the run began with")


def test_a_run_is_never_overwritten(program, run_folder, phantom_set, quick, tmp_path):
    before = (run_folder / "last.ckpt").read_bytes()
    assert_refused(program("train", phantom_set, *quick, "--out", run_folder), tmp_path, "not empty", "--resume")
    assert (run_folder / "last.ckpt").read_bytes() == before


@pytest.mark.parametrize("method", ["write_text", "write_bytes"])
def test_full_disk_while_a_model_is_replaced(run_folder, tmp_path, method):
    """The disk fills up while the second epoch's model is saved: that of the first stays whole."""
    folder = tmp_path / "model"
    model = load(run_folder / "model")
    model.save(folder)
    with mock.patch.object(Path, method, full_disk), pytest.raises(UserError, match="No space left"):
        model.save(folder)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    load(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupt_while_training(program, phantom_set, quick, tmp_path, number):
    """Ctrl-C in the second epoch: what the first left is whole, and the run goes on from it."""
    original = Training.on_train_epoch_start

    def interrupt(training):
        original(training)
        if training.current_epoch == 1:
            signal.raise_signal(number)

    arguments = ["train", phantom_set, *quick, "epochs=3", "fusion_epochs=null", "--out", tmp_path / "run"]
    handler = signal.getsignal(signal.SIGINT)
    try:
        with mock.patch.object(Training, "on_train_epoch_start", interrupt):
            answer = program(*arguments)
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning ignores further ones
    assert answer.code == 130 and answer.err.endswith("interrupted; what was complete is kept\n")
    load(tmp_path / "run" / "model")
    again = program(*arguments, "--resume")
    assert again.code == 0 and "epoch   2/3" in again.out and "epoch   1/3" not in again.out


@pytest.mark.parametrize("name", ["last.ckpt", "history.csv", "model.safetensors"])
def test_full_disk_while_training(program, phantom_set, quick, tmp_path, name):
    """The disk is full when a file of the run is to take its place: said in one line, and no part of it is there."""
    replace = os.replace

    def full(source, target):
        if Path(target).name == name:
            full_disk(target)
        replace(source, target)

    write = Path.write_bytes

    def full_write(path, content):
        return full_disk(path) if path.name == name else write(path, content)

    with mock.patch("os.replace", full), mock.patch.object(Path, "write_bytes", full_write):
        answer = program("train", phantom_set, *quick, "--out", tmp_path / "run")
    assert_refused(answer, tmp_path, "No space left on device", str(tmp_path / "run"))
    assert not [file for file in (tmp_path / "run").rglob("*") if file.name == name or file.name.startswith(".")]
