"""The target of one image put together box by box, each found to lie on the image."""

from __future__ import annotations

from collections.abc import Iterable

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import CocoEntry, box_of, outline_of


class TargetBuilder:
    """Collects what a file says of one image of this size in pixels."""

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self._boxes: list[Array] = []
        self._labels: list[int] = []
        self._outlines: list[Array | None] = []

    def add(self, box: Array, label: int, where: object, outline: Array | None = None) -> None:
        """Take in a box ``[4]`` xyxy, its 1-based label and, where there is one, its outline ``[P, 2]``."""
        if not (box[2:] > box[:2]).all():
            raise UserError(f"box {_corners(box)} has no area", where=where, fix="fix or remove it")
        check_inside(box, self.width, self.height, where)
        self._boxes.append(box)
        self._labels.append(label)
        self._outlines.append(outline)

    def target(self) -> Target:
        return Target.of(self._boxes, self._labels, self._outlines)


def coco_target(annotations: Iterable[CocoEntry], classes: Classes, size: tuple[int, int], where: str) -> Target:
    """What COCO annotations say of an image of this width and height."""
    found = TargetBuilder(*size)
    for annotation in annotations:
        here = f"{where} annotation {annotation['id']}"
        label = classes.label_of_id(annotation["category_id"], here)
        found.add(box_of(annotation, here), label, here, outline_of(annotation, here))
    return found.target()


def check_inside(box: Array, width: int, height: int, where: object) -> None:
    """Make sure that a box meets its image."""
    if box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
        raise UserError(f"box {_corners(box)} lies outside the image of {width} x {height} pixels", where=where)


def _corners(box: Array) -> str:
    return ", ".join(f"{corner:g}" for corner in box)
