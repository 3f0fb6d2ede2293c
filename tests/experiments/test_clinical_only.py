"""The baseline without images: what it draws can be worked out by hand, what it predicts follows the record alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mdfnet.clinical.schema import Schema
from mdfnet.core.types import PAPER_CLASSES, Classes, Sample, Target
from mdfnet.data.phantom import PhantomConfig, phantoms
from mdfnet.experiments.clinical_only import BOXES, ClinicalOnly, typical_boxes

LEFT, RIGHT, ODD = [0, 0, 40, 50], [60, 0, 100, 50], [45, 80, 55, 100]


def image(number: int, *boxes: list[int], clinical=None, width: int = 100, height: int = 100) -> Sample:
    scale = [width / 100, height / 100] * 2
    target = Target.of([np.multiply(box, scale) for box in boxes], [1] * len(boxes))
    return Sample(f"f{number}", None, width, height, target, clinical)


def test_typical_boxes_are_those_that_hit_most():
    images = [
        image(0, LEFT),
        image(1, LEFT, width=400),
        image(2, LEFT, RIGHT),
        image(3, RIGHT),
        image(4, ODD),
        image(5),
    ]
    found = typical_boxes(images, 1)
    assert (100 * found.boxes).round().tolist() == [LEFT, RIGHT, ODD]  # as shares of each image's own width and height
    assert found.shares.tolist() == [3 / 5, 2 / 5, 1 / 5]  # of the five images with the finding


def test_two_marks_on_an_image_are_one_image():
    assert typical_boxes([image(0, LEFT, LEFT), image(1, LEFT)], 1).shares.tolist() == [1.0]


def test_no_more_boxes_than_said():
    apart = [image(i, [10 * i, 0, 10 * i + 9, 9]) for i in range(9)]
    assert len(typical_boxes(apart, 1).shares) == BOXES


def test_boxes_are_in_the_pixels_of_each_image():
    schema, nothing = Schema.load("age-sex-view"), np.full(3, np.nan, np.float32)
    images = [image(i, LEFT, clinical=nothing) for i in range(4)]
    (found,) = ClinicalOnly(images, Classes(("Mass",)), schema).detect(
        [image(9, clinical=nothing, width=200, height=50)]
    )
    np.testing.assert_allclose(found.boxes, [[0, 0, 80, 25]])
    assert found.scores.tolist() == [1.0]  # it was on every training image, always there


def test_a_finding_that_training_never_had_is_never_drawn():
    nothing = np.full(3, np.nan, np.float32)
    images = [image(i, LEFT, clinical=nothing) for i in range(4)]
    (found,) = ClinicalOnly(images, Classes(("Mass", "Hernia")), Schema.load("age-sex-view")).detect(images[:1])
    assert set(found.labels.tolist()) == {1}


@pytest.mark.parametrize("count", [1, 2, 4, 15, 45])
def test_few_images_are_enough_to_run(count):
    random = np.random.default_rng(count)
    images = [
        image(i, *[LEFT] * (i % 3 == 0), clinical=random.uniform(0, 2, 3).astype(np.float32)) for i in range(count)
    ]
    found = ClinicalOnly(images, Classes(("Mass",)), Schema.load("age-sex-view")).detect(images)
    assert len(found) == count and all(0 <= one.scores.item() <= 1 for one in found)


@pytest.mark.parametrize(
    ("signal", "low", "high"),
    [
        pytest.param(1.0, 0.85, 1.0, id="records tell edema"),
        pytest.param(0.0, 0.3, 0.7, id="records tell nothing"),
    ],
)
def test_it_knows_what_the_records_tell(signal, low, high):
    made = phantoms(PhantomConfig(count=700, size=64, signal=signal, missing=0.2, seed=3))
    samples = [Sample(one.id, None, 64, 64, one.target, one.clinical) for one in made]
    model = ClinicalOnly(samples[:500], PAPER_CLASSES, Schema.load("mimic-ed"))
    edema = PAPER_CLASSES.label("Pulmonary edema")
    scores = [found.scores[found.labels == edema].max().item() for found in model.detect(samples[500:])]
    present = [bool((sample.target.labels == edema).any()) for sample in samples[500:]]
    assert low <= roc_auc_score(present, scores) <= high


def test_scores_fall_and_the_same_seed_gives_the_same():
    samples = [
        Sample(one.id, None, 64, 64, one.target, one.clinical) for one in phantoms(PhantomConfig(count=60, size=64))
    ]
    first, again = (ClinicalOnly(samples, PAPER_CLASSES, Schema.load("mimic-ed"), seed=1).detect(samples) for _ in "12")
    for found, same in zip(first, again, strict=True):
        assert (found.scores.diff() <= 0).all() and (found.scores == same.scores).all()
        assert found.scores.min() >= 0 and found.scores.max() <= 1
