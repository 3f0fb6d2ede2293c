"""Measures by group: what they are, who is too small to judge, and how often a flag is wrong."""

from types import SimpleNamespace

import numpy as np
import pytest
from random_images import CLASS_COUNT, random_images

from mdfnet.core.types import Classes, Target
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.evaluation import score_detections
from mdfnet.metrics.groups import FEWEST, Grouping, by_group
from mdfnet.metrics.measures import Matched

AP = "AP@IoU=0.5"
BOX = [0, 0, 10, 10]


def images(found: list[bool]) -> Matched:
    """One mark of one class on each image; whether it is found. What is not is a false alarm of low score elsewhere."""
    here, elsewhere = (SimpleNamespace(boxes=[box], labels=[1], scores=[0.9]) for box in (BOX, [50, 50, 60, 60]))
    targets = [Target.of([BOX], [1])] * len(found)
    return Matched.of(Cases.of([here if one else elsewhere for one in found], targets, class_count=1))


def scored_images(random: np.random.Generator, count: int) -> Matched:
    """Half of the images have a mark, most of them found, and false alarms with scores that are mostly lower."""
    found, targets = [], []
    for _ in range(count):
        marked, alarms = random.random() < 0.5, random.poisson(0.5)
        hits = int(marked and random.random() < 0.85)
        scores = np.concatenate([random.beta(4, 2, hits), random.beta(2, 4, alarms)])
        boxes = [BOX] * hits + [[50, 50, 60, 60]] * alarms
        found.append(SimpleNamespace(boxes=boxes, labels=[1] * len(boxes), scores=scores))
        targets.append(Target.of([BOX] * marked, [1] * marked))
    return Matched.of(Cases.of(found, targets, class_count=1))


def groups_of(found, of, patients=None, **options):
    patients = patients or [str(number) for number in range(len(found))]
    grouping = Grouping("sex", ("F", "M", "other"), np.array(of))
    return by_group(images(found), patients, [grouping], measures=(AP,), **options)


def test_a_groups_figures_are_those_of_its_images_alone():
    detections, targets = random_images(3)
    of = np.arange(len(targets)) % 2
    classes = Classes(tuple("abcde"))
    matched = Matched.of(Cases.of(detections, targets, CLASS_COUNT))
    names = (AP, "FROC@IoU=0.5", "AUROC", "AP@IoBB=0.25")
    found = by_group(
        matched, [str(i) for i in range(80)], [Grouping("half", ("even", "odd"), of)], measures=names, replicates=20
    )
    for index, group in enumerate(found):
        inside = np.flatnonzero(of == index)
        alone = score_detections([detections[i] for i in inside], [targets[i] for i in inside], classes)
        for name in names:
            standing = group.standings[name]
            assert standing.value == pytest.approx(alone.mean(name)), (group.name, name)
            assert standing.low <= standing.value <= standing.high
        assert (group.images, group.truths) == (40, sum(alone.truths))


def test_a_difference_is_of_the_classes_that_both_have():
    """F has a class of its own, which nobody finds; in the class that both have they are alike."""
    box = SimpleNamespace(boxes=[BOX], labels=[1], scores=[0.9])
    shared, own = Target.of([BOX], [1]), Target.of([BOX, [30, 30, 40, 40]], [1, 2])
    matched = Matched.of(Cases.of([box] * 60, [own] * 30 + [shared] * 30, class_count=2))
    grouping = Grouping("sex", ("F", "M"), np.repeat([0, 1], 30))
    women, men = by_group(matched, [str(i) for i in range(60)], [grouping], measures=(AP,), replicates=50)
    assert (women.standings[AP].value, men.standings[AP].value) == (0.5, 1.0)
    assert women.standings[AP].difference == 0 and not women.falls_short


@pytest.mark.parametrize(
    ("women", "patients", "small"),
    [
        pytest.param(FEWEST, None, False, id="just enough patients and marks"),
        pytest.param(FEWEST - 1, None, True, id="a patient too few"),
        pytest.param(40, ["same"] * 40, True, id="many images of one patient"),
        pytest.param(100 - FEWEST + 1, None, True, id="the rest is too small to compare with"),
    ],
)
def test_small_groups_have_figures_but_no_difference(women, patients, small):
    names = (patients or []) + [str(number) for number in range(len(patients or []), 100)]
    found = groups_of([True] * 50 + [False] * 50, [0] * women + [1] * (100 - women), names, replicates=50)
    assert found[0].too_small == small
    assert np.isnan(found[0].standings[AP].difference) == small
    assert not np.isnan(found[0].standings[AP].value)
    assert not small or not found[0].falls_short


def test_groups_without_images_are_left_out():
    assert [group.name for group in groups_of([True] * 60, [0] * 30 + [2] * 30, replicates=20)] == ["F", "other"]


def test_patients_count_once_however_many_images():
    """Ten images each of 30 patients are no more certain than one each."""
    random = np.random.default_rng(0)
    once = random.random(60) < 0.6
    of = np.repeat([0, 1], 30)
    tenfold = [str(number // 10) for number in range(600)]
    few, many = (
        groups_of(found, labels, patients)[0].standings[AP]
        for found, labels, patients in (
            (once.tolist(), of, None),
            (np.repeat(once, 10).tolist(), np.repeat(of, 10), tenfold),
        )
    )
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.15)


def test_flags_without_a_reason_are_rare():
    """Eight groupings that have nothing to do with anything: few sets of images have any flag.

    Uncorrected, a third of them would: 1 - 0.95 ** 8.
    """
    random, flagged, count = np.random.default_rng(1), 0, 300
    for _ in range(60):
        groupings = [Grouping(str(k), ("a", "b"), random.integers(0, 2, count)) for k in range(8)]
        matched, names = scored_images(random, count), ("AUROC",)
        groups = by_group(matched, [str(i) for i in range(count)], groupings, measures=names, replicates=100)
        flagged += any(group.falls_short for group in groups)
    assert flagged <= 7


def test_a_group_that_is_found_worse_is_flagged_and_the_other_is_not():
    random = np.random.default_rng(2)
    found = np.concatenate([random.random(100) < 0.3, random.random(100) < 0.9]).tolist()
    women, men = groups_of(found, [0] * 100 + [1] * 100)
    assert women.falls_short == (AP,) and men.falls_short == ()
    assert women.standings[AP].difference == pytest.approx(-men.standings[AP].difference)
