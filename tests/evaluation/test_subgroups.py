"""Images sorted into groups of patients."""

from pathlib import Path

import numpy as np
import pytest

from mdfnet import Sample, Schema, Target, UserError
from mdfnet.evaluation.subgroups import groupings_of

NAN = np.nan


def sample(name="a", *, record=(61, 1, NAN), view="PA", patient="", schema=None) -> Sample:
    return Sample(name, Path(f"{name}.png"), 9, 9, Target.of([], []), np.float32(record), patient, "test", view)


def group(samples, name, schema="age-sex-view", **options) -> list[str]:
    grouping = next(one for one in groupings_of(samples, Schema.load(schema), **options) if one.name == name)
    return [grouping.groups[index] for index in grouping.of]


@pytest.mark.parametrize(
    ("record", "view", "grouping", "expected"),
    [
        pytest.param((61, 0, 0), "PA", "sex", "F", id="the category's name"),
        pytest.param((61, NAN, 0), "PA", "sex", "not known", id="sex missing: a group of its own"),
        pytest.param((17, 0, 0), "PA", "age", "0 to 17", id="a minor"),
        pytest.param((18, 0, 0), "PA", "age", "18 to 39", id="of age today"),
        pytest.param((17.9, 0, 0), "PA", "age", "0 to 17", id="not quite of age"),
        pytest.param((80, 0, 0), "PA", "age", "80 and over", id="the first of the oldest"),
        pytest.param((NAN, 0, 0), "PA", "age", "not known", id="age missing"),
        pytest.param((61, 0, 0), "AP", "view", "AP", id="view as the image has it"),
        pytest.param((61, 0, 0), None, "view", "not known", id="view not stated"),
        pytest.param((61, 0, 0), "PA", "record", "complete", id="all known"),
        pytest.param((61, NAN, 0), "PA", "record", "partly missing", id="one missing"),
        pytest.param((NAN, NAN, NAN), "PA", "record", "all missing", id="no record"),
    ],
)
def test_groups_of_one_image(record, view, grouping, expected):
    assert group([sample(record=record, view=view)], grouping) == [expected]


def test_what_mimic_calls_gender_is_taken_for_sex():
    record = [NAN] * 9 + [1]
    assert group([sample(record=record)], "gender", schema="mimic-ed") == ["M"]


def test_numbers_asked_for_are_sorted_into_thirds():
    samples = [sample(str(k), record=[NAN, t, *[NAN] * 8]) for k, t in enumerate([36.0, 36.5, 37, 37.5, 38, NAN])]
    found = group(samples, "temperature", schema="mimic-ed", by=["temperature"])
    assert found == [*["below 36.7"] * 2, "36.7 to 37.3", *["37.3 and over"] * 2, "not known"]


def test_thirds_of_values_that_are_mostly_equal_are_fewer():
    samples = [sample(str(k), record=[*[NAN] * 7, pain, NAN, NAN]) for k, pain in enumerate([0, 0, 0, 0, 5])]
    assert set(group(samples, "pain", schema="mimic-ed", by=["pain"])) == {"0 and over"}


def test_what_is_shown_anyway_is_not_shown_twice():
    names = [one.name for one in groupings_of([sample()], Schema.load("age-sex-view"), by=["age", "sex", "view"])]
    assert names == ["sex", "age", "view", "record"]


def table(tmp_path, text: str) -> Path:
    (tmp_path / "groups.csv").write_text(text)
    return tmp_path / "groups.csv"


STUDIES = [sample("a", patient="p1"), sample("b", patient="p1"), sample("c", patient="p2")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("image,site\na,x\nb,y\nc,x\n", ["x", "y", "x"], id="by image"),
        pytest.param("image,site\na.png,x\nb.png,y\nc.png,x\n", ["x", "y", "x"], id="by file name"),
        pytest.param("patient_id,site\np1,x\np2,y\n", ["x", "x", "y"], id="by patient"),
        pytest.param("image;site\na;x\nc;y\nz;w\n", ["x", "not known", "y"], id="images without a row; rows too many"),
        pytest.param("image,patient_id,site\na,q,x\nb,q,\nc,q,y\n", ["x", "not known", "y"], id="an empty cell"),
    ],
)
def test_columns_of_a_table(tmp_path, text, expected):
    assert group(STUDIES, "site", table=table(tmp_path, text)) == expected


def test_many_numbers_in_a_column_become_thirds(tmp_path):
    samples = [sample(f"f{k}") for k in range(30)]
    text = "image,bmi\n" + "".join(f"f{k},{k}\n" for k in range(30))
    assert group(samples, "bmi", table=table(tmp_path, text)).count("9.67 to 19.3") == 10


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        pytest.param("scan,site\na,x\n", "no column says which image or patient a row is about", id="no key"),
        pytest.param("image\na\n", "no column to sort by", id="only the key"),
        pytest.param(
            "image,site\nz,x\n", "none of the 3 images is in its column 'image'", id="another dataset's table"
        ),
        pytest.param("image,site\na,x\na,y\n", "the same image stands in row 2 already", id="an image twice"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, wording):
    with pytest.raises(UserError, match=wording):
        groupings_of(STUDIES, Schema.load("age-sex-view"), table=table(tmp_path, text))


def test_a_column_of_names_is_no_grouping(tmp_path):
    samples = [sample(f"f{k}") for k in range(13)]
    text = "image,name\n" + "".join(f"f{k},name {k}\n" for k in range(13))
    with pytest.raises(UserError, match=r"13 different values on these images.*at most 12 groups"):
        groupings_of(samples, Schema.load("age-sex-view"), table=table(tmp_path, text))


def test_an_unknown_feature_is_named():
    with pytest.raises(UserError, match="unknown clinical feature 'agee'"):
        groupings_of(STUDIES, Schema.load("age-sex-view"), by=["agee"])
