"""Whatever is wrong with the input: exit code 2, one line that says what and where, nothing under the final name."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from mdfnet import checkpoint
from mdfnet.errors import UserError
from mdfnet.training.module import Training

FILMS = "image_id,age,sex,view\nf0.png,50,M,PA\nf1.png,60,F,AP\n"
BOXES = "image_id,label,x1,y1,x2,y2\nf0.png,Mass,1,1,20,20\nf1.png,Nodule,2,2,30,30\n"
BOX = "f0.png,Mass,1,1,20,20"


def assert_refused(answer, folder: Path, *words: str) -> None:
    """One line of error with the words, and neither ``out`` nor a draft of it in the folder."""
    assert answer.code == 2, answer
    assert answer.err.startswith("error: ") and answer.err.count("\n") == 1, answer.err
    assert [word for word in words if word not in answer.err] == [], answer.err
    assert [file.name for file in folder.iterdir() if file.name == "out" or file.name.startswith(".")] == []


def case(reason: str, *values: object):
    return pytest.param(*values, id=reason)


@pytest.fixture
def hospital(tmp_path) -> Path:
    """Two films and their tables, as a user brings them."""
    for name in ("f0", "f1"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def import_csv(program, hospital, films: str | bytes = FILMS, boxes: str | bytes = BOXES, *options: object):
    for name, text in (("films.csv", films), ("boxes.csv", boxes)):
        (hospital / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    files = ["--films", hospital / "films.csv", "--boxes", hospital / "boxes.csv", "--images", hospital]
    out = [] if "--out" in options else ["--out", hospital / "out"]
    return program("data", "import", "csv", *files, "--schema", "age-sex-view", *out, *options)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        case("id twice", "f1.png", "f0.png", ["films.csv row 3", "stands in row 2 already"]),
        case("no id", "f1.png,60", ",60", ["films.csv row 3", "'image_id' is empty"]),
        case("two films of one name", "f1.png,60", "f0,60", ["no such film"]),
        case("decimal comma between commas", "50", "50,5", ["films.csv row 2", "decimals with a point"]),
        case("decimal comma in quotes", "50", '"50,5"', ["films.csv row 2", "age has a comma in a number"]),
        case("implausible", "50", "500", ["films.csv row 2", "age is 500 a, outside", "0 to 120"]),
        case("no number", "50", "old", ["films.csv row 2", "age is 'old', not a number"]),
        case("unknown category", ",M", ",X", ["films.csv row 2", "sex is 'X', not one of F, M"]),
        case("column missing", ",age", ",years", ["films.csv", "no column 'age'"]),
        case("cells missing", ",60,F,AP", "", ["films.csv row 3", "1 cells under 4 columns"]),
        case("quote left open", "f1.png", '"f1.png', ["films.csv row", "not a table"]),
        case("film missing", "f1.png", "f2.png", ["f2.png", "no such film"]),
        case("film is a folder", "f1.png", ".", ["Is a directory"]),
        case("line break in a name", "f1.png,60", '"f\n1.png",60', ["no such film"]),
    ],
)
def test_films_table(program, hospital, old, new, words):
    answer = import_csv(program, hospital, FILMS.replace(old, new, 1), BOXES[: BOXES.index("f1")])
    assert_refused(answer, hospital, *words)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        case("no width", "f0.png,Mass,5,5,5,9", ["boxes.csv row 2", "5, 5, 5, 9 has no area"]),
        case("upside down", "f0.png,Mass,5,9,9,5", ["boxes.csv row 2", "has no area"]),
        case("NaN", "f0.png,Mass,nan,5,9,9", ["boxes.csv row 2", "x1 is 'nan', not a number"]),
        case("infinite as a float32", "f0.png,Mass,1,5,1e39,9", ["boxes.csv row 2", "x2 is '1e39', not a number"]),
        case("outside", "f0.png,Mass,90,90,99,99", ["boxes.csv row 2", "outside the film of 64 x 64 pixels"]),
        case("no label", "f0.png,,1,1,20,20", ["boxes.csv row 2", "no label"]),
        case("film unknown", "f9.png,Mass,1,1,20,20", ["boxes.csv row 2", "the film of this box is not in"]),
        case("decimal comma in quotes", 'f0.png,Mass,"1,5",1,20,20', ["boxes.csv row 2", "x1 has a comma in a number"]),
    ],
)
def test_boxes_table(program, hospital, box, words):
    assert_refused(import_csv(program, hospital, FILMS, BOXES.replace(BOX, box)), hospital, *words)


@pytest.mark.parametrize(
    ("films", "boxes", "words"),
    [
        case("empty file", "", BOXES, ["films.csv", "the table is empty"]),
        case("header alone", FILMS.splitlines()[0], BOXES.splitlines()[0], ["boxes.csv", "no classes are known"]),
        case("a picture", b"\x89PNG\r\n\x1a\n", BOXES, ["films.csv row 1", "not UTF-8"]),
        case("UTF-16", FILMS.encode("utf-16"), BOXES, ["films.csv row 1", "not UTF-8"]),
        case("zero bytes", FILMS + "\0", BOXES, ["films.csv", "binary data"]),
    ],
)
def test_files_that_are_no_tables(program, hospital, films, boxes, words):
    assert_refused(import_csv(program, hospital, films, boxes), hospital, *words)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["without byte-order mark", "with byte-order mark"])
def test_tables_of_a_german_spreadsheet_are_read(program, hospital, mark):
    films, boxes = (mark + text.replace(",", ";") for text in (FILMS.replace("50", "50.5"), BOXES))
    boxes = boxes.replace("1;1;20", "1,5;1;20")
    answer = import_csv(program, hospital, films.replace(".5", ",5"), boxes, "--keep-ids")
    assert answer.code == 0, answer.err
    assert "f0.png,f0,PA,50.5,M\n" in (hospital / "out" / "clinical.csv").read_text()
    marks = json.loads((hospital / "out" / "annotations.json").read_text())["annotations"]
    assert marks[0]["bbox"] == [1.5, 1, 18.5, 19]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        case("class twice", ["--class", "Mass", "--class", "Mass"], ["must be unique"]),
        case("class not named", ["--class", "Mass"], ["boxes.csv row 3", "unknown class 'Nodule'"]),
        case("column of nothing", ["--column", "agee=age"], ["'agee'", "did you mean 'age'"]),
        case("column not there", ["--column", "age=years"], ["films.csv", "no column 'years'"]),
        case("links with hashes", ["--link"], ["--link shows the names of the films", "--keep-ids"]),
        case("a key for nothing", ["--keep-ids", "--key-file", "{}/key"], ["leaves nothing to hash"]),
        case("no key but a film", ["--key-file", "{}/f0.png"], ["f0.png", "key"]),
        case("key given away", ["--key-file", "{}/out/key"], ["out/key", "inside the dataset folder"]),
        case("linkage given away", ["--linkage", "{}/out/ids.csv"], ["out/ids.csv", "inside the dataset folder"]),
        case("not a pair", ["--unit", "age"], ["--unit 'age' is not NAME=VALUE"]),
        case("unknown unit", ["--unit", "age=parsec"], ["unknown unit 'parsec'"]),
        case("unit of another dimension", ["--unit", "age=Cel"], ["'Cel' (temperature) does not fit"]),
        case("shares are no numbers", ["--fraction", "train=most"], ["--fraction train=most"]),
        case("shares are NaN", ["--fraction", "train=nan"], ["do not add up to 1"]),
        case("shares do not add up", ["--fraction", "train=0.2"], ["do not add up to 1"]),
        case("no such schema", ["--schema", "mimic"], ["no clinical schema 'mimic'", "mimic-ed"]),
        case("into the current folder", ["--out", "."], ["exists already"]),
        case("into a file's place", ["--out", "{}/f0.png"], ["f0.png", "exists already"]),
        case("below a file", ["--out", "{}/f0.png/set"], ["f0.png/set", "Not a directory"]),
    ],
)
def test_import_options(program, hospital, options, words):
    options = [option.format(hospital) for option in options]
    assert_refused(import_csv(program, hospital, FILMS, BOXES, *options), hospital, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        case("not YAML", "name: [", ["schema.yaml row 1", "not YAML"]),
        case("no features", "name: x\nfeatures: []", ["schema.yaml", "at least one feature"]),
        case("number without range", "name: x\nfeatures: [{name: a, kind: number, meaning: m}]", ["needs unit"]),
        case("not text", b"\xff\xfe\0", ["schema.yaml row 1", "not UTF-8"]),
    ],
)
def test_own_schema(program, hospital, text, words):
    (hospital / "schema.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    answer = import_csv(program, hospital, FILMS, BOXES, "--schema", hospital / "schema.yaml")
    assert_refused(answer, hospital, *words)


COCO = {
    "images": [{"id": 1, "file_name": "f0.png", "width": 64, "height": 64}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 1, 20, 20]}],
    "categories": [{"id": 3, "name": "Mass"}],
}


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        case("NaN box", "annotations", {"bbox": [float("nan"), 1, 2, 3]}, ["annotation 1", "not four finite numbers"]),
        case("box beyond any float", "annotations", {"bbox": [1, 1, 10**400, 3]}, ["annotation 1", "not four finite"]),
        case("no width", "annotations", {"bbox": [1, 1, 0, 3]}, ["annotation 1", "no area: width 0"]),
        case("category unknown", "annotations", {"category_id": 9}, ["unknown category id 9", "known are: 3"]),
        case("category without name", "categories", {"name": ""}, ["categories", "no name"]),
        case("category id is true", "categories", {"id": True}, ["categories", "no valid 'id'"]),
        case("another size", "images", {"width": 65}, ["image 1", "has 64 x 64 pixels, not 65 x 64"]),
        case("no file name", "images", {"file_name": ""}, ["film name ''"]),
        case("out of the folder", "images", {"file_name": "../f0.png"}, ["'../f0.png'", "not a plain path"]),
    ],
)
def test_coco_entries(program, hospital, part, change, words):
    (hospital / "coco.json").write_text(json.dumps(COCO | {part: [COCO[part][0] | change]}))
    arguments = ["--annotations", hospital / "coco.json", "--images", hospital, "--out", hospital / "out"]
    assert_refused(program("data", "import", "coco", *arguments), hospital, *words)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps(COCO)[:80], "[" * 100_000], ids=lambda text: text[:9])
def test_files_that_are_no_coco(program, hospital, text):
    (hospital / "coco.json").write_text(text)
    arguments = ["--annotations", hospital / "coco.json", "--images", hospital, "--out", hospital / "out"]
    assert_refused(program("data", "import", "coco", *arguments), hospital, "coco.json")


@pytest.fixture
def data(phantom_set, tmp_path) -> Path:
    """The phantoms, to be broken."""
    return Path(shutil.copytree(phantom_set, tmp_path / "data"))


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        before = (folder / name).read_text()
        assert old in before
        (folder / name).write_text(before.replace(old, new))

    return change


def annotations(**parts: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "annotations.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | parts))

    return change


def film(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "images" / "phantom-00000.png").write_bytes(content)


def one_class(folder: Path) -> None:
    """Only boxes of class 1 stay, and only that class."""
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    kept = [mark for mark in content["annotations"] if mark["category_id"] == 1]
    annotations(annotations=kept, categories=content["categories"][:1])(folder)
    lines = (folder / "dataset.yaml").read_text().splitlines()
    start, end = lines.index("- id: 1"), lines.index("clinical_schema:")
    (folder / "dataset.yaml").write_text("\n".join([*lines[: start + 2], *lines[end:]]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        case("film truncated", lambda f: film((f / "images/phantom-00000.png").read_bytes()[:300])(f), ["damaged"]),
        case("film is text", film(b"hello"), ["phantom-00000.png", "not a PNG, JPEG or DICOM film"]),
        case("film is empty", film(b""), ["phantom-00000.png", "empty"]),
        case(
            "film of another size",
            lambda f: Image.new("L", (32, 48)).save(f / "images/phantom-00000.png"),
            ["phantom-00000.png", "has 32 x 48 pixels, its annotations are for 64 x 64"],
        ),
        case(
            "film missing", lambda f: (f / "images/phantom-00000.png").unlink(), ["phantom-00000.png", "no such film"]
        ),
        case("no films at all", annotations(images=[], annotations=[]), ["annotations.json", "no films"]),
        case("no boxes at all", annotations(annotations=[]), ["no film of the split 'train' has a finding"]),
        case("no validation films", text("splits.csv", ",val", ",train"), ["splits.csv", "no film is in split 'val'"]),
        case("no splits", lambda f: (f / "splits.csv").unlink(), ["splits.csv", "no film is in split 'train'"]),
        case("no such split", text("splits.csv", ",val", ",dev"), ["splits.csv row", "split is 'dev'"]),
        case("of a later version", text("dataset.yaml", "version: 1", "version: 2"), ["dataset.yaml", "later"]),
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


DESCRIPTION = "format_version: 1\nname: x\nclasses: []\nclinical_schema: mimic-ed\n"


def swap_for_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


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
    assert_refused(answer, tmp_path, "no film of the split 'val' has a finding", str(data))


def test_a_run_that_never_finished_an_epoch_can_be_started_again(program, data, quick, tmp_path):
    whole = (data / "images/phantom-00000.png").read_bytes()
    film(b"")(data)
    assert program("train", data, *quick, "--out", tmp_path / "run").code == 2
    film(whole)(data)
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
        case("of a later version", "version=2", ["version"]),
        case("no such backbone", "backbone=resnet", ["detector.backbone", "no torchvision classifier 'resnet'"]),
        case("no such weights", "weights=imagenet", ["detector.weights", "'imagenet'"]),
    ],
)
def test_overrides(program, phantom_set, quick, tmp_path, override, words):
    assert_refused(program("train", phantom_set, *quick, override, "--out", tmp_path / "out"), tmp_path, *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        case("of a later version", b"version: 9\nnew: 1", ["mine.yaml", "version 9 is later than 1"]),
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


@pytest.fixture
def model(run_folder, tmp_path) -> Path:
    """The trained model, to be broken."""
    return Path(shutil.copytree(run_folder / "model", tmp_path / "model"))


def card(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        case("no card", lambda m: (m / "model.json").unlink(), ["no model here"]),
        case("no weights", lambda m: (m / "model.safetensors").unlink(), ["model.safetensors is missing"]),
        case("weights cut off", cut("model.safetensors", 5000), ["not the file model.json was written with"]),
        case("weights emptied", cut("model.safetensors", 0), ["not the file model.json was written with"]),
        case("card cut off", cut("model.json", 300), ["model.json row", "not JSON"]),
        case("card of a later version", card(format_version=2), ["model.json", "later mdfnet (format 2)"]),
        case("version is text", card(format_version="one"), ["model.json", "format_version"]),
        case("version missing", card(format_version=None), ["model.json", "format_version"]),
        case("config of a later version", card(config={"version": 9}), ["model.json", "config.version"]),
        case("no classes", card(classes={}), ["model.json", "no classes"]),
        case("fewer classes than weights", card(classes={"A": 1}), ["model.safetensors", "do not fit"]),
        case("nothing fitted", card(fitted={}), ["model.json", "fitted needs mean, std and mode"]),
        case("fitted to fewer features", card(fitted={key: [1] for key in ("mean", "std", "mode")}), ["fitted needs"]),
        case("other preprocessing", card(preprocessing={"name": "grey", "version": 9}), ["preprocessing"]),
    ],
)
def test_broken_models(program, model, phantom_set, tmp_path, change, words):
    change(model)
    film = phantom_set / "images" / "phantom-00000.png"
    assert_refused(program("predict", model, film, "--out", tmp_path / "out"), tmp_path, *words)


HEADER = "image,age,temperature,heartrate,resprate,o2sat,sbp,dbp,pain,acuity,gender\n"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        case("no column image", "a.csv", HEADER.replace("image", "film"), ["a.csv", "no column 'image'"]),
        case("a feature without column", "a.csv", "image,age\nphantom-00000,50\n", ["a.csv", "'temperature'"]),
        case("film twice", "a.csv", HEADER + 2 * "phantom-00000,50,,,,,,,,,\n", ["a.csv row 3", "in row 2 already"]),
        case(
            "film twice under two names",
            "a.csv",
            HEADER + "phantom-00000,50,,,,,,,,,\nphantom-00000.png,60,,,,,,,,,\n",
            ["a.csv", "two records for film 'phantom-00000'"],
        ),
        case("other films only", "a.csv", HEADER + "phantom-7,50,,,,,,,,,\n", ["a.csv", "no record", "phantom-7"]),
        case("other films only, JSON", "a.json", '{"x": {"age": 50}}', ["a.json", "no record for any of the films"]),
        case("a list", "a.json", "[1]", ["a.json", "a JSON object is expected"]),
        case("empty file", "a.json", "", ["a.json row 1", "not JSON"]),
        case("nested without end", "a.json", "[" * 100_000, ["a.json", "not JSON"]),
        case("key twice", "a.json", '{"age": 50, "age": 60}', ["a.json", "key 'age' stands twice"]),
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
    film = phantom_set / "images" / "phantom-00000.png"
    answer = program("predict", run_folder, film, "--clinical", path, "--out", tmp_path / "out")
    assert_refused(answer, tmp_path, *words)


STRANGE = [
    case(
        "JSON",
        "a.json",
        '{"age": 500, "temperature": 98.6, "o2sat": 0.97, "pain": 3, "sbp": 70, "dbp": 120, "lactate": 2}',
        ["  not used: lactate is no feature of the model"],
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


def test_a_picture_never_takes_a_films_place(program, run_folder, phantom_set, tmp_path):
    film = shutil.copy(phantom_set / "images" / "phantom-00000.png", tmp_path / "film.png")
    before = film.read_bytes()
    assert_refused(program("predict", run_folder, film, "--out", tmp_path), tmp_path, "take the place of the film")
    assert film.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["film.png"]


def test_films_of_one_name(program, run_folder, phantom_set, tmp_path):
    film = phantom_set / "images" / "phantom-00000.png"
    (tmp_path / "b").mkdir()
    other = shutil.copy(film, tmp_path / "b" / film.name)
    answer = program("predict", run_folder, film, other, "--out", tmp_path / "out")
    assert_refused(answer, tmp_path, "two films are called 'phantom-00000'")


def test_one_bad_film_costs_only_itself(program, run_folder, phantom_set, tmp_path):
    film = phantom_set / "images" / "phantom-00000.png"
    (tmp_path / "cut.png").write_bytes(film.read_bytes()[:300])
    (tmp_path / "text.png").write_text("hello")
    films = [tmp_path / "cut.png", film, tmp_path / "text.png", tmp_path / "nowhere.png", tmp_path]
    answer = program("predict", run_folder, *films, "--out", tmp_path / "out")
    assert answer.code == 2 and answer.out.count("left out: ") == 4 and "wrote 1 films" in answer.out
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert written == {"phantom-00000.png", "clinical.json", "predictions.csv", "predictions.json"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        case("no such split", ["{run}", "{data}", "--split", "dev"], ["unknown split 'dev'"]),
        case("no model", ["{data}", "{data}"], ["no model here"]),
        case("no dataset", ["{run}", "{run}"], ["dataset.yaml", "no such file"]),
        case("a file for a dataset", ["{run}", "{data}/splits.csv"], ["Not a directory"]),
    ],
)
def test_evaluate_arguments(program, run_folder, phantom_set, tmp_path, arguments, words):
    arguments = [argument.format(run=run_folder, data=phantom_set) for argument in arguments]
    assert_refused(program("evaluate", *arguments, "--out", tmp_path / "out"), tmp_path, *words)


def rename_class(folder: Path) -> None:
    for name in ("annotations.json", "dataset.yaml"):
        text(name, "Atelectasis", "Mass")(folder)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        case("other classes", rename_class, [], ["classes", "Mass", "Atelectasis"]),
        case("other ranges", text("dataset.yaml", "low: 25.0", "low: 20.0"), [], ["differ in 'temperature'"]),
        case("nothing boxed", annotations(annotations=[]), ["--boxed"], ["'test' has a finding", "leave out --boxed"]),
        case("no test films", text("splits.csv", ",test", ",val"), [], ["splits.csv", "no film is in split 'test'"]),
    ],
)
def test_evaluate_on_what_does_not_fit(program, run_folder, data, tmp_path, change, options, words):
    change(data)
    assert_refused(program("evaluate", run_folder, data, *options, "--out", tmp_path / "out"), tmp_path, *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        case("no file", None, ["evaluation.json", "no such file"]),
        case("cut off", '{"about": {', ["evaluation.json row 1", "not JSON"]),
        case("a list", "[]", ["evaluation.json", "not an evaluation"]),
        case("without scores", '{"about": {}, "evaluation": {"truths": 3}}', ["evaluation.json", "not an evaluation"]),
    ],
)
def test_compare_needs_evaluations(program, tmp_path, content, words):
    if content is not None:
        (tmp_path / "evaluation.json").write_text(content)
    assert_refused(program("compare", tmp_path, tmp_path), tmp_path, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        case("nothing saved yet", lambda run: (run / "last.ckpt").unlink(), ["no epoch was finished"]),
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


def full_disk(path: Path, *_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("method", ["write_text", "write_bytes"])
def test_full_disk_while_a_model_is_replaced(run_folder, tmp_path, method):
    """The disk fills up while the second epoch's model is saved: that of the first stays whole."""
    folder = tmp_path / "model"
    model = checkpoint.load(run_folder / "model")
    model.save(folder)
    with mock.patch.object(Path, method, full_disk), pytest.raises(UserError, match="No space left"):
        model.save(folder)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    checkpoint.load(folder)


def test_full_disk_while_importing(program, hospital):
    with mock.patch("shutil.copyfile", full_disk):
        answer = import_csv(program, hospital)
    assert_refused(answer, hospital, "No space left on device", str(hospital / "out"))


def test_interrupt_while_importing(program, hospital):
    with mock.patch("shutil.copyfile", side_effect=KeyboardInterrupt):
        answer = import_csv(program, hospital)
    assert answer.code == 130 and answer.err == "interrupted; what was complete is kept\n"
    assert not [file for file in hospital.iterdir() if file.name == "out" or file.name.startswith(".")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupt_while_training(program, phantom_set, quick, tmp_path, number):
    """Ctrl-C in the second epoch: what the first left is whole, and the run goes on from it."""
    begun = Training.on_train_epoch_start

    def interrupt(training):
        begun(training)
        if training.current_epoch == 1:
            signal.raise_signal(number)

    arguments = ["train", phantom_set, *quick, "epochs=3", "--out", tmp_path / "run"]
    handler = signal.getsignal(signal.SIGINT)
    try:
        with mock.patch.object(Training, "on_train_epoch_start", interrupt):
            answer = program(*arguments)
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning ignores further ones
    assert answer.code == 130 and answer.err.endswith("interrupted; what was complete is kept\n")
    checkpoint.load(tmp_path / "run" / "model")
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


def test_full_disk_while_predicting(program, run_folder, phantom_set, tmp_path):
    film = phantom_set / "images" / "phantom-00000.png"
    with mock.patch("os.replace", full_disk):
        answer = program("predict", run_folder, film, "--out", tmp_path / "results")
    assert_refused(answer, tmp_path, "No space left on device", "phantom-00000.png")
    assert list((tmp_path / "results").iterdir()) == []


def test_full_disk_while_evaluating(program, run_folder, phantom_set, tmp_path):
    with mock.patch("os.replace", full_disk):
        answer = program("evaluate", run_folder, phantom_set, "--out", tmp_path / "results")
    assert_refused(answer, tmp_path, "No space left on device", "evaluation.json")
    assert list((tmp_path / "results").iterdir()) == []
