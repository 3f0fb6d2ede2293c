"""Checks of boxes: each by itself, those of one image together, and those of all images of one size."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mdfnet.core.errors import UserError
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawBox, RawDataset
from mdfnet.data.coco import box_of, outline_of
from mdfnet.data.names import ANNOTATIONS, DESCRIPTION
from mdfnet.data.targets import check_inside
from mdfnet.metrics.overlap import iou

#: A box may reach over the image's edge by this much before it is worth a warning, in pixels (rounding).
TOLERANCE = 1.0

#: A box that covers this share of its image localizes nothing.
WHOLE_IMAGE = 0.9

#: A box narrower than this share of the image's shorter side is smaller than anything a reader would draw.
TINY = 0.01

OUTLINE_TOLERANCE = 0.05  #: An outline's extents may differ from its box by this share of the box's longer side
SAME_BOX = 0.8  #: Boxes of the same class with this IoU are one finding annotated twice
FEWEST_BOXES = 20  #: Boxes on images of one size are judged together from this many on

#: Findings lie on both sides and down to the diaphragm: if all boxes on images of one size end within this share of
#: their width and height, the boxes are in pixels of a smaller image.
REACH = 0.6

#: If this share of the boxes on images of one size reaches over the edge, they are in pixels of a larger image.
OVER = 0.2


def check_boxes(raw: RawDataset) -> Iterator[Finding]:
    """Categories, every box by itself, duplicates on an image, and boxes in another image's pixels."""
    categories = {(entry["id"], entry["name"]) for entry in raw.coco["categories"]}
    if raw.description and categories != {(entry.id, entry.name) for entry in raw.description.classes}:
        yield Finding("categories-differ", f"the categories differ from the classes of {DESCRIPTION}", ANNOTATIONS)
    for annotation in raw.coco["annotations"]:
        yield from _check_annotation(raw, annotation)
    for box in raw.boxes:
        yield from _check_extent(box, *raw.sizes[box.image])
    for boxes in raw.boxes_of.values():
        yield from _check_pairs(raw, boxes)
    by_size: dict[tuple[int, int], list[RawBox]] = defaultdict(list)
    for box in raw.boxes:
        by_size[raw.sizes[box.image]].append(box)
    for (width, height), boxes in by_size.items():
        if len(boxes) >= FEWEST_BOXES:
            yield from _check_size(width, height, boxes)


def _check_annotation(raw: RawDataset, annotation: Mapping[str, Any]) -> Iterator[Finding]:
    identifier, category_id = annotation["id"], annotation["category_id"]
    image = raw.images.get(annotation["image_id"])
    if category_id not in raw.category_names:
        fix = f"known are: {', '.join(map(str, raw.category_names))}"
        yield Finding("class-unknown", f"unknown category id {category_id}", ANNOTATIONS, identifier, fix)
    if image is None:
        yield Finding("box-orphan", f"no image has id {annotation['image_id']}", ANNOTATIONS, identifier)
    images = (image["file_name"],) if image else ()
    box = outline = None
    try:
        outline = outline_of(annotation, None)
    except UserError as error:
        yield Finding.of_error("outline-invalid", error, ANNOTATIONS, identifier, images)
    try:
        box = box_of(annotation, None)
    except UserError as error:
        yield Finding.of_error("box-degenerate", error, ANNOTATIONS, identifier, images)
    if box is not None and outline is not None:
        off = np.abs(np.concatenate([outline.min(0), outline.max(0)]) - box).max()
        if off > max(2 * TOLERANCE, OUTLINE_TOLERANCE * (box[2:] - box[:2]).max()):
            what = f"the outline's extents differ from the box by {off:.1f} pixels"
            yield Finding("outline-off-box", what, ANNOTATIONS, identifier, images=images, boxes=(identifier,))


def _check_extent(box: RawBox, width: int, height: int) -> Iterator[Finding]:
    """How a box lies on its image: off it, over its edge, as large as it, or next to nothing."""

    def finding(kind: str, what: str) -> Finding:
        return Finding(kind, what, ANNOTATIONS, box.id, images=(box.image,), boxes=(box.id,))

    try:
        check_inside(box.corners, width, height, None)
    except UserError as error:
        yield Finding.of_error("box-outside", error, ANNOTATIONS, box.id, (box.image,))
        return
    x1, y1, x2, y2 = box.corners
    if (over := max(-x1, -y1, x2 - width, y2 - height)) > TOLERANCE:
        yield finding("box-over-edge", f"the box reaches {over:.1f} pixels over the edge of {box.image}")
    corners = np.clip(box.corners, 0, [width, height, width, height])
    sides = corners[2:] - corners[:2]
    if (share := sides.prod() / (width * height)) >= WHOLE_IMAGE:
        yield finding("box-whole-image", f"the box covers {share:.0%} of {box.image}")
    if sides.min() < TINY * min(width, height):
        what = f"the box has {sides[0]:.1f} x {sides[1]:.1f} of the {width} x {height} pixels of {box.image}"
        yield finding("box-tiny", what)


def _check_pairs(raw: RawDataset, boxes: Sequence[RawBox]) -> Iterator[Finding]:
    """The same box twice, and nearly equal boxes of one class, on one image."""
    corners = np.stack([box.corners for box in boxes])
    overlaps = iou(corners, corners)
    for (i, first), (j, second) in itertools.combinations(enumerate(boxes), 2):
        same = (first.corners == second.corners).all()
        if first.category_id != second.category_id or not (same or overlaps[i, j] >= SAME_BOX):
            continue
        label = raw.category_names.get(first.category_id, first.category_id)
        where = f"on {first.image}, annotations {first.id} and {second.id}"
        what = f"two boxes of {label!r} {where}, "
        what += "are the same" if same else f"have an IoU of {overlaps[i, j]:.2f}"
        kind, ids = "box-duplicate" if same else "box-overlap", (first.id, second.id)
        yield Finding(kind, what, ANNOTATIONS, second.id, images=(first.image,), boxes=ids)


def _check_size(width: int, height: int, boxes: Sequence[RawBox]) -> Iterator[Finding]:
    ends = np.stack([box.corners[2:] for box in boxes]) / (width, height)
    images, what = tuple(dict.fromkeys(box.image for box in boxes)), f"on images of {width} x {height} pixels"
    over = float((ends > 1).any(1).mean())
    if (ends.max(0) < REACH).all():
        right, down = ends.max(0)
        what = f"{what} all {len(boxes)} boxes end within {right:.0%} of the width and {down:.0%} of the height"
    elif over >= OVER:
        what = f"{what} {over:.0%} of {len(boxes)} boxes reach over the edge"
    else:
        return
    yield Finding("boxes-other-size", what, ANNOTATIONS, count=len(boxes), images=images)
