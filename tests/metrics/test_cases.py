from types import SimpleNamespace

import numpy as np
import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.types import Target
from mdfnet.metrics.cases import Cases

BOX = [0, 0, 9, 9]
NAN = float("nan")


def found(boxes=(), labels=(), scores=()):
    return SimpleNamespace(boxes=boxes, labels=labels, scores=scores)


def two_images(second, target=None, images=("healthy", "ill")):
    targets = [Target.of([], []), target or Target.of([BOX], [1])]
    return Cases.of([found(), second], targets, class_count=2, images=images)


@pytest.mark.parametrize(
    ("second", "target", "message"),
    [
        pytest.param(found([[0, NAN, 9, 9]], [1], [0.5]), None, "image ill: detection box", id="nan in a box"),
        pytest.param(found([[0, 0, np.inf, 9]], [1], [0.5]), None, "image ill: detection box", id="endless box"),
        pytest.param(found([[9, 0, 0, 9]], [1], [0.5]), None, "image ill: detection box", id="box turned around in x"),
        pytest.param(found([[0, 9, 9, 0]], [1], [0.5]), None, "image ill: detection box", id="box turned around in y"),
        pytest.param(found([BOX], [1], [NAN]), None, "image ill: detection score nan", id="nan score"),
        pytest.param(found([BOX], [1], [1.5]), None, "image ill: detection score 1.5", id="score above 1"),
        pytest.param(found([BOX], [1], [-0.1]), None, "image ill: detection score -0.1", id="score below 0"),
        pytest.param(found([BOX], [0], [0.5]), None, "image ill: detection label 0", id="background"),
        pytest.param(found([BOX], [3], [0.5]), None, "image ill: detection label 3", id="label above the classes"),
        pytest.param(
            found([BOX], [1, 1], [0.5]), None, "image ill: 1 detection boxes but 2 labels", id="label too many"
        ),
        pytest.param(found([BOX], [1], []), None, "image ill: 1 detection boxes but 0 scores", id="score too few"),
        pytest.param(found(), Target.of([[0, 0, NAN, 9]], [1]), "image ill: target box", id="nan in a target"),
        pytest.param(found(), Target.of([BOX], [3]), "image ill: target label 3", id="target of no class"),
    ],
)
def test_what_is_wrong_is_refused_with_its_image(second, target, message):
    with pytest.raises(UserError, match=message):
        two_images(second, target)


@pytest.mark.parametrize(
    ("detections", "targets", "images", "message"),
    [
        pytest.param([found()], [], None, "1 images with detections, 0 with targets", id="a target too few"),
        pytest.param([found()], [Target.of([], [])], ("a", "b"), "2 image names", id="a name too many"),
        pytest.param([], [], None, "no images", id="no images at all"),
        pytest.param([found()] * 2, [Target.of([], [])] * 2, ("a", "a"), "image a: .* duplicated", id="a name twice"),
    ],
)
def test_images_must_line_up(detections, targets, images, message):
    with pytest.raises(UserError, match=message):
        Cases.of(detections, targets, 2, images)


def test_images_without_anything_are_kept():
    cases = Cases.of([found()] * 3, [Target.of([], [])] * 3, class_count=2)
    assert cases.images == ("0", "1", "2")
    assert cases.truths_per_image.tolist() == [[0, 0]] * 3


def test_boxes_without_area_are_allowed():
    assert len(two_images(found([[3, 3, 3, 3]], [1], [0.5])).detections) == 1


def test_fingerprint_follows_images_and_truths_only():
    usual = two_images(found()).fingerprint
    assert two_images(found([BOX], [1], [0.5])).fingerprint == usual
    assert two_images(found(), images=("healthy", "worse")).fingerprint != usual
    assert two_images(found(), Target.of([[0, 0, 9, 8]], [1])).fingerprint != usual
    assert two_images(found(), Target.of([BOX], [2])).fingerprint != usual


def test_fingerprint_does_not_depend_on_the_order():
    first, second = Target.of([BOX, [1, 1, 2, 2]], [1, 2]), Target.of([BOX], [2])
    forth = Cases.of([found()] * 2, [first, second], 2, ("a", "b"))
    back = Cases.of([found()] * 2, [second, Target.of([[1, 1, 2, 2], BOX], [2, 1])], 2, ("b", "a"))
    assert forth.fingerprint == back.fingerprint
