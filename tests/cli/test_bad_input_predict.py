"""Bad input of `mdfnet predict`: one line that says what and where, nothing under the final name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from bad_input import assert_refused, case, cut, full_disk


@pytest.fixture
def model(run_folder, tmp_path) -> Path:
    """The trained model, to be broken."""
    return Path(shutil.copytree(run_folder / "model", tmp_path / "model"))


def card(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        case("no card", lambda m: (m / "model.json").unlink(), ["no model here"]),
        case("no weights", lambda m: (m / "model.safetensors").unlink(), ["model.safetensors is missing"]),
        case("weights cut off", cut("model.safetensors", 5000), ["not the file model.json was written with"]),
        case("weights emptied", cut("model.safetensors", 0), ["not the file model.json was written with"]),
        case("card cut off", cut("model.json", 300), ["model.json row", "not JSON"]),
        case("card of a later version", card(format_version=3), ["model.json", "later mdfnet (format 3)"]),
        case("version is text", card(format_version="one"), ["model.json", "format_version"]),
        case("version missing", card(format_version=None), ["model.json", "format_version"]),
        case("config of a later version", card(config={"version": 9}), ["model.json", "config.version"]),
        case("no classes", card(classes={}), ["model.json", "no classes"]),
        case("fewer classes than weights", card(classes={"A": 1}), ["model.safetensors", "do not fit"]),
        case("nothing fitted", card(fitted={}), ["model.json", "fitted needs mean, std and mode"]),
        case("fitted to fewer features", card(fitted={key: [1] for key in ("mean", "std", "mode")}), ["fitted needs"]),
        case("other preprocessing", card(preprocessing={"name": "gray", "version": 9}), ["preprocessing"]),
    ],
)
def test_broken_models(program, model, phantom_set, tmp_path, change, words):
    change(model)
    image = phantom_set / "images" / "phantom-00000.png"
    assert_refused(program("predict", model, image, "--out", tmp_path / "out"), tmp_path, *words)


HEADER = "image,age,temperature,heartrate,resprate,o2sat,sbp,dbp,pain,acuity,gender\n"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        case("no column image", "a.csv", HEADER.replace("image", "scan"), ["a.csv", "no column 'image'"]),
        case("a feature without column", "a.csv", "image,age\nphantom-00000,50\n", ["a.csv", "'temperature'"]),
        case("image twice", "a.csv", HEADER + 2 * "phantom-00000,50,,,,,,,,,\n", ["a.csv row 3", "in row 2 already"]),
        case(
            "image twice under two names",
            "a.csv",
            HEADER + "phantom-00000,50,,,,,,,,,\nphantom-00000.png,60,,,,,,,,,\n",
            ["a.csv", "two records for image 'phantom-00000'"],
        ),
        case("other images only", "a.csv", HEADER + "phantom-7,50,,,,,,,,,\n", ["a.csv", "no record", "phantom-7"]),
        case("other images only, JSON", "a.json", '{"x": {"age": 50}}', ["a.json", "no record for any of the images"]),
        case("a list", "a.json", "[1]", ["a.json", "a JSON object is expected"]),
        case("empty file", "a.json", "", ["a.json row 1", "not JSON"]),
        case("nested without end", "a.json", "[" * 100_000, ["a.json", "not JSON"]),
        case("key twice", "a.json", '{"age": 50, "age": 60}', ["a.json", "key 'age' is duplicated"]),
        case("unknown feature", "a.json", '{"agee": 50}', ["a.json", "'agee'", "did you mean 'age'"]),
        case("implausible", "a.json", '{"age": 500}', ["a.json", "age is 500 a, outside"]),
        case("beyond any float", "a.json", '{"age": 1%s}' % ("0" * 400), ["a.json", "age is inf a, outside"]),
        case("swapped", "a.json", '{"sbp": 70, "dbp": 120}', ["a.json", "below dbp 120 mm[Hg]; looks swapped"]),
        case("unit unknown", "a.json", '{"sbp": {"value": 99, "unit": "mmHg"}}', ["'mmHg'", "did you mean 'mm[Hg]'"]),
        case("unit is a list", "a.json", '{"sbp": {"value": 99, "unit": []}}', ["sbp", "unknown unit []"]),
        case("unit without value", "a.json", '{"sbp": {"unit": "mm[Hg]"}}', ["sbp needs keys 'value' and 'unit'"]),
        case("a spreadsheet", "a.xlsx", b"PK\x03\x04\xff", ["a.xlsx", "not UTF-8"]),
        case("no file", None, None, ["no such file"]),
    ],
)
def test_records(program, run_folder, phantom_set, tmp_path, name, content, words):
    path = tmp_path / (name or "nowhere.csv")
    if name:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    image = phantom_set / "images" / "phantom-00000.png"
    answer = program("predict", run_folder, image, "--clinical", path, "--out", tmp_path / "out")
    assert_refused(answer, tmp_path, *words)


STRANGE = [
    case(
        "JSON",
        "a.json",
        '{"age": 500, "temperature": 98.6, "o2sat": 0.97, "pain": 3, "sbp": 70, "dbp": 120, "lactate": 2}',
        ["  not used: lactate is not a feature of the model"],
    ),
    case(
        "CSV",
        "a.csv",
        HEADER.replace(",age", ",lactate,age") + "phantom-00000,2,500,98.6,,,0.97,70,120,3,,\n",
        ["note: columns that the model does not know are not used: lactate"],
    ),
]


@pytest.mark.parametrize(("name", "content", "words"), STRANGE)
def test_implausible_values_can_be_missing_and_are_said(
    program, run_folder, phantom_set, tmp_path, name, content, words
):
    (tmp_path / name).write_text(content)
    arguments = [run_folder, phantom_set / "images" / "phantom-00000.png", "--clinical", tmp_path / name]
    answer = program("predict", *arguments, "--invalid", "missing", "--out", tmp_path / "out")
    assert answer.code == 0 and "(1 of 10 clinical values: pain)" in answer.out, answer.err
    reasons = [
        "age is 500 a, outside the plausible 0 to 120 a; looks like mo, wk or d",
        "temperature is 98.6 Cel, outside the plausible 25 to 45 Cel; looks like [degF]",
        "o2sat is 0.97 %, outside the plausible 30 to 100 %; looks like a fraction of 1",
        "sbp is 70 mm[Hg], below dbp 120 mm[Hg]; looks swapped",
    ]
    lines = answer.out.splitlines()
    assert [line for line in lines if line.startswith("  refused")] == [f"  refused: {reason}" for reason in reasons]
    assert all(word in lines for word in words)
    (use,) = json.loads((tmp_path / "out" / "clinical.json").read_text()).values()
    assert use["used"] == ["pain"] and use["missing"] == ["heartrate", "resprate", "acuity", "gender"]
    assert list(use["refused"].values()) == [*reasons, reasons[-1]]


def test_a_picture_never_takes_an_images_place(program, run_folder, phantom_set, tmp_path):
    image = shutil.copy(phantom_set / "images" / "phantom-00000.png", tmp_path / "image.png")
    before = image.read_bytes()
    assert_refused(program("predict", run_folder, image, "--out", tmp_path), tmp_path, "take the place of the image")
    assert image.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["image.png"]


def test_images_of_one_name(program, run_folder, phantom_set, tmp_path):
    image = phantom_set / "images" / "phantom-00000.png"
    (tmp_path / "b").mkdir()
    other = shutil.copy(image, tmp_path / "b" / image.name)
    answer = program("predict", run_folder, image, other, "--out", tmp_path / "out")
    assert_refused(answer, tmp_path, "two images are called 'phantom-00000'")


def test_one_bad_image_costs_only_itself(program, run_folder, phantom_set, tmp_path):
    image = phantom_set / "images" / "phantom-00000.png"
    (tmp_path / "cut.png").write_bytes(image.read_bytes()[:300])
    (tmp_path / "text.png").write_text("hello")
    images = [tmp_path / "cut.png", image, tmp_path / "text.png", tmp_path / "nowhere.png", tmp_path]
    answer = program("predict", run_folder, *images, "--out", tmp_path / "out")
    assert answer.code == 2 and answer.out.count("left out: ") == 4 and "wrote 1 image to" in answer.out
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert written == {"phantom-00000.png", "clinical.json", "predictions.csv", "predictions.json"}


def test_full_disk_while_predicting(program, run_folder, phantom_set, tmp_path):
    image = phantom_set / "images" / "phantom-00000.png"
    with mock.patch("os.replace", full_disk):
        answer = program("predict", run_folder, image, "--out", tmp_path / "results")
    assert_refused(answer, tmp_path, "No space left on device", "phantom-00000.png")
    assert list((tmp_path / "results").iterdir()) == []
