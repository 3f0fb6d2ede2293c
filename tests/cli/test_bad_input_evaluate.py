"""Bad input of `mdfnet evaluate` and `compare`: one line that says what and where, nothing under the final name."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from bad_input import annotations, assert_refused, case, full_disk, text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        case("no such split", ["{run}", "{data}", "--split", "dev"], ["unknown split 'dev'"]),
        case("no model", ["{data}", "{data}"], ["no model here"]),
        case("no dataset", ["{run}", "{run}"], ["dataset.yaml", "no such file"]),
        case("a file for a dataset", ["{run}", "{data}/splits.csv"], ["splits.csv: not a folder"]),
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
        case("nothing boxed", annotations(annotations=[]), ["--boxed"], ["'val' has a finding", "leave out --boxed"]),
        case("no such images", text("splits.csv", ",val", ",test"), [], ["splits.csv", "no image is in split 'val'"]),
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


def test_full_disk_while_evaluating(program, run_folder, phantom_set, tmp_path):
    with mock.patch("os.replace", full_disk):
        answer = program("evaluate", run_folder, phantom_set, "--out", tmp_path / "results")
    assert_refused(answer, tmp_path, "No space left on device", "evaluation.json")
    assert list((tmp_path / "results").iterdir()) == []
