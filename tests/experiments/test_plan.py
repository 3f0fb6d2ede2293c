"""Plans: what is read is what was written, and what is wrong is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.experiments.cells import arms_for, cells_of, config_of
from mdfnet.experiments.plan import Plan, check_configs, load_plan, protocols

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "study"

GOOD = "name: mine\nreference: a\narms: {a: {}, b: {set: {epochs: 2}}}\n"


def case(reason: str, *values: object):
    return pytest.param(*values, id=reason)


@pytest.mark.parametrize("name", protocols())
def test_every_protocol_can_be_run(name):
    plan = load_plan(name)
    check_configs(plan)
    assert plan.name == name and plan.question.endswith("?")
    assert {arm for arm in plan.arms if plan.against(arm) == arm} >= {plan.reference}


@pytest.mark.parametrize("name", protocols())
def test_a_plan_read_back_is_the_same(name, tmp_path):
    plan = load_plan(name, ["seeds=[4, 9]", "epochs=3"], data=tmp_path)
    (tmp_path / "again.yaml").write_text(plan.to_yaml(), encoding="utf-8")
    assert load_plan(tmp_path / "again.yaml") == plan


@pytest.mark.parametrize("name", ["phantom", "nih"])
def test_the_examples_can_be_run(name):
    check_configs(load_plan(EXAMPLES / f"{name}.yaml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        case("a misspelled key", GOOD + "seed: 3\n", ["unknown key 'seed'", "did you mean 'seeds'?"]),
        case("a misspelled key of an arm", GOOD.replace("b: {set", "b: {sett"), ["'sett' in arms.b", "'set'?"]),
        case("a misspelled key of the phantoms", GOOD + "data: {phantom: {trian: 9, val: 3, test: 3}}",
             ["unknown key 'trian'", "'train'?"]),
        case("a reference that is no arm", GOOD.replace("reference: a", "reference: c"), ["no arm 'c'", "are: a, b"]),
        case("an arm against nobody", GOOD.replace("a: {}", "a: {against: bb}"), ["no arm 'bb'", "'b'?"]),
        case("a seed twice", GOOD + "seeds: [1, 1]\n", ["seeds", "none twice"]),
        case("no seed", GOOD + "seeds: 0\n", ["seeds", "at least one"]),
        case("two folds", GOOD + "folds: 2\n", ["folds: at least 3"]),
        case("a measure that is none", GOOD + "measure: AP50\n", ["no measure 'AP50'"]),
        case("no image", GOOD + "sizes: [0]\n", ["sizes.0", "greater than or equal to 1"]),
        case("not a mapping", "- a\n", ["not an experiment"]),
        case("not YAML", "a: [", ["not YAML"]),
        case("classes of nobody", GOOD + "classes: {Effusion: Mass}\n", ["--test FOLDER"]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_yaml(text, words, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_plan(path)
    assert [word for word in [str(path), *words] if word not in str(error.value)] == [], error.value


@pytest.mark.parametrize(
    ("name", "changes", "arms", "words"),
    [
        case("a misspelled protocol", "abblation", [], [], ["no protocol or YAML file 'abblation'", "'ablation'?"]),
        case("no value", "ablation", ["epochs"], [], ["'epochs' is not key=value"]),
        case("a misspelled arm", "ablation", [], ["3D"], ["no arm '3D'", "'3-D'?"]),
    ],
)
def test_what_is_wrong_in_the_call(name, changes, arms, words):
    with pytest.raises(UserError) as error:
        load_plan(name, changes, arms)
    assert [word for word in words if word not in str(error.value)] == [], error.value


def test_a_misspelled_config_key_names_its_arm():
    with pytest.raises(UserError, match=r"arm 'none': unknown key 'epoch'; did you mean 'train.epochs'\?"):
        check_configs(load_plan("ablation", ["epoch=3"]))


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        case("four arms, five seeds", [], 20),
        case("a number of seeds", ["seeds=2"], 8),
        case("folds", ["seeds=2", "folds=3"], 24),
        case("sizes", ["seeds=2", "sizes=[10, all]"], 16),
        case("all of them", ["seeds=2", "folds=3", "sizes=[10, all]"], 48),
        case("a split of rows has no folds of patients", ["seeds=2", "folds=3", "split=row"], 8),
    ],
)
def test_number_of_cells(changes, count):
    cells = cells_of(load_plan("ablation", changes))
    assert len(cells) == len({cell.name for cell in cells}) == count
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)  # a part is whole replicates


def test_arms_of_one_folder_are_refused():
    plan = Plan(name="x", reference="a+b", arms={"a+b": {}, "a b": {}})
    with pytest.raises(UserError, match="'a\\+b' and 'a b' would have one folder"):
        cells_of(plan)


def test_one_arm_for_each_feature():
    plan, notes = arms_for(load_plan("features"), Schema.load("age-sex-view"))
    assert list(plan.arms) == ["none", "all", "without age", "without sex", "without view", "only age", "only sex",
                               "only view"]  # fmt: skip
    assert plan.arms["without sex"].without == ("sex",) and plan.arms["only sex"].only == ("sex",)
    assert "arm 'gender + age' is left out: the data have no gender" in notes and len(notes) == 8


def test_the_papers_groups_are_there_with_its_features():
    plan, notes = arms_for(load_plan("features"), Schema.load("mimic-ed"))
    assert len(plan.arms) == 2 + 2 * 10 + 8 and notes == []


def test_a_feature_that_the_data_lack():
    plan = Plan(name="x", reference="a", arms={"a": {}, "b": {"only": ["agee"]}})
    with pytest.raises(UserError, match=r"arm 'b': unknown clinical feature 'agee'.*did you mean 'age'\?"):
        arms_for(plan, Schema.load("age-sex-view"))


def test_what_an_arm_says_holds_against_what_all_say():
    plan = load_plan("ablation", ["map=film", "vector=film", "epochs=4", "batch_size=8"])
    fusion = {cell.arm: config_of(plan, cell, 80).fusion for cell in cells_of(plan)}
    kinds = {name: (one.map, one.vector) for name, one in fusion.items()}
    assert kinds == {"none": (None, None), "3-D": ("film", None), "1-D": (None, "film"), "both": ("film", "film")}


@pytest.mark.parametrize(
    ("images", "epochs"),
    [
        case("80 images in batches of 8 are 10 steps: 100 need 10 epochs", 80, 10),
        case("11 steps: 10 epochs are more than 100 steps", 81, 10),
        case("enough steps by themselves", 800, 4),
    ],
)
def test_few_images_get_more_epochs(images, epochs):
    plan = load_plan("ablation", ["min_steps=100", "epochs=4", "batch_size=8"])
    assert config_of(plan, cells_of(plan)[0], images).train.epochs == epochs
