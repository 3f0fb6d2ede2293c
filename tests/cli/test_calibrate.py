"""``mdfnet calibrate``, and what becomes of operating points from training to prediction."""

import json
import shutil

import mdfnet
from mdfnet.models.operating_points import OPERATING


def test_calibrate(program, run_folder, phantom_set, tmp_path):
    """Training has found the same points on the same images; others can be asked for; predict takes them."""
    run = shutil.copytree(run_folder, tmp_path / "run")
    trained = json.loads((run / "model" / OPERATING).read_text())
    assert [point["name"] for point in trained["points"]] == [
        "max-f1", "sensitivity-0.8", "sensitivity-0.9", "fp-0.5", "fp-1",
    ]  # fmt: skip
    answer = program("calibrate", run, phantom_set)
    assert answer.code == 0 and "sensitivity-0.9" in answer.out, answer.err
    again = json.loads((run / "model" / OPERATING).read_text())
    assert again["points"] == trained["points"]
    assert program("calibrate", run, phantom_set, "--sensitivity", 0.25, "--false-positives", 3).code == 0
    names = [point.name for point in mdfnet.load(run / "model").operating.points]
    assert names == ["max-f1", "sensitivity-0.25", "fp-3"]
    image = next((phantom_set / "images").iterdir())
    answer = program("predict", run, image, "--operating-point", "fp-3", "--out", tmp_path / "out")
    assert answer.code == 0
    wrong = program("predict", run, image, "--operating-point", "fp-4", "--out", tmp_path / "out")
    assert wrong.code == 2 and "model: no operating point 'fp-4'; did you mean 'fp-3'?" in wrong.err
    (run / "model" / OPERATING).unlink()
    none = program("predict", run, image, "--operating-point", "fp-3", "--out", tmp_path / "out")
    assert none.code == 2 and "the model has no operating points; find them" in none.err
    test = program("calibrate", run, phantom_set, "--split", "test")
    assert test.code == 2
    demo = program("calibrate", "demo", phantom_set)
    assert demo.code == 2 and "the shipped model's folder is not written to; copy the folder" in demo.err
