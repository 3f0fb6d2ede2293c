"""Checks of boxes and classes."""

from __future__ import annotations

from collections.abc import Iterator

from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.coco import box_of, outline_of
from mdfnet.data.dataset import check_inside
from mdfnet.data.layout import ANNOTATIONS, DESCRIPTION, checked_name, film_id
from mdfnet.errors import UserError

#: A box may reach over the film's edge by this much before it is worth a warning, in pixels (rounding).
TOLERANCE = 1.0


def check_annotations(raw: RawDataset) -> Iterator[Finding]:
    """Empty dataset, names, classes, and every box."""
    if not raw.coco["images"]:
        yield Finding("dataset-empty", "error", "the dataset has no films", ANNOTATIONS)
    yield from _check_names(raw)
    yield from _check_classes(raw)
    seen = set()
    for annotation in raw.coco["annotations"]:
        yield from _check_annotation(raw, annotation)
        mark = (annotation["image_id"], annotation["category_id"], repr(annotation.get("bbox")))
        if mark in seen:
            what = f"the same box of the same class stands twice on image {annotation['image_id']}"
            yield Finding("box-duplicate", "warning", what, ANNOTATIONS, annotation["id"], "remove one")
        seen.add(mark)


def _check_names(raw: RawDataset) -> Iterator[Finding]:
    names = {}
    for image in raw.coco["images"]:
        name = image["file_name"]
        try:
            identifier = film_id(checked_name(name))
        except UserError as error:
            yield Finding.of_error("film-name", error, ANNOTATIONS, image["id"])
            continue
        if identifier in names:
            what = f"film {name!r} is named like {names[identifier]!r}"
            yield Finding("film-name", "error", what, ANNOTATIONS, image["id"], "names without suffix must be unique")
        names[identifier] = name


def _check_classes(raw: RawDataset) -> Iterator[Finding]:
    categories = {(entry["id"], entry["name"]) for entry in raw.coco["categories"]}
    if raw.description and categories != {(entry.id, entry.name) for entry in raw.description.classes}:
        what = f"the categories differ from the classes of {DESCRIPTION}"
        yield Finding("categories-differ", "error", what, ANNOTATIONS, fix="make ids and names the same in both")
    used = set().union(*raw.labels.values())
    for category_id, name in raw.category_names.items():
        if category_id not in used:
            yield Finding("class-unused", "warning", f"class {name!r} has no box", ANNOTATIONS, fix="remove the class")


def _check_annotation(raw: RawDataset, annotation: dict) -> Iterator[Finding]:
    identifier, category_id = annotation["id"], annotation["category_id"]
    image = raw.images.get(annotation["image_id"])
    if category_id not in raw.category_names:
        what = f"unknown category id {category_id}"
        fix = f"known are: {', '.join(map(str, raw.category_names))}"
        yield Finding("class-unknown", "error", what, ANNOTATIONS, identifier, fix)
    if image is None:
        yield Finding("box-orphan", "error", f"no image has id {annotation['image_id']}", ANNOTATIONS, identifier)
    try:
        outline_of(annotation, None)
    except UserError as error:
        yield Finding.of_error("outline-invalid", error, ANNOTATIONS, identifier)
    try:
        box = box_of(annotation, None)
    except UserError as error:
        yield Finding.of_error("box-degenerate", error, ANNOTATIONS, identifier)
        return
    if image is None:
        return
    try:
        check_inside(box, image["width"], image["height"], None)
    except UserError as error:
        yield Finding.of_error("box-outside", error, ANNOTATIONS, identifier)
        return
    over = max(-box[0], -box[1], box[2] - image["width"], box[3] - image["height"])
    if over > TOLERANCE:
        what = f"the box reaches {over:.1f} pixels over the edge of {image['file_name']}"
        yield Finding("box-outside", "warning", what, ANNOTATIONS, identifier, "is it in pixels of this film?")
