"""The rules one by one; test_agreement_with_pycocotools.py has them all at once."""

from types import SimpleNamespace

import pytest

from mdfnet.core.types import Target
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.matching import match

LEFT, RIGHT, MIDDLE = [0, 0, 10, 10], [6, 0, 16, 10], [3, 0, 13, 10]


def matches(boxes, scores, truths, labels=None, **options):
    found = SimpleNamespace(boxes=boxes, labels=labels or [1] * len(boxes), scores=scores)
    cases = Cases.of([found], [Target.of(truths, [1] * len(truths))], class_count=2)
    return match(cases, **{"thresholds": (0.5,)} | options)


@pytest.mark.parametrize(
    ("boxes", "scores", "truths", "hits"),
    [
        pytest.param([LEFT, LEFT], [0.4, 0.8], [LEFT], [True, False], id="a truth is taken once, by the highest score"),
        pytest.param([LEFT, RIGHT], [0.5, 0.5], [RIGHT], [False, True], id="equal scores stay in the order given"),
        pytest.param(
            [MIDDLE, RIGHT],
            [0.8, 0.4],
            [LEFT, RIGHT],
            [True, False],
            id="of equal overlaps the last is taken, so that the second detection finds it gone",
        ),
        pytest.param(
            [MIDDLE, RIGHT],
            [0.8, 0.4],
            [RIGHT, LEFT],
            [True, True],
            id="of equal overlaps the last is taken, so that the second detection finds the other free",
        ),
        pytest.param([[0, 0, 10, 5]], [0.5], [LEFT], [True], id="an overlap equal to the threshold is enough"),
        pytest.param([[0, 0, 10, 4.999]], [0.5], [LEFT], [False], id="one below it is not"),
    ],
)
def test_greedy_rules(boxes, scores, truths, hits):
    assert matches(boxes, scores, truths).matched.tolist() == [hits]


def test_another_class_is_not_hit():
    assert not matches([LEFT], [0.9], [LEFT], labels=[2]).matched.any()


def test_thresholds_of_0_and_1():
    far, exact_but_for_rounding = [90, 90, 99, 99], [0, 0, 10, 10 + 1e-10]
    assert matches([far], [0.9], [LEFT], thresholds=(0,)).matched.all()
    assert matches([exact_but_for_rounding], [0.9], [LEFT], thresholds=(1,)).matched.all()


def test_the_limit_is_per_image_and_class():
    one = matches([LEFT, LEFT, RIGHT], [0.5, 0.9, 0.7], [LEFT], labels=[1, 1, 2], max_detections=1)
    assert list(zip(one.label.tolist(), one.score.tolist(), strict=True)) == [(1, 0.9), (2, 0.7)]


def test_rows_are_found_by_threshold():
    one = matches([LEFT], [0.9], [LEFT], thresholds=(0.25, 0.5))
    assert one.row(0.5) == 1
    with pytest.raises(ValueError, match=r"not matched at iou 0\.3"):
        one.row(0.3)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"overlap": "giou"}, id="unknown overlap"),
        pytest.param({"thresholds": (0.5, 1.1)}, id="threshold above 1"),
        pytest.param({"thresholds": (float("nan"),)}, id="nan threshold"),
        pytest.param({"max_detections": 0}, id="no detections"),
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match=r"overlap|thresholds|max_detections"):
        matches([LEFT], [0.9], [LEFT], **options)
