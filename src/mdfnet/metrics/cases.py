"""Images become flat, checked arrays, so that every score after that is array arithmetic."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mdfnet.core.arrays import Array, Bools, Floats, Ints
from mdfnet.core.errors import UserError


class Annotated(Protocol):
    """The ground truth of one image: :class:`mdfnet.core.types.Target`, or anything with such arrays."""

    @property
    def boxes(self) -> Any: ...

    @property
    def labels(self) -> Any: ...


class Detected(Annotated, Protocol):
    """What was found on one image: :class:`mdfnet.core.types.Detections` in main memory, or anything like it."""

    @property
    def scores(self) -> Any: ...


@dataclass(frozen=True)
class BoxArrays:
    """Boxes with scores on one image, where no model is about."""

    boxes: Array  #: ``[N, 4]``, ``x1, y1, x2, y2`` in pixels of the image
    labels: Array  #: ``[N]``, 1-based
    scores: Array  #: ``[N]`` in [0, 1]


@dataclass(frozen=True)
class Boxes:
    """Boxes of many images in one table, in image order."""

    image: Ints  #: int64 ``[N]``, index of the image
    label: Ints  #: int64 ``[N]``, 1-based
    box: NDArray[np.float64]  #: float64 ``[N, 4]``, ``x1, y1, x2, y2`` in pixels

    def __len__(self) -> int:
        return len(self.image)

    def per_image(self, images: int, classes: int) -> NDArray[np.int64]:
        """How many there are: int64 ``[images, classes]``."""
        place = self.image * classes + self.label - 1
        return np.bincount(place, minlength=images * classes).reshape(images, classes)


@dataclass(frozen=True)
class Cases:
    """The images of an evaluation: ground truth and detections as flat arrays.

    Examples:
        >>> from types import SimpleNamespace as Found
        >>> from mdfnet.core.types import Target
        >>> found = [Found(boxes=[[0, 0, 9, 9]], labels=[2], scores=[0.5]), Found(boxes=[], labels=[], scores=[])]
        >>> cases = Cases.of(found, [Target.of([], []), Target.of([[0, 0, 8, 9]], [1])], class_count=2)
        >>> cases.detections.image.tolist(), cases.truths.image.tolist(), cases.truths_per_image.tolist()
        ([0], [1], [[0, 0], [1, 0]])
    """

    images: tuple[str, ...]  #: Names of the images, unique; an image's index in here is its index everywhere
    class_count: int  #: Labels run from 1 to this
    truths: Boxes  #: The annotated boxes
    detections: Boxes  #: The boxes that were found
    scores: Floats  #: float64 ``[D]`` in [0, 1], one per detection

    @classmethod
    def of(
        cls,
        detections: Sequence[Detected],
        targets: Sequence[Annotated],
        class_count: int,
        images: Sequence[str] | None = None,
    ) -> Cases:
        """Lay out and check detections and targets of the same images in the same order.

        Args:
            detections: One per image; boxes ``[N, 4]``, labels ``[N]``, scores ``[N]`` in [0, 1].
            targets: One per image; boxes ``[N, 4]``, labels ``[N]``.
            class_count: Number of classes.
            images: Names of the images. Default: "0", "1", "2", ...

        Raises:
            UserError: There are no images; their numbers differ; a name is duplicated; a box, label or score is not
                what it should be. The image is named.
        """
        names = tuple(map(str, range(len(targets)) if images is None else images))
        _check_images(len(detections), len(targets), names)
        truths = _flatten(targets, names, class_count, "target")
        found = _flatten(detections, names, class_count, "detection")
        scores = _flatten_scores(detections, found, names)
        return cls(names, class_count, truths, found, scores)

    @property
    def truths_per_image(self) -> NDArray[np.int64]:
        """int64 ``[images, classes]``, how many boxes of each class were annotated on each image."""
        return self.truths.per_image(len(self.images), self.class_count)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the images' names and annotations, whatever their order."""
        truths = zip(self.truths.image, self.truths.label, self.truths.box.tolist(), strict=True)
        rows = sorted((self.images[image], int(label), *box) for image, label, box in truths)
        return hashlib.sha256(repr((sorted(self.images), rows)).encode()).hexdigest()


def _check_images(detections: int, targets: int, images: tuple[str, ...]) -> None:
    if not detections == targets == len(images):
        raise UserError(f"{detections} images with detections, {targets} with targets, {len(images)} image names")
    if not images:
        raise UserError("there are no images to evaluate")
    if len(set(images)) < len(images):
        twice = next(image for image in images if images.count(image) > 1)
        raise UserError("image is duplicated in the evaluation", where=f"image {twice}")


def _flatten(found: Sequence[Annotated], images: tuple[str, ...], class_count: int, what: str) -> Boxes:
    boxes = [np.asarray(one.boxes, np.float64).reshape(-1, 4) for one in found]
    labels = [np.asarray(one.labels, np.int64).reshape(-1) for one in found]
    for image, box, label in zip(images, boxes, labels, strict=True):
        if len(box) != len(label):
            raise UserError(f"{len(box)} {what} boxes but {len(label)} labels", where=f"image {image}")
    index = np.repeat(np.arange(len(images)), [len(label) for label in labels])
    table = Boxes(index, np.concatenate(labels), np.concatenate(boxes))
    x1, y1, x2, y2 = table.box.T
    proper = np.isfinite(table.box).all(1) & (x1 <= x2) & (y1 <= y2)
    _refuse(~proper, table, images, lambda row: f"{what} box {table.box[row].tolist()} is not x1 <= x2, y1 <= y2")
    strange = (table.label < 1) | (table.label > class_count)
    _refuse(strange, table, images, lambda row: f"{what} label {table.label[row]} is not in 1 to {class_count}")
    return table


def _flatten_scores(detections: Sequence[Detected], table: Boxes, images: tuple[str, ...]) -> Floats:
    scores = [np.asarray(found.scores, np.float64).reshape(-1) for found in detections]
    boxes_per_image = np.bincount(table.image, minlength=len(images))
    for image, count, score in zip(images, boxes_per_image, scores, strict=True):
        if len(score) != count:
            raise UserError(f"{count} detection boxes but {len(score)} scores", where=f"image {image}")
    flat = np.concatenate(scores)
    _refuse(~((flat >= 0) & (flat <= 1)), table, images, lambda row: f"detection score {flat[row]} is not in [0, 1]")
    return flat


def _refuse(bad: Bools, table: Boxes, images: tuple[str, ...], describe: Callable[[int], str]) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise UserError(describe(row), where=f"image {images[table.image[row]]}")
