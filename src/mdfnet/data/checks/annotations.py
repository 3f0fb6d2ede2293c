"""Checks of names and of every box by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mdfnet.core.errors import UserError
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import Mark, RawDataset
from mdfnet.data.coco import box_of, outline_of
from mdfnet.data.dataset_folder import check_inside
from mdfnet.data.names import ANNOTATIONS, DESCRIPTION, checked_name, image_id

#: A box may reach over the image's edge by this much before it is worth a warning, in pixels (rounding).
TOLERANCE = 1.0

#: A box that covers this share of its image marks no place.
WHOLE_IMAGE = 0.9

#: A box narrower than this share of the image's shorter side is below what a reader can mark.
TINY = 0.01

#: An outline's extents may differ from its box by this share of the box's longer side.
OUTLINE_TOLERANCE = 0.05


def check_annotations(raw: RawDataset) -> Iterator[Finding]:
    """Empty dataset, names, categories, and every box by itself."""
    if not raw.coco["images"]:
        yield Finding("dataset-empty", "the dataset has no images", ANNOTATIONS)
    yield from _check_names(raw)
    categories = {(entry["id"], entry["name"]) for entry in raw.coco["categories"]}
    if raw.description and categories != {(entry.id, entry.name) for entry in raw.description.classes}:
        yield Finding("categories-differ", f"the categories differ from the classes of {DESCRIPTION}", ANNOTATIONS)
    for annotation in raw.coco["annotations"]:
        yield from _check_annotation(raw, annotation)
    for mark in raw.marks:
        yield from _check_extent(mark, *raw.sizes[mark.image])


def _check_names(raw: RawDataset) -> Iterator[Finding]:
    names = {}
    for image in raw.coco["images"]:
        name = image["file_name"]
        try:
            identifier = image_id(checked_name(name))
        except UserError as error:
            yield Finding.of_error("image-name", error, ANNOTATIONS, image["id"])
            continue
        if identifier in names:
            what = f"image {name!r} is named like {names[identifier]!r}"
            yield Finding("image-name", what, ANNOTATIONS, image["id"], "names without suffix must be unique")
        names[identifier] = name


def _check_annotation(raw: RawDataset, annotation: Mapping[str, Any]) -> Iterator[Finding]:
    identifier, category_id = annotation["id"], annotation["category_id"]
    image = raw.images.get(annotation["image_id"])
    if category_id not in raw.category_names:
        what = f"unknown category id {category_id}"
        fix = f"known are: {', '.join(map(str, raw.category_names))}"
        yield Finding("class-unknown", what, ANNOTATIONS, identifier, fix)
    if image is None:
        yield Finding("box-orphan", f"no image has id {annotation['image_id']}", ANNOTATIONS, identifier)
    images = (image["file_name"],) if image else ()
    box = outline = None
    try:
        outline = outline_of(annotation, None)
    except UserError as error:
        yield Finding.of_error("outline-invalid", error, ANNOTATIONS, identifier, images=images)
    try:
        box = box_of(annotation, None)
    except UserError as error:
        yield Finding.of_error("box-degenerate", error, ANNOTATIONS, identifier, images=images)
    if box is not None and outline is not None:
        off = np.abs(np.concatenate([outline.min(0), outline.max(0)]) - box).max()
        if off > max(2 * TOLERANCE, OUTLINE_TOLERANCE * (box[2:] - box[:2]).max()):
            what = f"the outline's extents differ from the box by {off:.1f} pixels"
            yield Finding("outline-off-box", what, ANNOTATIONS, identifier, images=images, boxes=(identifier,))


def _check_extent(mark: Mark, width: int, height: int) -> Iterator[Finding]:
    """A box beside its image: off it, over its edge, as large as it, or next to nothing."""
    box, about = mark.box, {"images": (mark.image,), "boxes": (mark.id,)}
    try:
        check_inside(box, width, height, None)
    except UserError as error:
        yield Finding.of_error("box-outside", error, ANNOTATIONS, mark.id, images=(mark.image,))
        return
    over = max(-box[0], -box[1], box[2] - width, box[3] - height)
    if over > TOLERANCE:
        what = f"the box reaches {over:.1f} pixels over the edge of {mark.image}"
        yield Finding("box-over-edge", what, ANNOTATIONS, mark.id, **about)
    corners = np.clip(box, 0, [width, height, width, height])
    sides = corners[2:] - corners[:2]
    if (share := sides.prod() / (width * height)) >= WHOLE_IMAGE:
        what = f"the box covers {share:.0%} of {mark.image}"
        yield Finding("box-whole-image", what, ANNOTATIONS, mark.id, **about)
    if sides.min() < TINY * min(width, height):
        what = f"the box has {sides[0]:.1f} x {sides[1]:.1f} of the {width} x {height} pixels of {mark.image}"
        yield Finding("box-tiny", what, ANNOTATIONS, mark.id, **about)
