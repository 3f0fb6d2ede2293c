"""What mdfnet 0.1 wrote, in which images were films, is read as what it was."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from small_model import IMAGE, RECORDS

import mdfnet
from mdfnet.models.card import CARD, DEMO_MODEL, FORMAT_VERSION, WEIGHTS, read_card
from mdfnet.models.operating_points import OPERATING

#: ``model.json`` and ``operating.json`` of the shipped model, as they were.
FORMAT_1 = Path(__file__).parent / "format_1"


@pytest.fixture
def saved(tmp_path):
    """A model's folder of that format; its weights have the same format still."""
    folder = shutil.copytree(FORMAT_1, tmp_path / "model")
    shutil.copy(DEMO_MODEL / WEIGHTS, folder)
    assert json.loads((folder / CARD).read_text())["format_version"] == 1
    return folder


def test_a_saved_model_finds_the_same(saved):
    model, demo = mdfnet.load(saved), mdfnet.load("demo")
    for found, expected in zip(model.detect(IMAGE * 3, RECORDS), demo.detect(IMAGE * 3, RECORDS), strict=True):
        assert torch.equal(found.boxes, expected.boxes) and torch.equal(found.scores, expected.scores)
        assert found.record == expected.record
    assert model.config.detector == demo.config.detector and model.config.input == demo.config.input
    assert [point.thresholds for point in model.operating.points] == [p.thresholds for p in demo.operating.points]
    rates = [point.false_positives_per_image for point in model.operating.points]
    assert rates == [point.false_positives_per_image for point in demo.operating.points]


def test_its_card_is_read_in_the_words_of_now(saved):
    card = read_card(saved)
    assert card.format_version == FORMAT_VERSION and card.preprocessing["name"] == "gray"
    assert card.training["images"] == {"train": 1020, "val": 180}
    assert card.training["synthetic"] == ["images", "findings", "clinical"]


def test_saved_again_it_has_the_format_of_now(saved, tmp_path):
    mdfnet.load(saved).save(tmp_path / "again")
    written = (tmp_path / "again" / CARD).read_text() + (tmp_path / "again" / OPERATING).read_text()
    assert '"format_version": 2' in written.replace('":2', '": 2') and "per_film" not in written


TINY = """
name: tiny
input: {size: 160}
detector: {proposals_train: 200, proposals_test: 100, rois_per_film: 32, detections: 20}
train: {epochs: 10, batch_size: 8, lr: 0.002}
"""


@pytest.mark.parametrize("head", ["", "version: 1\n"], ids=["without a version", "with its version"])
def test_a_config_file_is_read(head, tmp_path):
    (tmp_path / "old.yaml").write_text(head + TINY)
    assert mdfnet.load_config(tmp_path / "old.yaml") == mdfnet.load_config("tiny")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("films: 3", "unknown key 'films'", id="former name of something else"),
        pytest.param("detector: {rois_per_film: 3, rois_per_image: 4}", "has both", id="both names"),
    ],
)
def test_a_config_names_what_was_written(text, words, tmp_path):
    (tmp_path / "old.yaml").write_text(text)
    with pytest.raises(mdfnet.UserError, match=words):
        mdfnet.load_config(tmp_path / "old.yaml")


@pytest.mark.parametrize(
    "overrides",
    [["rois_per_film=48"], ["detector.rois_per_film=48"], {"rois_per_film": 48}],
    ids=["short", "dotted", "a mapping"],
)
def test_an_override_by_the_name_of_then(overrides):
    assert mdfnet.load_config("tiny", overrides) == mdfnet.load_config("tiny", ["rois_per_image=48"])
    assert mdfnet.build("tiny", rois_per_film=48).config.detector.rois_per_image == 48
