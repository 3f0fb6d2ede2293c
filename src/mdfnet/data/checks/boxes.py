"""Checks of boxes together: on one image, and on all images of one size."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import Mark, RawDataset
from mdfnet.data.names import ANNOTATIONS

#: Boxes of the same class with this IoU are one finding marked twice.
SAME_BOX = 0.8

#: A size of image is judged from this many boxes on.
FEWEST_BOXES = 20

#: Findings lie on both sides and down to the diaphragm: if all boxes of a size of image end within this share of its
#: width and of its height, they are in pixels of a smaller image.
REACH = 0.6

#: If this share of the boxes of a size of image reaches over its edge, they are in pixels of a larger image.
OVER = 0.2


def check_boxes(raw: RawDataset) -> Iterator[Finding]:
    """Duplicate and nearly equal boxes on an image, and boxes in another image's pixels."""
    for image, marks in raw.marks_of.items():
        for first, second in itertools.combinations(marks, 2):
            if first.category_id == second.category_id:
                yield from _check_pair(raw, image, first, second)
    yield from _check_sizes(raw)


def _check_pair(raw: RawDataset, image: str, first: Mark, second: Mark) -> Iterator[Finding]:
    name, ids = raw.category_names.get(first.category_id, first.category_id), (first.id, second.id)
    if (first.box == second.box).all():
        what = f"the same box of {name!r} stands twice on {image}, as annotations {first.id} and {second.id}"
        yield Finding("box-duplicate", what, ANNOTATIONS, second.id, images=(image,), boxes=ids)
    elif (overlap := _iou(first.box, second.box)) >= SAME_BOX:
        what = f"two boxes of {name!r} on {image}, annotations {first.id} and {second.id}, have an IoU of {overlap:.2f}"
        yield Finding("box-overlap", what, ANNOTATIONS, second.id, images=(image,), boxes=ids)


def _iou(first: np.ndarray, second: np.ndarray) -> float:
    shared = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None).prod()
    return float(shared / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - shared))


def _check_sizes(raw: RawDataset) -> Iterator[Finding]:
    groups: dict[tuple[int, int], list[Mark]] = defaultdict(list)
    for mark in raw.marks:
        groups[raw.sizes[mark.image]].append(mark)
    for (width, height), marks in groups.items():
        if len(marks) >= FEWEST_BOXES:
            yield from _check_size(width, height, marks)


def _check_size(width: int, height: int, marks: Sequence[Mark]) -> Iterator[Finding]:
    ends = np.stack([mark.box[2:] for mark in marks]) / (width, height)
    images, what = tuple(dict.fromkeys(mark.image for mark in marks)), f"on images of {width} x {height} pixels"
    over = float((ends > 1).any(1).mean())
    if (ends.max(0) < REACH).all():
        right, down = ends.max(0)
        what = f"{what} all {len(marks)} boxes end within {right:.0%} of the width and {down:.0%} of the height"
    elif over >= OVER:
        what = f"{what} {over:.0%} of {len(marks)} boxes reach over the edge"
    else:
        return
    yield Finding("boxes-other-size", what, ANNOTATIONS, count=len(marks), images=images)
