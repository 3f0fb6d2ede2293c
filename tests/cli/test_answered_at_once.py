"""Mistakes in what is given are answered before torch, or anything else that takes seconds, is imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bad_input import case

#: ``mdfnet`` in which an import of these fails.
WITHOUT = """
import sys
for name in ("torch", "torchvision", "lightning", "matplotlib", "scipy.optimize", "sklearn", "pydicom", "duckdb"):
    sys.modules[name] = None
from mdfnet.cli import main
main()
"""


@pytest.fixture(scope="module")
def places(run_folder, phantom_set, tmp_path_factory) -> dict[str, Path]:
    """What a command line can name."""
    folder = tmp_path_factory.mktemp("at-once")
    (folder / "agee.json").write_text('{"agee": 50}')
    (folder / "implausible.json").write_text('{"age": 500}')
    (folder / "text.png").write_text("hello")
    (folder / "node.yaml").write_text(
        f"model: {folder}/nowhere\nsource: {{kind: orthanc, url: http://127.0.0.1:1}}\nstate: {folder}/state\n"
    )
    (folder / "misspelled.yaml").write_text("modle: demo\n")
    other = Path(shutil.copytree(phantom_set, folder / "other"))
    for name in ("annotations.json", "dataset.yaml"):
        path = other / name
        path.write_text(path.read_text().replace("Atelectasis", "Mass"))
    image = phantom_set / "images" / "phantom-00000.png"
    return {
        "run": run_folder,
        "data": phantom_set,
        "image": image,
        "other": other,
        "here": folder,
        "file": other / "dataset.yaml",
    }


CASES = [
    case("train: dataset", "train {here}/nowhere", "nowhere: no such folder"),
    case("train: key", "train {data} epoch=3", "did you mean 'train.epochs'"),
    case("train: value", "train {data} epochs=many", "train.epochs = 'many'"),
    case("train: preset", "train {data} --config tinny", "did you mean 'tiny'"),
    case("train: detector", "train {data} detector.name=rcn", "no detector 'rcn'; did you mean 'rcnn'"),
    case("train: weights", "train {data} detector.weights={here}/a.safetensors", "a.safetensors: no such weights file"),
    case("train: weights' folder", "train {data} detector.weights=runs/no", "runs/no: no such weights file or folder"),
    case("train: no run", "train {data} --resume --out {here}/new", "no run to resume here"),
    case("train: folder of the run", "train {data} --config tiny --out {run}", "the run's folder is not empty"),
    case("train: nothing to resume", "train {data} --resume --out {here}", "nothing to resume"),
    case("train: another config", "train {data} --resume --out {run}", "the config differs from the run's"),
    case("train: file in the way", "train {data} --config tiny --out {file}/x", "cannot be a folder: {file} is none"),
    case("evaluate: file in the way", "evaluate {run} {data} --out {file}/x", "cannot be a folder"),
    case("evaluate: into a dataset", "evaluate {run} {data} --out {data}", "a dataset's folder, where no evaluation"),
    case("evaluate: into a run", "evaluate {run} {data} --out {run}", "a run's folder, where no evaluation"),
    case("evaluate: into a model", "evaluate {run} {data} --out {run}/model", "a model's folder, where no evaluation"),
    case("predict: file in the way", "predict {run} {image} --out {file}", "is a file, not a folder"),
    case("predict: folder", "predict {run} {data}/images", "a folder, not an image; give its images: {data}/images/*"),
    case("predict: not an image", "predict {run} {file}", "not a PNG, JPEG or DICOM image"),
    case("predict: none is an image", "predict {run} {file} {here}/no.png", "not a PNG, JPEG or DICOM image"),
    case("report: file in the way", "report {run}/val --out {file}/x", "cannot be a folder"),
    case("explain: file in the way", "explain {run} {image} --out {file}/x", "cannot be a folder"),
    case("experiment: file in the way", "experiment ablation --data {data} --out {file}/x", "cannot be a folder"),
    case(
        "import: file in the way",
        "data import csv --boxes {here}/b --metadata {here}/m --images {here} --out {file}/x",
        "cannot be a folder",
    ),
    case("phantom: file in the way", "data phantom --count 1 --out {file}/x", "cannot be a folder"),
    case("export: file in the way", "data export coco {data} --out {file}/x", "cannot be a folder"),
    case("demo: file in the way", "demo --out {file}/x", "cannot be a folder"),
    case("evaluate: model", "evaluate {here}/nowhere {data}", "no model here"),
    case("evaluate: dataset", "evaluate {run} {here}/nowhere", "nowhere: no such folder"),
    case("evaluate: split", "evaluate {run} {data} --split vall", "unknown split 'vall'"),
    case("evaluate: classes", "evaluate {run} {other}", "are not the model's"),
    case("evaluate: feature", "evaluate {run} {data} --by agee", "did you mean 'age'"),
    case("evaluate: groups", "evaluate {run} {data} --groups {here}/nowhere.csv", "nowhere.csv: no such file"),
    case("evaluate: second reading", "evaluate {run} {data} --second-reading {here}/no.csv", "no.csv: no such file"),
    case("evaluate: threads", "evaluate {run} {data} --threads 1 --split vall", "unknown split 'vall'"),
    case("predict: model", "predict {here}/nowhere {image}", "no model here"),
    case("predict: image", "predict {run} {here}/nowhere.png", "nowhere.png: no such image"),
    case("predict: feature", "predict {run} {image} --clinical {here}/agee.json", "did you mean 'age'"),
    case("predict: value", "predict {run} {image} --clinical {here}/implausible.json", "age is 500 a, outside"),
    case("predict: records", "predict {run} {image} --clinical {here}/nowhere.csv", "nowhere.csv: no such file"),
    case("predict: point", "predict {run} {image} --operating-point max-f2", "did you mean 'max-f1'"),
    case("predict: DICOM", "predict {here}/nowhere {image} --dicom-out {here}/dicom", "no model here"),
    case("calibrate: model", "calibrate {here}/nowhere {data}", "no model here"),
    case("calibrate: shipped model", "calibrate demo {data}", "the shipped model's folder is not written to"),
    case("calibrate: classes", "calibrate {run} {other}", "are not the model's"),
    case("explain: model", "explain {here}/nowhere {image}", "no model here"),
    case("explain: image", "explain {run} {here}/nowhere.png", "nowhere.png: no such image"),
    case("explain: not an image", "explain {run} {here}/text.png", "not a PNG, JPEG or DICOM image"),
    case("explain: feature", "explain {run} {image} --clinical {here}/agee.json", "did you mean 'age'"),
    case("explain: case", "explain {run} {data} --case phantom-0000", "no image 'phantom-0000'; did you mean"),
    case("explain: split", "explain {run} {data} --split vall", "unknown split 'vall'"),
    case("compare: folder", "compare {here} {here}", "evaluation.json: no such file"),
    case("report: folder", "report {here}/nowhere", "no evaluation here"),
    case("serve: model", "serve {here}/nowhere", "no model here"),
    case("serve: images", "serve demo --port 8765 --images {here}/nowhere", "nowhere: no such folder"),
    case("node: model", "node --config {here}/node.yaml", "no model here"),
    case("node: key", "node --config {here}/misspelled.yaml", "unknown key 'modle'; did you mean 'model'"),
    case("experiment: protocol", "experiment ablatoin", "did you mean 'ablation'"),
    case(
        "experiment: dataset",
        "experiment ablation --data {here}/nowhere --out {here}/e",
        "nowhere: no such folder",
    ),
    case("experiment: key", "experiment ablation epoch=3 --data {data} --out {here}/e", "did you mean 'train.epochs'"),
    case("experiment: arm", "experiment ablation --arm bott --data {data}", "did you mean 'both'"),
    case("experiment report: folder", "experiment report {here}/nowhere", "no experiment"),
    case("models: name", "models retinanett", "did you mean 'retinanet'"),
    case("config: preset", "config tinny", "did you mean 'tiny'"),
]


def answer_of(arguments: str, places: dict[str, Path]) -> subprocess.CompletedProcess[str]:
    words = [word.format(**places) for word in arguments.split()]
    return subprocess.run([sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True, cwd=places["here"])


@pytest.mark.parametrize(("arguments", "words"), CASES)
def test_a_mistake_is_answered_without_torch(places, arguments, words):
    answer = answer_of(arguments, places)
    assert answer.returncode == 2 and answer.stderr.startswith("error: "), answer.stderr
    assert words.format(**places) in answer.stderr


@pytest.mark.parametrize("arguments", ["models", "models --json", "config tiny", "experiment list", "--help"])
def test_what_needs_no_torch_does_not_import_it(places, arguments):
    answer = answer_of(arguments, places)
    assert answer.returncode == 0 and answer.stdout, answer.stderr


def test_where_nothing_is_wrong_torch_is_needed(places):
    """The guard above does catch an import."""
    answer = answer_of("predict {run} {image}", places)
    assert answer.returncode == 1 and "import of torch halted" in answer.stderr
