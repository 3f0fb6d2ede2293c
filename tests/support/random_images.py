"""Random images with everything that makes matching hard.

Corners and scores lie on a coarse grid, so equal scores, equal overlaps, overlaps exactly at a threshold and duplicate
boxes abound; images without truths, without detections and without either occur, as do classes never marked.
"""

from types import SimpleNamespace

import numpy as np

CLASS_COUNT = 5  # of which 4 is neither marked nor found, and 5 is found but never marked
MARKED, FOUND = (1, 2, 3), (1, 2, 3, 5)


def random_images(seed, images=80, grid=5):
    rng = np.random.default_rng(seed)
    targets = [random_boxes(rng, rng.integers(0, 9) * rng.integers(0, 2), MARKED, grid) for _ in range(images)]
    return [random_detections(rng, target, grid) for target in targets], targets


def random_boxes(rng, number, labels, grid):
    corner = rng.integers(0, 10, (number, 2)) * grid
    size = rng.integers(0, 8, (number, 2)) * grid
    return SimpleNamespace(boxes=np.hstack([corner, corner + size]).astype(float), labels=rng.choice(labels, number))


def random_detections(rng, target, grid):
    """Noise, shifted copies of the truths and the truths themselves; about every eighth image has none."""
    noise = random_boxes(rng, rng.integers(0, 60), FOUND, grid)
    times = rng.integers(0, 3, len(target.boxes))
    near = np.repeat(target.boxes, times, axis=0) + rng.integers(-1, 2)
    boxes = np.vstack([noise.boxes, near, target.boxes])
    labels = np.concatenate([noise.labels, np.repeat(target.labels, times), target.labels])
    kept = rng.permutation(len(boxes))[: len(boxes) * min(rng.integers(0, 8), 1)]
    return SimpleNamespace(boxes=boxes[kept], labels=labels[kept], scores=rng.integers(0, 11, len(kept)) / 10)
