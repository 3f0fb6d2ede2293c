"""Boxes go where the image goes, and hearts stay on their side."""

import numpy as np
import pytest
import torch

from mdfnet.core.outlines import ellipse
from mdfnet.core.types import Target
from mdfnet.training.augment import AUGMENTATIONS, Chest, flip


def blob(center, radius, side=96):
    """An image with one bright disk, and the disk's box."""
    axis = np.arange(side) + 0.5
    distance = np.hypot(axis[None] - center[0], axis[:, None] - center[1])
    box = [center[0] - radius, center[1] - radius, center[0] + radius, center[1] + radius]
    return torch.from_numpy((distance <= radius).astype(np.float32))[None], box


def box_of(image):
    rows, columns = np.nonzero(image[0].numpy() > 0.5)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("outlined", [True, False], ids=["with an outline", "with a box only"])
def test_the_box_follows_the_image(seed, outlined):
    image, box = blob((40, 52), 14)
    target = Target.of([box], [2], [ellipse(np.array(box))] if outlined else None)
    calm = Chest(rotate=15, exposure=0, noise=0)
    moved, found = calm(image, target, np.random.default_rng(seed))
    np.testing.assert_allclose(found.boxes[0], box_of(moved), atol=1.5)
    assert found.labels.tolist() == [2]


@pytest.mark.parametrize("seed", range(8))
def test_a_chest_keeps_its_sides(seed):
    image, box = blob((70, 48), 10)
    moved, found = Chest()(image, Target.of([box], [1]), np.random.default_rng(seed))
    assert found.boxes[0, 0] > 48 and moved.min() >= 0 and moved.max() <= 1


def test_what_leaves_the_image_is_dropped():
    image, box = blob((2, 2), 2)
    gone = Chest(rotate=0, zoom=0, shift=0.5, exposure=0, noise=0)
    kept = [len(gone(image, Target.of([box], [1]), np.random.default_rng(seed))[1]) for seed in range(20)]
    assert set(kept) == {0, 1}


def test_boxes_never_leave_the_image():
    for seed in range(30):
        random = np.random.default_rng(seed)
        corner = random.uniform(0, 60, 2)
        target = Target.of([[*corner, *(corner + 36)]], [1])
        _, found = Chest(rotate=20, zoom=0.3, shift=0.2)(torch.zeros(1, 96, 96), target, random)
        assert (found.boxes >= 0).all() and (found.boxes <= 96).all()


def test_the_same_seed_gives_the_same_image():
    image, box = blob((40, 52), 14)
    first, second = (Chest()(image, Target.of([box], [1]), np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first[0], second[0]) and np.array_equal(first[1].boxes, second[1].boxes)


def test_the_papers_flip_mirrors_image_and_boxes():
    image, box = blob((20, 50), 8)
    target = Target.of([box], [1], [ellipse(np.array(box))])
    flipped = {}
    for seed in range(8):
        moved, found = flip(image, target, np.random.default_rng(seed))
        np.testing.assert_allclose(found.boxes[0], box_of(moved), atol=1)
        np.testing.assert_allclose(found.polygons[0].min(0), found.boxes[0, :2], atol=0.2)
        flipped[bool(found.boxes[0, 0] > 48)] = True
    assert set(flipped) == {True, False}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_healthy_image_stays_without_boxes(name):
    _, found = AUGMENTATIONS[name](torch.rand(1, 32, 32), Target.of([], []), np.random.default_rng(0))
    assert found.boxes.shape == (0, 4) and found.labels.shape == (0,)
