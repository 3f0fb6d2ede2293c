"""Experiments as they are done: resumed, grown, failed, refused."""

from __future__ import annotations

import json
from dataclasses import replace
from unittest import mock

import pytest
import torch

import mdfnet
from mdfnet.core.csv_tables import read_table
from mdfnet.core.errors import UserError
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.experiments import clinical_only, work
from mdfnet.experiments.cells import Cell
from mdfnet.experiments.plan import Arm
from mdfnet.experiments.run import prepare
from mdfnet.experiments.state import RESULTS, collect, read_plan, read_results
from mdfnet.experiments.work import job_of, shared_first_stage


def results_of(out) -> dict[str, dict]:
    return {json.dumps(line["cell"]): line["scores"] for line in read_results(out / RESULTS)}


def losses(out, cell: str) -> list[str]:
    """Loss of each epoch, with all digits."""
    return [row["loss"] for row in read_table(out / "cells" / cell / "run" / "history.csv")]


@pytest.fixture(scope="module")
def records(quick, tmp_path_factory):
    """A plan that trains nothing: two arms that see different features of the record."""
    path = tmp_path_factory.mktemp("plans") / "records.yaml"
    path.write_text("name: records\nreference: all\nseeds: 2\narms:\n  all: {clinical_only: true}\n"
                    "  age: {clinical_only: true, only: [age]}\n", encoding="utf-8")  # fmt: skip

    def plan(*changes: str, **values):
        return quick(path, *changes, **values)

    return plan


def test_one_line_a_cell_and_a_folder_with_all_that_was_found(ablation):
    lines = read_results(ablation / RESULTS)
    assert [line["cell"]["arm"] for line in lines] == 2 * ["none", "both"]
    assert all(line["images"] == {"train": 15, "val": 6, "test": 9} for line in lines)
    for name in ("cell.json", "result.json", "run/model/model.json", "run/history.csv", "test/predictions.csv"):
        assert (ablation / "cells" / "both-seed-1" / name).is_file()
    assert not (ablation / "cells" / "both-seed-1" / "run" / "last.ckpt").exists()  # large, and not needed again


def test_the_detector_is_trained_once_for_all_arms(ablation):
    for seed in (0, 1):
        alone, fused = (mdfnet.load(ablation / f"cells/{arm}-seed-{seed}/run/model") for arm in ("none", "both"))
        weights = alone.detector.state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in fused.detector.state_dict().items())
        assert not (ablation / f"cells/both-seed-{seed}/run/image-only").exists()


@pytest.fixture(scope="module")
def shared(quick, do, tmp_path_factory):
    """Folder of an experiment with one arm done, in two stages, and the model that another arm would begin with."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "mine.yaml").write_text("name: x\nreference: both\nseeds: 1\narms: {both: {}}\n", encoding="utf-8")
    _, failed = do(quick(folder / "mine.yaml"), folder / "out")
    assert failed == {}

    def alone(arm: dict, **cell):
        plan = quick(folder / "mine.yaml")
        plan = plan.model_copy(update={"arms": {**plan.arms, "other": Arm(**arm)}})
        job = job_of(plan, Cell("other", 0, **cell), folder / "out", read_dataset(plan.data))
        return shared_first_stage(plan, job, folder / "out")

    return folder / "out", alone


@pytest.mark.parametrize(
    "arm",
    [
        pytest.param({"set": {"vector": None}}, id="another fusion"),
        pytest.param({"only": ["age"]}, id="other values of the record"),
        pytest.param({"set": {"fusion_epochs": 3, "encoder": "tokens"}}, id="trained otherwise"),
    ],
)
def test_arms_that_differ_in_the_fusion_begin_with_one_detector(arm, shared):
    out, alone = shared
    assert alone(arm) == out / "cells/both-seed-0/run/image-only/model"


@pytest.mark.parametrize(
    ("arm", "cell"),
    [
        pytest.param({"set": {"lr": 0.01}}, {}, id="trained otherwise"),
        pytest.param({"set": {"levels": 2, "detector.name": "ssd"}}, {}, id="another detector"),
        pytest.param({"split": "row"}, {}, id="other images"),
        pytest.param({}, {"size": 9}, id="fewer images"),
        pytest.param({"set": {"fusion_epochs": None}}, {}, id="jointly"),
        pytest.param({"set": {"map": None, "vector": None}}, {}, id="no fusion"),
    ],
)
def test_another_detector_is_trained_anew(arm, cell, shared):
    assert shared[1](arm, **cell) is None


def test_what_is_done_is_not_done_again(ablation, quick, do):
    before, said = (ablation / RESULTS).read_bytes(), []
    _, failed = do(quick("ablation", "seeds=2", arms=("both",)), ablation, said)
    assert (failed, said, (ablation / RESULTS).read_bytes()) == ({}, [], before)


def test_a_killed_experiment_goes_on_where_it_was(quick, do, tmp_path):
    plan = quick("ablation", "seeds=1", "epochs=3", arms=("both",))
    do(plan, tmp_path / "whole")
    killed, said = prepare(plan, tmp_path / "killed"), []

    def kill(line: str) -> None:
        said.append(line)
        if "epoch   2/3" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.run_cell(killed.plan, killed.cells[0], killed.out, kill)
    assert not (killed.out / RESULTS).exists() and len(said) == 2
    said.clear()
    do(plan, tmp_path / "killed", said)
    epochs = [line[:11] for line in said if line.startswith("epoch")]
    assert epochs == ["epoch   2/3", "epoch   3/3", "epoch   1/2", "epoch   2/2"]
    for cell in ("none-seed-0", "both-seed-0"):
        assert losses(tmp_path / "killed", cell) == losses(tmp_path / "whole", cell)
    assert results_of(tmp_path / "killed") == results_of(tmp_path / "whole")


def test_killed_between_training_and_scoring_it_is_scored(quick, do, tmp_path, monkeypatch):
    plan, said = quick("ablation", "seeds=1", arms=("none",)), []
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(work, "write_scored", mock.Mock(side_effect=KeyboardInterrupt))
        do(plan, tmp_path / "out")
    _, failed = do(plan, tmp_path / "out", said)
    assert failed == {} and said == ["1/1  none-seed-0"]  # no epoch
    assert [path.name for path in (tmp_path / "out/cells").glob("*/test/evaluation.json")] == ["evaluation.json"]


def test_stopped_before_the_first_epoch_it_starts_anew(quick, do, tmp_path):
    plan = quick("ablation", "seeds=1", arms=("none",))
    leftover = tmp_path / "out/cells/none-seed-0/run"
    prepare(plan, tmp_path / "out")
    leftover.mkdir(parents=True)
    (leftover / "config.yaml").write_text("half", encoding="utf-8")
    assert do(plan, tmp_path / "out")[1] == {}


def test_an_experiment_may_grow(records, do, tmp_path):
    do(records("seeds=1"), tmp_path / "out")
    first = (tmp_path / "out" / RESULTS).read_text()
    do(records("seeds=3"), tmp_path / "out")
    text = (tmp_path / "out" / RESULTS).read_text()
    assert text.startswith(first) and len(text.splitlines()) == 6
    assert read_plan(tmp_path / "out").seeds == (0, 1, 2)


def test_other_settings_are_not_mixed_in(ablation, quick):
    with pytest.raises(UserError) as error:
        prepare(quick("ablation", "seeds=2", "epochs=2", arms=("both",)), ablation)
    words = "the cell 'none-seed-0' is there with another config.train.epochs: 1, and now 2; name another --out"
    assert words in str(error.value)


def test_changed_data_are_refused(records, phantoms, do, tmp_path):
    moved = tuple(replace(s, split="train" if s.split == "test" and i % 2 else s.split)
                  for i, s in enumerate(phantoms.samples))  # fmt: skip
    do(records(), tmp_path / "out")
    write_dataset(replace(phantoms, samples=moved), tmp_path / "changed")
    before = (tmp_path / "out" / "experiment.yaml").read_bytes()
    with pytest.raises(UserError, match="the data have changed since this experiment began; name another --out"):
        prepare(records(data=tmp_path / "changed"), tmp_path / "out")
    assert (tmp_path / "out" / "experiment.yaml").read_bytes() == before


def test_the_same_data_elsewhere_are_the_same(records, phantoms, do, tmp_path):
    do(records(), tmp_path / "out")
    write_dataset(phantoms, tmp_path / "moved")
    assert prepare(records(data=tmp_path / "moved"), tmp_path / "out").left == []


def test_a_folder_of_something_else_is_refused(records, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="the folder holds something that is no experiment; name another --out"):
        prepare(records(), tmp_path)


def test_more_folds_than_patients_are_refused_before_anything_is_done(records, tmp_path):
    with pytest.raises(UserError, match="31 folds of 30 patients"):
        prepare(records("folds=31"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_data(records, tmp_path):
    with pytest.raises(UserError, match="'records' has no data; give a dataset folder as --data FOLDER"):
        prepare(records().model_copy(update={"data": None}), tmp_path / "out")


def test_an_arm_that_fails_is_named_and_tried_again(records, do, tmp_path, monkeypatch):
    whole = clinical_only.ClinicalOnly

    def broken(samples, classes, schema, seed):
        if schema.names == ("age",) and seed == 1:
            raise ZeroDivisionError("nobody is that old")
        return whole(samples, classes, schema, seed)

    monkeypatch.setattr(clinical_only, "ClinicalOnly", broken)
    _, failed = do(records(), tmp_path / "out")
    assert failed == {"age-seed-1": "ZeroDivisionError: nobody is that old"}
    assert len(collect(tmp_path / "out")) == 3
    error = tmp_path / "out/cells/age-seed-1/error.txt"
    assert "in broken" in error.read_text()  # the whole traceback
    monkeypatch.setattr(clinical_only, "ClinicalOnly", whole)
    said = []
    _, failed = do(records(), tmp_path / "out", said)
    assert failed == {} and said == ["1/1  age-seed-1"] and not error.exists()
    assert len(collect(tmp_path / "out")) == 4


def test_an_arm_that_failed_may_be_mended(quick, do, tmp_path):
    def plan(rate: str):
        text = f"name: x\nreference: a\nseeds: 1\narms: {{a: {{clinical_only: true}}, b: {{set: {{lr: {rate}}}}}}}\n"
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        return quick(tmp_path / "mine.yaml", "clip=null", "epochs=2")

    _, failed = do(plan("1.0e+30"), tmp_path / "out")
    assert list(failed) == ["b-seed-0"] and "the loss is not finite" in failed["b-seed-0"]
    assert do(plan("0.001"), tmp_path / "out")[1] == {}
    assert len(read_table(tmp_path / "out/cells/b-seed-0/run/image-only/history.csv").rows) == 2  # from the beginning
    with pytest.raises(UserError, match=r"there with another config.train.lr: 0\.001, and now 0\.002"):
        do(plan("0.002"), tmp_path / "out")


def test_a_line_that_a_kill_cut_short_is_written_again(records, do, tmp_path):
    do(records(), tmp_path / "out")
    path = tmp_path / "out" / RESULTS
    whole = path.read_text()
    path.write_text(whole[: -len(whole.splitlines()[-1]) // 2], encoding="utf-8")
    assert len(read_results(path)) < 4
    assert len(collect(tmp_path / "out")) == 4 == len(read_results(path))
