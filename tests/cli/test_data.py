import json

import pytest
from typer.testing import CliRunner

from mdfnet.cli.data import app
from mdfnet.cli.imports import pairs
from mdfnet.core.errors import UserError
from mdfnet.data.dataset_folder import read_dataset


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_csv_import_info_check(tiny_dataset, tmp_path):
    tiny = tiny_dataset()
    boxes = "image,label,x1,y1,x2,y2\n" + "".join(
        f"{sample.id}.png,{tiny.classes.name(label)},{','.join(map(str, box))}\n"
        for sample in tiny.samples
        for box, label in zip(sample.target.boxes, sample.target.labels, strict=True)
    )
    (tmp_path / "boxes.csv").write_text(boxes)
    out = tmp_path / "out"
    options = ["--images", tiny.folder / "images", "--schema", "age-sex-view", "--out", out, "--link", "--keep-ids"]
    images = [
        "--metadata",
        tiny.folder / "clinical.csv",
        "--column",
        "image_id=image",
        "--fraction",
        "train=0.5",
        "--fraction",
        "val=0.5",
    ]
    result = run("import", "csv", "--boxes", tmp_path / "boxes.csv", *images, *options)
    assert result.exit_code == 0, result.output
    assert "wrote 12 images with 12 boxes of 2 classes" in result.output and "split by patient (12)" in result.output
    assert {sample.split for sample in read_dataset(out).samples} == {"train", "val"}
    shown = run("info", out, "--picture", tmp_path / "sheet.png")
    assert shown.exit_code == 0 and "Atelectasis" in shown.output and "median" in shown.output
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    assert run("check", out).exit_code == 0


def test_coco_import_gives_back_the_dataset(tiny_dataset, tmp_path):
    tiny = tiny_dataset()
    table = (tiny.folder / "clinical.csv").read_text()
    (tmp_path / "images.csv").write_text(table.replace("image,", "image_id,", 1))
    arguments = ["--annotations", tiny.folder / "annotations.json", "--images", tiny.folder / "images"]
    options = [
        "--metadata",
        tmp_path / "images.csv",
        "--schema",
        "age-sex-view",
        "--keep-ids",
        "--out",
        tmp_path / "out",
    ]
    assert run("import", "coco", *arguments, *options).exit_code == 0
    for name in ("annotations.json", "clinical.csv"):
        assert (tmp_path / "out" / name).read_text() == (tiny.folder / name).read_text()


def test_check_exits_with_1_and_lists_all_on_demand(tiny_dataset):
    folder = tiny_dataset().folder
    for image in range(5):
        (folder / "images" / f"image{image}.png").write_bytes(b"")
    result = run("check", folder)
    assert result.exit_code == 1 and "and 2 more of image-unreadable" in result.output and "5 errors" in result.output
    everything = run("check", folder, "--all")
    assert all(f"image{image}.png" in everything.output for image in range(5))


def test_check_fails_a_pipeline_on_warnings_unless_they_are_known(tiny_dataset):
    folder = tiny_dataset().folder
    found = json.loads(run("check", folder, "--json").output)
    assert (found["errors"], found["ignored"]) == (0, 0) and found["warnings"] > 0
    assert run("check", folder).exit_code == 0 and run("check", folder, "--strict").exit_code == 1
    known = {entry["id"] for entry in found["findings"] if entry["severity"] == "warning"}
    ignored = [word for kind in known for word in ("--ignore", kind)]
    result = run("check", folder, "--strict", *ignored)
    assert result.exit_code == 0 and f"{found['warnings']} ignored" in result.output
    kinds = {"id", "severity", "message", "file", "row", "fix", "count", "images", "boxes"}
    assert all(set(entry) == kinds for entry in found["findings"])
    with pytest.raises(UserError, match="--ignore 'image-txt' is no kind of finding; did you mean 'image-text'"):
        CliRunner().invoke(app, ["check", str(folder), "--ignore", "image-txt"], catch_exceptions=False)


def test_phantom(tmp_path):
    result = run("phantom", "--count", 3, "--size", 64, "--out", tmp_path / "p")
    assert result.exit_code == 0 and "3 synthetic images" in result.output
    assert read_dataset(tmp_path / "p").synthetic == ("images", "findings", "clinical")


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["temperature"], id="no value"),
        pytest.param(["=x"], id="no name"),
        pytest.param(["a="], id="empty value"),
        pytest.param(["a=1", "a=2"], id="twice"),
    ],
)
def test_malformed_pairs(texts):
    with pytest.raises(UserError, match="--unit"):
        pairs(texts, "--unit")


VERBS = [
    *(f"import {form}" for form in ("csv", "coco", "dicom", "voc", "yolo")),
    *(f"export {form}" for form in ("coco", "voc", "yolo")),
    *(f"clinical {source}" for source in ("fhir", "mapping", "omop")),
    *("info", "check", "phantom", "labels"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example(verb):
    result = run(*verb.split(), "--help")
    assert result.exit_code == 0 and f"Example: mdfnet data {verb}" in result.output
