from dataclasses import replace

import numpy as np
import pytest

from mdfnet.clinical.schema import Schema
from mdfnet.data.pictures import contact_sheet, examples
from mdfnet.data.summary import ClassCount, summarize, summarize_feature

AGE, SEX, _ = Schema.load("age-sex-view").features


def test_counts_add_up_to_the_dataset(tiny_dataset):
    tiny = tiny_dataset()
    summary = summarize(tiny)
    assert list(summary) == ["train", "val", "test"]
    for name, split in summary.items():
        samples = tiny.split(name)
        assert (split.images, split.patients) == (4, 2)
        assert split.boxed == sum(len(sample.target) > 0 for sample in samples)
        assert sum(count.boxes for count in split.classes.values()) == sum(len(sample.target) for sample in samples)


def test_a_class_is_counted_by_image_and_by_box(tiny_dataset):
    tiny = tiny_dataset(names=("Nodule",))
    image = next(sample for sample in tiny.samples if len(sample.target) == 2)
    one = summarize(replace(tiny, samples=(replace(image, split=None),)))
    assert one["unsplit"].classes == {"Nodule": ClassCount(images=1, boxes=2)}


@pytest.mark.parametrize(
    ("feature", "values", "expected"),
    [
        pytest.param(AGE, [20, 30, 70, np.nan], (3, 0.25, 40, 26.4575, 20, 30, 70), id="numbers"),
        pytest.param(AGE, [20], (1, 0, 20, np.nan, 20, 20, 20), id="one value has no deviation"),
        pytest.param(AGE, [np.nan] * 2, (0, 1, *[np.nan] * 5), id="altogether missing"),
    ],
)
def test_numbers(feature, values, expected):
    found = summarize_feature(feature, np.array(values, np.float64))
    statistics = (found.known, found.missing, found.mean, found.sd, found.low, found.median, found.high)
    assert statistics == pytest.approx(expected, nan_ok=True, rel=1e-4)


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        pytest.param([0, 1, 1, np.nan], {"F": 1 / 3, "M": 2 / 3}, id="shares of the known"),
        pytest.param([np.nan], {"F": 0, "M": 0}, id="altogether missing"),
    ],
)
def test_categories(values, shares):
    assert summarize_feature(SEX, np.array(values)).shares == pytest.approx(shares)


def test_examples_show_every_class_and_an_image_without_boxes(tiny_dataset):
    tiny = tiny_dataset()
    chosen = examples(tiny, 4)
    assert len({sample.id for sample in chosen}) == 4
    assert {1, 2} <= set(np.concatenate([sample.target.labels for sample in chosen]))
    assert any(not len(sample.target) for sample in chosen)
    assert len(examples(tiny, 99)) == len(tiny)


def test_contact_sheet_shows_image_and_box(tiny_dataset):
    tiny = tiny_dataset()
    bare = tuple(
        replace(s, target=replace(s.target, boxes=s.target.boxes[:0], labels=s.target.labels[:0])) for s in tiny.samples
    )
    sheet, plain = (np.asarray(contact_sheet(d, 12, 4, 80)) for d in (tiny, replace(tiny, samples=bare)))
    assert sheet.shape[1] == 320 and sheet.shape[0] > 3 * 80
    assert sheet[:60, :70].std() > 20 and (sheet != plain).any()
