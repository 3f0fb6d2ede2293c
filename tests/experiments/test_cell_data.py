"""The images of a cell: no patient in two splits, no image twice, no feature that the arm does not see."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mdfnet.core.errors import UserError
from mdfnet.data.provenance import Provenance
from mdfnet.experiments.cell_data import arranged, hidden, nested, open_data, translated
from mdfnet.experiments.cells import Cell
from mdfnet.experiments.plan import Plan, load_plan


def plan_of(**values) -> Plan:
    return Plan.model_validate({"name": "x", "reference": "a", "arms": {"a": {}}, **values})


def test_folds_test_every_image_once_and_keep_patients_together(tiny_dataset):
    dataset, plan = tiny_dataset(24), plan_of(folds=4)
    tested = Counter()
    for fold in range(4):
        own = arranged(dataset, plan, Cell("a", 0, fold))
        splits = {}
        for sample in own.samples:
            assert splits.setdefault(sample.patient, sample.split) == sample.split
        tested.update(sample.id for sample in own.split("test"))
    assert tested == Counter(sample.id for sample in dataset.samples)


def test_folds_are_those_of_all_seeds_and_arms(tiny_dataset):
    dataset, plan = tiny_dataset(24), plan_of(folds=3, arms={"a": {}, "b": {"without": ["age"]}})
    ids = [[s.id for s in arranged(dataset, plan, Cell(arm, seed, 1)).split("test")] for arm in "ab" for seed in (0, 5)]
    assert ids[0] == ids[1] == ids[2] == ids[3]


def test_more_folds_than_patients(tiny_dataset):
    with pytest.raises(UserError, match="7 folds of 6 patients: a fold would be empty; ask for fewer folds"):
        arranged(tiny_dataset(12), plan_of(folds=7), Cell("a", 0, 0))


def test_a_split_of_rows_is_the_papers_and_tears_patients(tiny_dataset):
    dataset = tiny_dataset(40)
    own = arranged(dataset, plan_of(split="row"), Cell("a", 0))
    assert Counter(sample.split for sample in own.samples) == {"train": 28, "val": 6, "test": 6}
    real = {sample.id: sample.patient for sample in dataset.samples}
    torn = {real[s.id] for s in own.split("train")} & {real[s.id] for s in own.split("test")}
    assert torn and len({sample.patient for sample in own.samples}) == 40


def test_patients_that_a_build_forgot_cannot_be_kept_apart(tiny_dataset):
    dataset = replace(tiny_dataset(), provenance=Provenance(made_by="a test", rules={"split": "row"}))
    with pytest.raises(UserError, match=r"this build split rows and forgot the patients.*--split patient"):
        arranged(dataset, plan_of(split="patient"), Cell("a", 0))
    assert len(arranged(dataset, plan_of(split="row"), Cell("a", 0))) == len(dataset)


def test_smaller_sets_lie_within_larger_ones(phantoms):
    sets = [{s.id for s in nested(phantoms.samples, count, 3) if s.split == "train"} for count in (4, 9, 15)]
    assert list(map(len, sets)) == [4, 9, 15] and sets[0] < sets[1] < sets[2]
    others = {s.id for s in nested(phantoms.samples, 4, 4) if s.split == "train"}
    assert others != sets[0]
    kept = [s.id for s in nested(phantoms.samples, 4, 3) if s.split != "train"]
    assert kept == [s.id for s in phantoms.samples if s.split != "train"]


def test_more_training_images_than_there_are(phantoms):
    with pytest.raises(UserError, match="99 training images are asked for, there are 15; take smaller sizes, or 'all'"):
        nested(phantoms.samples, 99, 0)


@pytest.mark.parametrize(
    ("arm", "names"),
    [
        pytest.param({"only": ["sex", "age"]}, ("age", "sex"), id="in the schema's order"),
        pytest.param({"without": ["age"]}, ("sex", "view"), id="all but one"),
        pytest.param({"only": ["age", "sex"], "without": ["age"]}, ("sex",), id="both"),
    ],
)
def test_an_arm_sees_its_features_alone(arm, names, tiny_dataset):
    dataset = tiny_dataset()
    own = arranged(dataset, plan_of(arms={"a": arm}), Cell("a", 0))
    assert own.schema.names == names
    for sample, whole in zip(own.samples, dataset.samples, strict=True):
        np.testing.assert_array_equal(sample.clinical, [whole.clinical[dataset.schema.index(name)] for name in names])


def test_an_arm_that_sees_nothing_is_refused(tiny_dataset):
    with pytest.raises(UserError, match="without any clinical feature"):
        arranged(tiny_dataset(), plan_of(arms={"a": {"only": []}}), Cell("a", 0))


def test_a_share_of_the_values_is_hidden(phantoms):
    shares = [np.isnan([s.clinical for s in hidden(phantoms.samples, share, 0)]).mean() for share in (0.5, 1.0)]
    assert 0.45 < shares[0] < 0.6 and shares[1] == 1
    for before, after in zip(phantoms.samples, hidden(phantoms.samples, 0.5, 0), strict=True):
        there = ~np.isnan(after.clinical)
        np.testing.assert_array_equal(after.clinical[there], before.clinical[there])


def test_each_seed_of_phantoms_has_images_of_its_own(tmp_path):
    plan = load_plan("ablation", data={"phantom": {"train": 4, "val": 2, "test": 3, "size": 64}})
    first, second = (open_data(plan, seed, tmp_path) for seed in (0, 1))
    assert [len(first.split(name)) for name in ("train", "val", "test")] == [4, 2, 3]
    assert first.fingerprint != second.fingerprint
    assert open_data(plan, 1, tmp_path).fingerprint == second.fingerprint


class TestAnotherPlace:
    """The data of another place in the classes and features of the training data."""

    @pytest.fixture
    def home(self, tiny_dataset):
        return tiny_dataset(names=("Effusion", "Mass"), folder="home")

    def test_findings_get_the_names_of_home(self, home, tiny_dataset):
        other = tiny_dataset(names=("Fluid", "Mass", "Hernia"), folder="other")
        told = translated(other, home, {"Fluid": "Effusion"})
        assert told.classes == home.classes
        meaning = {"Fluid": "Effusion", "Mass": "Mass"}
        for sample, before in zip(told.samples, other.samples, strict=True):
            names = [other.classes.name(label) for label in before.target.labels.tolist()]
            kept = [
                (meaning[name], box)
                for name, box in zip(names, before.target.boxes.tolist(), strict=True)
                if name in meaning
            ]
            assert [home.classes.name(label) for label in sample.target.labels.tolist()] == [name for name, _ in kept]
            assert sample.target.boxes.tolist() == [box for _, box in kept]
            assert sample.split == "test"

    def test_features_come_in_the_order_of_home_and_are_missing_where_unknown(self, home, tiny_dataset):
        other = tiny_dataset(names=("Effusion", "Mass"), schema="mimic-ed", folder="other")
        told = translated(other, home, {})
        assert told.schema == home.schema
        age = other.schema.index("age")
        for sample, before in zip(told.samples, other.samples, strict=True):
            np.testing.assert_array_equal(sample.clinical, [before.clinical[age], np.nan, np.nan])

    @pytest.mark.parametrize(
        ("meaning", "words"),
        [
            pytest.param({}, "none of the findings (Fluid) is one of the training data's", id="nothing in common"),
            pytest.param({"Fluids": "Mass"}, "no finding 'Fluids'; did you mean 'Fluid'?", id="unknown there"),
            pytest.param({"Fluid": "Masses"}, "no finding 'Masses'; did you mean 'Mass'?", id="unknown here"),
        ],
    )
    def test_refused(self, meaning, words, home, tiny_dataset):
        with pytest.raises(UserError) as error:
            translated(tiny_dataset(names=("Fluid",), folder="other"), home, meaning)
        assert words in str(error.value)

    def test_a_feature_of_another_unit_is_refused(self, home, tiny_dataset):
        features = tuple(f.model_copy(update={"unit": "mo"}) if f.name == "age" else f for f in home.schema.features)
        other = replace(home, schema=home.schema.model_copy(update={"features": features}))
        with pytest.raises(UserError, match="'age' has another kind, unit or categories"):
            translated(other, home, {})
