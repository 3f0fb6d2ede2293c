"""Kinds of errors on images drawn by hand."""

from types import SimpleNamespace

import pytest

from mdfnet.core.types import Target
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.mistakes import KINDS, SIZES, count_mistakes

BOX, HALF, TIGHT, CORNER, FAR = [0, 0, 10, 10], [0, 0, 10, 4], [0, 0, 10, 9], [9, 9, 19, 19], [50, 50, 60, 60]
ONE = Target.of([BOX], [1])


def mistakes(boxes, labels, scores, target=ONE, **options):
    found = SimpleNamespace(boxes=boxes, labels=labels, scores=scores)
    return count_mistakes(Cases.of([found], [target], class_count=2), **options)


@pytest.mark.parametrize(
    ("boxes", "labels", "scores", "expected"),
    [
        pytest.param([BOX], [1], [0.9], {}, id="a hit is no mistake"),
        pytest.param([], [], [], {"missed": 1}, id="nothing found"),
        pytest.param([BOX], [1], [0.05], {"missed": 1}, id="too low a score is not found"),
        pytest.param([HALF], [1], [0.9], {"localization": 1}, id="loosely on it: found in the wrong way, not missed"),
        pytest.param([BOX], [2], [0.9], {"confusion": 1}, id="the right place under another name"),
        pytest.param([HALF], [2], [0.9], {"other": 1, "missed": 1}, id="loose and of another class"),
        pytest.param([FAR], [1], [0.9], {"background": 1, "missed": 1}, id="on nothing"),
        pytest.param([CORNER], [1], [0.9], {"background": 1, "missed": 1}, id="touching by less than a tenth"),
        pytest.param([BOX, TIGHT], [1, 1], [0.9, 0.8], {"duplicate": 1}, id="twice the same"),
        pytest.param([BOX, HALF], [1, 1], [0.9, 0.8], {"localization": 1}, id="a hit and a loose one"),
        pytest.param([TIGHT, BOX, FAR], [1, 2, 2], [0.9] * 3, {"confusion": 1, "background": 1}, id="a hit, two wrong"),
    ],
)
def test_kinds(boxes, labels, scores, expected):
    counts = mistakes(boxes, labels, scores).counts
    assert {kind: int(counts[kind].sum()) for kind in KINDS if counts[kind].any()} == expected


def test_two_marks_and_the_hit_takes_the_nearer():
    """The loose box lies on the mark that was not taken."""
    target = Target.of([[0, 0, 10, 10], [0, 11, 10, 21]], [1, 1])
    counts = mistakes([[0, 0, 10, 10], [0, 11, 10, 15]], [1, 1], [0.9, 0.8], target).counts
    assert counts["localization"].sum() == 1 and counts["missed"].sum() == 0


def test_sizes_are_thirds_of_the_marked_boxes():
    squares = [[100 * i, 0, 100 * i + side, side] for i, side in enumerate((10, 20, 30))]
    target = Target.of(squares, [1, 1, 2])
    found = [squares[0], [500, 500, 540, 540], [600, 600, 620, 620]]
    result = mistakes(found, [1, 2, 1], [0.9, 0.8, 0.7], target)
    assert result.truths.tolist() == [[1, 1, 0], [0, 0, 1]] and len(SIZES) == 3
    assert result.hits.tolist() == [[1, 0, 0], [0, 0, 0]]
    assert result.counts["missed"].tolist() == [[0, 1, 0], [0, 0, 1]]
    assert result.counts["background"].tolist() == [[0, 1, 0], [0, 0, 1]]
    assert 10 < result.borders[0] < 20 < result.borders[1] < 30


def test_images_without_anything():
    result = mistakes([], [], [], Target.of([], []))
    assert not any(count.any() for count in result.counts.values()) and not result.truths.any()


def test_every_false_alarm_and_every_miss_has_one_kind():
    """Agrees in sum with what pycocotools counts, through the counts that it checks."""
    from random_images import CLASS_COUNT, random_images

    from mdfnet.metrics.counts import count
    from mdfnet.metrics.matching import match

    for seed in range(3):
        cases = Cases.of(*random_images(seed), CLASS_COUNT)
        result = count_mistakes(cases, score=0.3)
        counts = count(match(cases, thresholds=(0.5,)), threshold=0.5, score=0.3)
        false_alarms = sum(result.counts[kind].sum(1) for kind in KINDS[:-1])
        assert false_alarms.tolist() == [one.false_positives for one in counts]
        assert result.hits.sum(1).tolist() == [one.true_positives for one in counts]
        assert (result.counts["missed"].sum(1) <= [one.false_negatives for one in counts]).all()
