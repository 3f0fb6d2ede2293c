import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Target
from mdfnet.metrics import Evaluation, compare, score_detections
from mdfnet.metrics.counts import Counts
from mdfnet.metrics.evaluation import MEASURES

CLASSES = Classes(("Effusion", "Nodule", "Fracture"), ids=(3, 7, 90))
IMAGES = ("a", "b", "healthy")
BOX, HALF, QUARTER, FAR = [0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 20, 20], [50, 50, 60, 60]
TARGETS = (Target.of([BOX, FAR], [1, 2]), Target.of([BOX], [1]), Target.of([], []))
NOTHING = ((), (), ())


def run(*found, targets=TARGETS, images=IMAGES, **options):
    """Each image's detections are given as boxes, labels, scores."""
    detections = [SimpleNamespace(boxes=boxes, labels=labels, scores=scores) for boxes, labels, scores in found]
    return score_detections(detections, targets, CLASSES, images=images, **options)


@pytest.fixture
def good():
    return run(([BOX, FAR], [1, 2], [0.9, 0.8]), ([HALF], [1], [0.7]), ([FAR], [1], [0.05]))


@pytest.fixture
def poor():
    return run(([BOX], [1], [0.5]), NOTHING, ([FAR], [1], [0.6]))


def test_everything_found_is_one(good):
    assert good.measures["AP@IoU=0.5"][:2] == good.measures["AR@IoBB=0.5:0.95"][:2] == (1, 1)
    assert good.counts == (Counts(2, 0, 0), Counts(1, 0, 0), Counts(0, 0, 0))


def test_thresholds_and_overlaps_are_told_apart():
    """A box around the truth has IoU and IoBB 1/4; a half of it has IoU 1/2 and IoBB 1."""
    around = run(([QUARTER, FAR], [1, 2], [0.9, 0.9]), ([HALF], [1], [0.8]), NOTHING)
    recall = {name: around.measures[name][0] for name in MEASURES if name.startswith("AR")}
    assert recall == {
        "AR@IoU=0.25": 1,
        "AR@IoU=0.5": 1 / 2,
        "AR@IoU=0.5:0.95": pytest.approx(1 / 2 / 10),
        "AR@IoBB=0.25": 1,
        "AR@IoBB=0.5": 1 / 2,
        "AR@IoBB=0.5:0.95": pytest.approx(1 / 2),
    }
    assert around.counts[0] == Counts(true_positives=1, false_positives=1, false_negatives=1)


def test_a_class_never_marked_is_nan_and_left_out_of_the_mean(good):
    assert math.isnan(good.measures["AP@IoU=0.5"][2])
    assert good.mean("AP@IoU=0.5") == 1
    assert good.truths == (2, 1, 0)


def test_nothing_found_is_zero():
    nothing = run(NOTHING, NOTHING, NOTHING)
    assert nothing.mean("AP@IoU=0.25") == nothing.mean("AR@IoBB=0.25") == 0
    assert nothing.total == Counts(0, 0, 3)


def test_nothing_marked_is_nan_but_counted():
    healthy = run(([BOX], [1], [0.9]), targets=TARGETS[2:], images=None)
    assert math.isnan(healthy.mean("AP@IoU=0.5"))
    assert healthy.total == Counts(0, 1, 0)


def test_scores_below_the_threshold_are_not_counted(good):
    found = ([BOX, FAR], [1, 2], [0.9, 0.8]), ([HALF], [1], [0.7]), ([FAR], [1], [0.05])
    assert good.total.false_positives == 0
    assert run(*found, score_threshold=0.05).total.false_positives == 1
    assert run(*found, score_threshold=0.75).total == Counts(2, 0, 1)


def test_counts_go_by_iobb():
    """Inside the truth, but far smaller: IoU 1/10, IoBB 1."""
    assert run(([[0, 0, 10, 1]], [1], [0.9]), NOTHING, NOTHING).counts[0] == Counts(1, 0, 1)


def test_only_the_best_detections_count():
    found = ([FAR, BOX, FAR], [1, 1, 2], [0.9, 0.8, 0.7]), NOTHING, NOTHING
    assert run(*found).total == Counts(2, 1, 1)
    assert run(*found, max_detections=1).total == Counts(1, 1, 2)


def test_boxed_images_alone(poor):
    boxed = run(([BOX], [1], [0.5]), NOTHING, ([FAR], [1], [0.6]), boxed_only=True)
    assert (poor.images_with_truths, len(poor.images), boxed.images) == (2, 3, ("a", "b"))
    assert (poor.total.false_positives, boxed.total.false_positives) == (1, 0)
    assert boxed.measures["AP@IoU=0.5"][0] > poor.measures["AP@IoU=0.5"][0]


def test_boxed_images_alone_need_a_box():
    with pytest.raises(UserError, match="nothing is annotated"):
        run(NOTHING, targets=TARGETS[2:], images=None, boxed_only=True)


def test_json_and_back(good):
    text = json.dumps(good.to_dict(), allow_nan=False)
    back = Evaluation.from_dict(json.loads(text))
    assert back.classes == good.classes
    assert json.dumps(back.to_dict()) == text
    assert math.isnan(back.measures["AP@IoU=0.5"][2])


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data.pop("images"), id="a key is missing"),
        pytest.param(lambda data: data["measures"].pop("AP@IoU=0.5"), id="a measure is missing"),
        pytest.param(lambda data: data.update(color="blue"), id="an unknown key"),
        pytest.param(lambda data: data.update(counts=[{"hits": 3}]), id="other counts"),
        pytest.param(lambda data: data.update(measures=None), id="null in place of measures"),
        pytest.param(lambda data: data["measures"].update({"AP@IoU=0.5": ["much"]}), id="a word for a number"),
    ],
)
def test_what_is_not_an_evaluation_is_refused(good, spoil):
    data = good.to_dict()
    spoil(data)
    with pytest.raises(UserError, match="not an evaluation"):
        Evaluation.from_dict(data)


def test_rows_are_classes_and_all(good):
    rows = good.rows()
    assert [row["class"] for row in rows] == [*CLASSES.names, "all"]
    assert [row["truths"] for row in rows] == [2, 1, 0, 3]
    assert rows[-1]["AP@IoBB=0.5"] == good.mean("AP@IoBB=0.5")
    assert [row["true_positives"] for row in rows] == [2, 1, 0, 3]
    assert all(set(MEASURES) < set(row) for row in rows)


def test_differences_are_second_minus_first(poor, good):
    effusion, nodule, fracture, everything = compare(poor, good)
    assert effusion["AR@IoU=0.5"] == 1 / 2
    assert nodule["AP@IoU=0.5"] == 1
    assert math.isnan(fracture["AP@IoU=0.5"])
    assert everything["AR@IoU=0.5"] == pytest.approx((1 / 2 + 1) / 2)
    assert (everything["true_positives"], everything["false_positives"], everything["false_negatives"]) == (2, -1, -2)
    assert (effusion["class"], effusion["truths"]) == ("Effusion", 2)


def test_order_of_images_does_not_matter_for_a_comparison(good):
    turned = run(NOTHING, ([BOX], [1], [0.7]), NOTHING, targets=TARGETS[::-1], images=IMAGES[::-1])
    assert compare(good, turned)[-1]["true_positives"] == -2


@pytest.mark.parametrize(
    ("other", "message"),
    [
        pytest.param({"images": ("a", "b", "c")}, "2 are only in one of them: c, healthy", id="other images"),
        pytest.param({"targets": (*TARGETS[:2], TARGETS[1])}, "same images, but with other boxes", id="other truths"),
        pytest.param({"max_detections": 10}, "different max_detections, 100 and 10", id="another limit"),
        pytest.param({"score_threshold": 0.5}, "different score_threshold, 0.1 and 0.5", id="another score"),
    ],
)
def test_only_like_is_compared(good, other, message):
    with pytest.raises(UserError, match=message):
        compare(good, run(NOTHING, NOTHING, NOTHING, **other))


def test_only_the_same_classes_are_compared(good):
    with pytest.raises(UserError, match="different classes"):
        compare(good, replace(good, classes=Classes(("Effusion", "Nodule", "Pneumothorax"))))
