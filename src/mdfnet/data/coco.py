"""Boxes and outlines as COCO writes them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json

#: An image, an annotation or a category of a COCO file: `REQUIRED_KEYS` are there, others may be.
CocoEntry: TypeAlias = Mapping[str, Any]

#: No image is larger, in pixels; what lies beyond is no coordinate.
_FARTHEST = 1e6

#: Part of the file -> key every entry of it has -> types of the value.
REQUIRED_KEYS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "images": {"id": (int, str), "file_name": str, "width": int, "height": int},
    "annotations": {"id": (int, str), "image_id": (int, str), "category_id": int},
    "categories": {"id": int, "name": str},
}


def read_coco_json(path: str | Path) -> dict[str, list[CocoEntry]]:
    """A COCO detection file whose skeleton is sound: lists of images, annotations and categories with unique ids."""
    content = read_json(path)
    parts: dict[str, list[CocoEntry]] = {}
    for part, keys in REQUIRED_KEYS.items():
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise UserError(f"no list {part!r}", where=path, fix="give a COCO detection file")
        seen = set()
        for position, entry in enumerate(entries):
            if key := malformed_key(entry, keys):
                raise UserError(f"entry {position} has no valid {key!r}", where=f"{path} {part}")
            if entry["id"] in seen:
                raise UserError(f"id {entry['id']} is duplicated", where=f"{path} {part}", fix="ids must be unique")
            seen.add(entry["id"])
        parts[part] = entries
    images = {image["id"] for image in parts["images"]}
    for annotation in parts["annotations"]:
        if annotation["image_id"] not in images:
            raise UserError(f"no image has id {annotation['image_id']}", where=f"{path} annotation {annotation['id']}")
    return parts


def malformed_key(entry: Any, keys: Mapping[str, type | tuple[type, ...]]) -> str | None:
    """First required key that an entry lacks or has with a value of another type.

    Examples:
        >>> malformed_key({"id": 1, "name": None}, REQUIRED_KEYS["categories"])
        'name'
    """
    if not isinstance(entry, dict):
        return next(iter(keys))
    values = ((key, entry.get(key), types) for key, types in keys.items())
    return next((key for key, value, types in values if isinstance(value, bool) or not isinstance(value, types)), None)


def box_of(annotation: CocoEntry, where: object) -> Array:
    """Box of an annotation: COCO's x, y, width, height -> float32 ``[4]`` x1, y1, x2, y2 in pixels.

    Examples:
        >>> box_of({"bbox": [10, 20, 30, 5.5]}, "a.json").tolist()
        [10.0, 20.0, 40.0, 25.5]
    """
    numbers = annotation.get("bbox")
    if not isinstance(numbers, list) or len(numbers) != 4 or not all(map(is_coordinate, numbers)):
        raise UserError(f"bbox is {numbers!r}, not four finite numbers x, y, width, height", where=where)
    x, y, width, height = numbers
    box = np.array([x, y, x + width, y + height], np.float32)
    if not (box[2:] > box[:2]).all():
        raise UserError(f"bbox has no area: width {width}, height {height}", where=where, fix="fix or remove it")
    return box


def bbox(box: Array) -> list[float]:
    """COCO's x, y, width, height of a float32 ``[4]`` box, in decimals short to read and exact to read back.

    Examples:
        >>> bbox(np.array([112.5, 273.5, 155.9, 313.1], np.float32))
        [112.5, 273.5, 43.4, 39.6]
    """
    x1, y1, x2, y2 = (_decimal(value) for value in box)
    return [x1, y1, round(x2 - x1, 9), round(y2 - y1, 9)]


def outline_of(annotation: CocoEntry, where: object) -> Array | None:
    """Outline of an annotation, float32 ``[P, 2]``, or None when it has none.

    Examples:
        >>> outline_of({"segmentation": [[0, 0, 4, 0, 4, 3]]}, "a.json").tolist()
        [[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]]
    """
    parts = annotation.get("segmentation")
    if not parts:
        return None
    if not isinstance(parts, list) or len(parts) != 1:
        kind = "run-length coded" if isinstance(parts, dict) else "in several parts"
        raise UserError(f"the segmentation is {kind}", where=where, fix="give one polygon per annotation")
    numbers = parts[0]
    if not isinstance(numbers, list) or len(numbers) < 6 or len(numbers) % 2 or not all(map(is_coordinate, numbers)):
        raise UserError("the segmentation is not a polygon x1, y1, x2, y2, x3, y3, ...", where=where)
    return np.array(numbers, np.float32).reshape(-1, 2)


def segmentation(outline: Array | None) -> list[list[float]]:
    """COCO's segmentation of an outline ``[P, 2]``; empty when there is none."""
    return [] if outline is None else [[_decimal(value) for value in np.asarray(outline, np.float32).ravel()]]


def _decimal(value: np.float32) -> float:
    """The shortest decimal that is this float32."""
    return float(str(np.float32(value)))


def is_coordinate(number: Any) -> bool:
    """Whether something is a finite number that could be a place on an image, in pixels.

    Examples:
        >>> [is_coordinate(number) for number in (12.5, -3, True, "12", float("nan"), 1e39)]
        [True, True, False, False, False, False]
    """
    return isinstance(number, int | float) and not isinstance(number, bool) and abs(number) <= _FARTHEST
