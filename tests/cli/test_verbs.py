"""Every verb once from end to end; what it writes is read by readers that are not ours."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.numpy import load_file

import mdfnet

coco = pytest.importorskip("pycocotools.coco")


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_coco(path: Path):
    with contextlib.redirect_stdout(io.StringIO()):
        return coco.COCO(path)


def splits_of(folder: Path) -> dict[str, str]:
    return {row["patient_id"]: row["split"] for row in read_table(folder / "splits.csv")}


def test_phantom(phantom_set):
    truth = read_coco(phantom_set / "annotations.json")
    assert len(truth.imgs) == 24 and {len(mark["segmentation"]) for mark in truth.anns.values()} == {1}
    for image in truth.imgs.values():
        with Image.open(phantom_set / "images" / image["file_name"]) as radiograph:
            assert (radiograph.mode, radiograph.size) == ("L", (64, 64))
    assert [row["image"] for row in read_table(phantom_set / "clinical.csv")] == sorted(
        image["file_name"] for image in truth.imgs.values()
    )
    assert set(splits_of(phantom_set).values()) == {"train", "val", "test"}
    assert yaml.safe_load((phantom_set / "dataset.yaml").read_text())["synthetic"] == ["images", "findings", "clinical"]


def test_import_coco(program, phantom_set, tmp_path):
    options = ["--annotations", phantom_set / "annotations.json", "--images", phantom_set / "images"]
    table = ["--metadata", phantom_set / "clinical.csv", "--column", "image_id=image"]
    answer = program("data", "import", "coco", *options, *table, "--keep-ids", "--out", tmp_path / "ä set")
    assert answer.code == 0 and "wrote 24 images" in answer.out, answer.err
    for name in ("annotations.json", "clinical.csv"):
        assert (tmp_path / "ä set" / name).read_bytes() == (phantom_set / name).read_bytes()
    assert len(splits_of(tmp_path / "ä set")) == 24


def test_import_csv(program, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 2**16, (2, 40, 50), np.uint16)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "images.csv").write_text("image_id,file,patient_id,split,years,sex,view\na,0.png,p,train,61,F,PA\n"
                                        "b,1.png,q,val,,M,AP\n")  # fmt: skip
    (tmp_path / "boxes.csv").write_text("image_id,label,x1,y1,x2,y2\na,Mass,1.5,2,30,39\n")
    files = ["--metadata", tmp_path / "images.csv", "--boxes", tmp_path / "boxes.csv", "--images", tmp_path]
    options = ["--schema", "age-sex-view", "--column", "age=years", "--keep-ids", "--out", tmp_path / "set"]
    assert program("data", "import", "csv", *files, *options).code == 0
    truth = read_coco(tmp_path / "set" / "annotations.json")
    assert [mark["bbox"] for mark in truth.loadAnns(truth.getAnnIds(catIds=truth.getCatIds("Mass")))] == [
        [1.5, 2, 28.5, 37]
    ]
    assert [(row["image"], row["age"], row["sex"]) for row in read_table(tmp_path / "set" / "clinical.csv")] == [
        ("a.png", "61", "F"),
        ("b.png", "", "M"),
    ]
    assert splits_of(tmp_path / "set") == {"p": "train", "q": "val"}
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "set" / "images" / "b.png")), pixels[1])


def test_info(program, phantom_set, tmp_path):
    answer = program("data", "info", phantom_set, "--picture", tmp_path / "sheet.png", "--images", 4)
    assert answer.code == 0 and "24 images, synthetic" in answer.out and "Pleural abnormality" in answer.out
    with Image.open(tmp_path / "sheet.png") as sheet:
        sheet.load()
        assert sheet.format == "PNG" and min(sheet.size) > 64


def test_check(program, phantom_set, tmp_path):
    answer = program("data", "check", phantom_set)
    assert answer.code == 0 and "0 errors" in answer.out
    broken = shutil.copytree(phantom_set, tmp_path / "broken")
    (broken / "images" / "phantom-00000.png").unlink()
    answer = program("data", "check", broken)
    assert answer.code == 1 and "phantom-00000.png" in answer.out and "1 errors" in answer.out


def test_train(run_folder, phantom_set):
    card = json.loads((run_folder / "model" / "model.json").read_text())
    assert card["training"]["images"] == {"train": 17, "val": 3}
    assert card["training"]["synthetic"] == ["images", "findings", "clinical"]
    weights = load_file(run_folder / "model" / "model.safetensors")
    assert all(np.isfinite(values).all() for values in weights.values())
    (row,) = read_table(run_folder / "history.csv")
    assert float(row["loss"]) > 0 and 0 <= float(row["AP@IoU=0.5"]) <= 1
    assert yaml.safe_load((run_folder / "config.yaml").read_text())["input"]["size"] == 64


@pytest.fixture(scope="session")
def evaluation(program, run_folder, phantom_set, tmp_path_factory) -> Path:
    """The run scored on the test images."""
    folder = tmp_path_factory.mktemp("evaluation") / "test"
    answer = program("evaluate", run_folder, phantom_set, "--split", "test", "--out", folder)
    assert answer.code == 0 and "4 images" in answer.out, answer.err
    return folder


def test_evaluate(evaluation, phantom_set):
    """The predictions fit to the dataset's annotations: COCO tools read the two together."""
    truth = read_coco(phantom_set / "annotations.json")
    with contextlib.redirect_stdout(io.StringIO()):
        found = truth.loadRes(str(evaluation / "predictions.json"))
    names = {Path(truth.imgs[mark["image_id"]]["file_name"]).stem for mark in found.anns.values()}
    splits = splits_of(phantom_set)
    assert names and {splits[name] for name in names} == {"test"}
    rows = read_table(evaluation / "predictions.csv")
    assert len(rows) == len(found.anns) and {row["image"] for row in rows} == names
    scores = json.loads((evaluation / "evaluation.json").read_text())
    assert scores["about"]["split"] == "test" and len(scores["evaluation"]["images"]) == 4
    assert len(scores["clinical"]) == 10
    assert all(n["used"] + n["missing"] + n["refused"] == 4 for n in scores["clinical"].values())
    report = (evaluation / "report.html").read_text()
    assert "synthetic" in report and "Not a medical device" in report


def test_compare(program, evaluation, run_folder, phantom_set, tmp_path):
    same = program("compare", evaluation, evaluation, "--out", tmp_path / "same.json")
    assert same.code == 0 and "4 images" in same.out and "a difference is not shown, the interval" in same.out, same.err
    assert json.loads((tmp_path / "same.json").read_text())["differences"][0]["verdict"] in ("not shown", "–")
    assert program("evaluate", run_folder, phantom_set, "--split", "val", "--out", tmp_path / "val").code == 0
    of_runs = program("compare", tmp_path, tmp_path, "--replicates", 20)
    assert of_runs.code == 0 and "3 images" in of_runs.out, of_runs.err
    other = program("compare", evaluation, tmp_path / "val")
    assert other.code == 2 and "evaluated on different images; 7 are only in one of them" in other.err


def test_evaluate_beside_a_second_reading(program, run_folder, phantom_set, tmp_path):
    options = ["--split", "val", "--out", tmp_path / "val", "--replicates", 20, "--second-reading", phantom_set]
    answer = program("evaluate", run_folder, phantom_set, *options)
    assert answer.code == 0 and "second reading, 3 images, IoU 0.5" in answer.out, answer.err
    content = json.loads((tmp_path / "val" / "evaluation.json").read_text())
    assert content["replicates"] == 20
    everything = content["second_reading"]["overlaps"]["IoBB 0.5"][-1]
    assert (everything["sensitivity"], everything["precision"]) == (1, 1)
    assert content["operating_points"][0]["name"] == "max-f1"


def modes(image: Image.Image) -> dict[str, Image.Image]:
    """The same image as other programs save it."""
    deep = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    return {"gray": image, "sixteen bits": deep, **{mode: image.convert(mode) for mode in ("RGB", "RGBA", "P", "LA")}}


def test_predict(program, run_folder, phantom_set, tmp_path):
    """Every way to save an image gives the same boxes, and the files say the same."""
    with Image.open(phantom_set / "images" / "phantom-00001.png") as radiograph:
        for name, image in modes(radiograph).items():
            image.save(tmp_path / f"{name}.png")
    (tmp_path / "record.json").write_text('{"age": 71, "temperature": {"value": 99.5, "unit": "[degF]"}}')
    images = sorted(tmp_path.glob("*.png"))
    options = ["--clinical", tmp_path / "record.json", "--score", 0, "--out", tmp_path / "out"]
    answer = program("predict", run_folder, *images, *options)
    assert answer.code == 0 and answer.out.count("2 of 10 clinical values") == len(images) == 6, answer.err
    rows = read_table(tmp_path / "out" / "predictions.csv")
    boxes = {path.stem: [list(row.values())[1:] for row in rows if row["image"] == path.stem] for path in images}
    assert boxes["gray"] and all(found == boxes["gray"] for found in boxes.values())
    entries = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [entry["image_id"] for entry in entries] == [row["image"] for row in rows]
    for path in images:
        with Image.open(tmp_path / "out" / path.name) as picture:
            picture.load()
            assert picture.format == "PNG"


def test_config(program, tmp_path):
    answer = program("config", "tiny", "epochs=7", "fusion.vector=null")
    content = yaml.safe_load(answer.out)
    assert answer.code == 0 and content["train"]["epochs"] == 7 and content["fusion"]["vector"] is None
    (tmp_path / "mine.yaml").write_text(answer.out)
    assert program("config", tmp_path / "mine.yaml").out == answer.out


def test_version(program):
    assert program("--version").out == f"mdfnet {mdfnet.__version__}\n"
