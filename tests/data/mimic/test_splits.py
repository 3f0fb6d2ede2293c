from collections import Counter, defaultdict
from types import SimpleNamespace

import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample, Target
from mdfnet.data.mimic.rules import Rules
from mdfnet.data.mimic.splits import crossing, paper_rows, read_official, split_samples
from mdfnet.data.mimic.tables import TableFiles, opened


def samples(count=60):
    """Two images a patient."""
    target = Target.of([[0, 0, 1, 1]], [1])
    return [
        Sample(f"f{i}", None, 8, 8, target if i % 3 else Target.of([], []), None, f"p{i // 2}") for i in range(count)
    ]


IMAGES = [sample.id for sample in samples()]
OFFICIAL = {image: ("train", "train", "val", "test")[number // 2 % 4] for number, image in enumerate(IMAGES)}


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(), id="by patient"),
        pytest.param(Rules(fractions={"train": 0.5, "test": 0.5}), id="own shares"),
        pytest.param(Rules(folds=5, fold=3), id="folds"),
        pytest.param(Rules(split="official"), id="official"),
    ],
)
def test_no_patient_is_in_two_splits(rules):
    done = split_samples(samples(), IMAGES, rules, OFFICIAL)
    assert crossing(done) == 0 and all(sample.split for sample in done)
    assert [sample.id for sample in done] == IMAGES


def test_official_is_as_the_table_has_it():
    done = split_samples(samples(), IMAGES, Rules(split="official"), OFFICIAL)
    assert {sample.id: sample.split for sample in done} == OFFICIAL


def test_each_image_is_tested_on_in_one_fold():
    tested = Counter()
    for fold in range(4):
        done = split_samples(samples(), IMAGES, Rules(folds=4, fold=fold), {})
        tested.update(sample.id for sample in done if sample.split == "test")
    assert tested == dict.fromkeys(IMAGES, 1)


def test_rows_as_the_paper_split_them():
    names = paper_rows(670)
    assert Counter(names) == {"train": 468, "val": 101, "test": 101}
    done, by_patient = split_samples(samples(670), [""] * 670, Rules(split="row"), {}), defaultdict(set)
    for sample in done:
        by_patient[sample.patient].add(sample.split)
    assert [sample.split for sample in done] == names
    assert crossing(done) == sum(len(found) - 1 for found in by_patient.values()) > 0


def test_rows_agree_with_scikit_learn():
    """``train_test_split(range(670), train_size=0.7, random_state=0)``, then 0.5, of scikit-learn 1.9.1."""
    names = paper_rows(670)
    val, test = ([row for row, name in enumerate(names) if name == split] for split in ("val", "test"))
    assert val[:12] == [1, 6, 8, 15, 18, 21, 40, 45, 48, 52, 62, 64] and sum(val) == 35_695
    assert test[:12] == [10, 12, 14, 17, 31, 34, 37, 49, 50, 55, 66, 76] and sum(test) == 31_956


@pytest.mark.parametrize(
    ("official", "message"),
    [
        pytest.param(
            {}, "the official split does not have 60 of the images; choose --split patient", id="unknown images"
        ),
        pytest.param(OFFICIAL | {"f0": "test"}, "has 1 patients in more than one split", id="a patient in two"),
    ],
)
def test_official_that_does_not_fit(official, message):
    with pytest.raises(UserError, match=message):
        split_samples(samples(), IMAGES, Rules(split="official"), official)


def official_of(text, tmp_path):
    (tmp_path / "split.csv").write_text(text)
    tables = {"official": TableFiles("official", (tmp_path / "split.csv",))}
    with opened(1) as database:
        database.execute("CREATE TABLE wanted AS SELECT 'a' AS dicom_id")
        return read_official(database, tables)


def test_official_table(tmp_path):
    assert official_of("dicom_id,split\nb,train\na,validate\n", tmp_path) == {"a": "val"}
    with pytest.raises(UserError, match=r"split.csv row 2: split is none of train, validate, test"):
        official_of("dicom_id,split\na,dev\n", tmp_path)
    with pytest.raises(UserError, match="no table of the official split; expected"):
        read_official(SimpleNamespace(), {})
