"""``mdfnet explain`` as a user runs it: pages and files, and what it says to what it cannot use."""

import json

import pytest


def test_an_image_with_its_record(program, phantom_set, tmp_path):
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"age": 61, "temperature": 38.6, "heartrate": 90}))
    image = phantom_set / "images" / "phantom-00000.png"
    answer = program("explain", "demo", image, "--clinical", record, "--out", tmp_path / "out", "--orders", 2)
    assert answer.code == 0, answer.err
    text = (tmp_path / "out" / "explanation.html").read_text()
    assert "temperature 38.6 °C" in text or "<dt>temperature</dt> <dd>38.6 °C" in text
    assert "Not a medical device" in answer.out and "mdfnet explain demo" in text


def test_an_image_of_a_dataset(program, phantom_set, tmp_path):
    options = ("--case", "phantom-00001", "--orders", 2, "--score", 0, "--out", tmp_path / "out")
    answer = program("explain", "demo", phantom_set, *options)
    assert answer.code == 0, answer.err
    text = (tmp_path / "out" / "explanation.html").read_text()
    assert "<h1>phantom-00001</h1>" in text and "Synthetic: images, findings, clinical records" in text
    assert text.count("<figcaption><b>Occlusion</b>") == text.count("<figcaption><b>Gradient</b>") > 0


def test_a_split(program, phantom_set, tmp_path):
    options = ("--split", "train", "--images", 3, "--orders", 2, "--out", tmp_path / "out")
    answer = program("explain", "demo", phantom_set, *options)
    assert answer.code == 0, answer.err
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "explanation.html",
        "explanation.json",
        "importance.csv",
    }
    content = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert content["reliance"]["images"] == 3 and len(content["importance"]) == 5
    assert "3 images" in answer.out and "the mean AP is" in answer.out


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        pytest.param(".", ["--case", "phantom-0000"], ["no image 'phantom-0000'", "did you mean"], id="no such image"),
        pytest.param(
            "images/phantom-00000.png", ["--case", "x"], ["--case names an image of a dataset"], id="a case of an image"
        ),
        pytest.param(".", ["--clinical", "r.json"], ["leave out --clinical"], id="a record for a dataset"),
        pytest.param(".", ["--split", "vall"], ["unknown split 'vall'"], id="no such split"),
        pytest.param("images/nowhere.png", [], ["no such image", "nowhere.png"], id="no such file"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(program, phantom_set, tmp_path, source, options, words):
    answer = program("explain", "demo", phantom_set / source, *options, "--out", tmp_path / "out")
    assert answer.code == 2 and answer.err.startswith("error: ") and answer.err.count("\n") == 1, answer.err
    assert [word for word in words if word not in answer.err] == [], answer.err
    assert not (tmp_path / "out").exists()
