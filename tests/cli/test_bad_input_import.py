"""Bad input of `mdfnet data import`: one line that says what and where, nothing under the final name."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from bad_input import assert_refused, case, full_disk
from PIL import Image

IMAGES = "image_id,age,sex,view\nf0.png,50,M,PA\nf1.png,60,F,AP\n"
BOXES = "image_id,label,x1,y1,x2,y2\nf0.png,Mass,1,1,20,20\nf1.png,Nodule,2,2,30,30\n"
BOX = "f0.png,Mass,1,1,20,20"


@pytest.fixture
def hospital(tmp_path) -> Path:
    """Two images and their tables, as a user brings them."""
    for name in ("f0", "f1"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def import_csv(program, hospital, images: str | bytes = IMAGES, boxes: str | bytes = BOXES, *options: object):
    for name, text in (("images.csv", images), ("boxes.csv", boxes)):
        (hospital / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    files = ["--metadata", hospital / "images.csv", "--boxes", hospital / "boxes.csv", "--images", hospital]
    out = [] if "--out" in options else ["--out", hospital / "out"]
    return program("data", "import", "csv", *files, "--schema", "age-sex-view", *out, *options)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        case("id twice", "f1.png", "f0.png", ["images.csv row 3", "stands in row 2 already"]),
        case("no id", "f1.png,60", ",60", ["images.csv row 3", "'image_id' is empty"]),
        case("two images of one name", "f1.png,60", "f0,60", ["no such image"]),
        case("decimal comma between commas", "50", "50,5", ["images.csv row 2", "decimals with a point"]),
        case("decimal comma in quotes", "50", '"50,5"', ["images.csv row 2", "age has a comma in a number"]),
        case("implausible", "50", "500", ["images.csv row 2", "age is 500 a, outside", "0 to 120"]),
        case("no number", "50", "old", ["images.csv row 2", "age is 'old', not a number"]),
        case("unknown category", ",M", ",X", ["images.csv row 2", "sex is 'X', not one of F, M"]),
        case("column missing", ",age", ",years", ["images.csv", "no column 'age'"]),
        case("cells missing", ",60,F,AP", "", ["images.csv row 3", "1 cells under 4 columns"]),
        case("quote left open", "f1.png", '"f1.png', ["images.csv row", "not a table"]),
        case("image missing", "f1.png", "f2.png", ["f2.png", "no such image"]),
        case("image is a folder", "f1.png", ".", ["Is a directory"]),
        case("line break in a name", "f1.png,60", '"f\n1.png",60', ["no such image"]),
    ],
)
def test_images_table(program, hospital, old, new, words):
    answer = import_csv(program, hospital, IMAGES.replace(old, new, 1), BOXES[: BOXES.index("f1")])
    assert_refused(answer, hospital, *words)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        case("no width", "f0.png,Mass,5,5,5,9", ["boxes.csv row 2", "5, 5, 5, 9 has no area"]),
        case("upside down", "f0.png,Mass,5,9,9,5", ["boxes.csv row 2", "has no area"]),
        case("NaN", "f0.png,Mass,nan,5,9,9", ["boxes.csv row 2", "x1 is 'nan', not a number"]),
        case("infinite as a float32", "f0.png,Mass,1,5,1e39,9", ["boxes.csv row 2", "x2 is '1e39', not a number"]),
        case("outside", "f0.png,Mass,90,90,99,99", ["boxes.csv row 2", "outside the image of 64 x 64 pixels"]),
        case("no label", "f0.png,,1,1,20,20", ["boxes.csv row 2", "no label"]),
        case("image unknown", "f9.png,Mass,1,1,20,20", ["boxes.csv row 2", "the image of this box is not in"]),
        case("decimal comma in quotes", 'f0.png,Mass,"1,5",1,20,20', ["boxes.csv row 2", "x1 has a comma in a number"]),
    ],
)
def test_boxes_table(program, hospital, box, words):
    assert_refused(import_csv(program, hospital, IMAGES, BOXES.replace(BOX, box)), hospital, *words)


@pytest.mark.parametrize(
    ("images", "boxes", "words"),
    [
        case("empty file", "", BOXES, ["images.csv", "the table is empty"]),
        case("header alone", IMAGES.splitlines()[0], BOXES.splitlines()[0], ["boxes.csv", "no classes are known"]),
        case("a picture", b"\x89PNG\r\n\x1a\n", BOXES, ["images.csv row 1", "not UTF-8"]),
        case("UTF-16", IMAGES.encode("utf-16"), BOXES, ["images.csv row 1", "not UTF-8"]),
        case("zero bytes", IMAGES + "\0", BOXES, ["images.csv", "binary data"]),
    ],
)
def test_files_that_are_no_tables(program, hospital, images, boxes, words):
    assert_refused(import_csv(program, hospital, images, boxes), hospital, *words)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["without byte-order mark", "with byte-order mark"])
def test_tables_of_a_german_spreadsheet_are_read(program, hospital, mark):
    images, boxes = (mark + text.replace(",", ";") for text in (IMAGES.replace("50", "50.5"), BOXES))
    boxes = boxes.replace("1;1;20", "1,5;1;20")
    answer = import_csv(program, hospital, images.replace(".5", ",5"), boxes, "--keep-ids")
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
        case("column not there", ["--column", "age=years"], ["images.csv", "no column 'years'"]),
        case("links with hashes", ["--link"], ["--link shows the names of the images", "--keep-ids"]),
        case("a key for nothing", ["--keep-ids", "--key-file", "{}/key"], ["leaves nothing to hash"]),
        case("no key but an image", ["--key-file", "{}/f0.png"], ["f0.png", "key"]),
        case("key given away", ["--key-file", "{}/out/key"], ["out/key", "inside the dataset folder"]),
        case("linkage given away", ["--linkage", "{}/out/ids.csv"], ["out/ids.csv", "inside the dataset folder"]),
        case("not a pair", ["--unit", "age"], ["--unit 'age' is not NAME=VALUE"]),
        case("unknown unit", ["--unit", "age=parsec"], ["unknown unit 'parsec'"]),
        case("unit of another dimension", ["--unit", "age=Cel"], ["'Cel' (temperature) does not fit"]),
        case("shares are no numbers", ["--fraction", "train=most"], ["--fraction train=most"]),
        case("shares are NaN", ["--fraction", "train=nan"], ["do not add up to 1"]),
        case("shares do not add up", ["--fraction", "train=0.2"], ["do not add up to 1"]),
        case("no such schema", ["--schema", "mimic"], ["no clinical schema or YAML file 'mimic'", "mimic-ed"]),
        case("into the current folder", ["--out", "."], ["exists already"]),
        case("into a file's place", ["--out", "{}/f0.png"], ["f0.png", "exists already"]),
        case("below a file", ["--out", "{}/f0.png/set"], ["f0.png/set", "cannot be a folder"]),
    ],
)
def test_import_options(program, hospital, options, words):
    options = [option.format(hospital) for option in options]
    assert_refused(import_csv(program, hospital, IMAGES, BOXES, *options), hospital, *words)


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
    answer = import_csv(program, hospital, IMAGES, BOXES, "--schema", hospital / "schema.yaml")
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
        case("no file name", "images", {"file_name": ""}, ["image name ''"]),
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


def test_full_disk_while_importing(program, hospital):
    with mock.patch("shutil.copyfile", full_disk):
        answer = import_csv(program, hospital)
    assert_refused(answer, hospital, "No space left on device", str(hospital / "out"))


def test_interrupt_while_importing(program, hospital):
    with mock.patch("shutil.copyfile", side_effect=KeyboardInterrupt):
        answer = import_csv(program, hospital)
    assert answer.code == 130 and answer.err == "interrupted; what was complete is kept\n"
    assert not [file for file in hospital.iterdir() if file.name == "out" or file.name.startswith(".")]
