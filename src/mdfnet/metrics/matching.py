"""Which detections hit a truth: the greedy matching of COCO, at many overlap thresholds at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats, Ints
from mdfnet.metrics.cases import Boxes, Cases
from mdfnet.metrics.overlap import OVERLAPS

#: The thresholds whose mean is COCO's AP: 0.5, 0.55, ... 0.95.
COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())

_HIGHEST_THRESHOLD = 1 - 1e-10  #: COCO caps a threshold of 1 here, so that rounding cannot lose an exact hit


@dataclass(frozen=True)
class Matches:
    """Every kept detection with whether it hit a truth, highest score first; all scores are computed from this.

    Equal scores stay in image order. What hits what depends on one image alone, so images can be weighted, drawn again
    or left out without matching anew.
    """

    overlap: str  #: "iou" or "iobb"
    thresholds: tuple[float, ...]  #: The T overlap thresholds
    image: Ints  #: int64 ``[D]``, index of the image
    label: Ints  #: int64 ``[D]``, 1-based
    score: Floats  #: float64 ``[D]``, descending
    matched: Bools  #: bool ``[T, D]``
    truths: Ints  #: int64 ``[images, classes]``, number of annotated boxes
    index: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  #: Row in the cases' detections, if known

    def row(self, threshold: float) -> int:
        """Row of ``matched`` that belongs to an overlap threshold."""
        near = np.flatnonzero(np.isclose(self.thresholds, threshold, rtol=0, atol=1e-9))
        if not len(near):
            raise ValueError(f"not matched at {self.overlap} {threshold}, only at {self.thresholds}")
        return int(near[0])

    def per_image(self, chosen: Bools) -> Array:
        """How many of the detections that a mask ``[D]`` chooses: float64 ``[images, classes]``."""
        images, classes = self.truths.shape
        place = self.image * classes + self.label - 1
        return np.bincount(place, chosen, images * classes).reshape(images, classes)


def match(
    cases: Cases,
    *,
    overlap: str = "iou",
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    max_detections: int = 100,
) -> Matches:
    """Match detections to truths of the same image and class as ``COCOeval.evaluateImg`` of pycocotools does.

    The detections of an image and class, highest score first (equal scores in the order given), each take the free
    truth that they overlap most (of equal overlaps the last), if they overlap it by at least the threshold. A truth is
    taken once.

    Args:
        cases: The images.
        overlap: "iou" or "iobb".
        thresholds: Overlap thresholds in [0, 1]. At 0 any truth of the class on the image will do.
        max_detections: Per image and class, only so many of the highest scores count.

    Raises:
        ValueError: An unknown overlap, a threshold outside [0, 1], less than one detection.

    Examples:
        >>> from types import SimpleNamespace as Found
        >>> from mdfnet.core.types import Target
        >>> twice = Found(boxes=[[0, 0, 10, 10], [0, 0, 10, 9]], labels=[1, 1], scores=[0.6, 0.8])
        >>> cases = Cases.of([twice], [Target.of([[0, 0, 10, 10]], [1])], class_count=1)
        >>> matches = match(cases, thresholds=(0.5, 0.95))
        >>> matches.score.tolist(), matches.matched.tolist()
        ([0.8, 0.6], [[True, False], [False, True]])
    """
    if overlap not in OVERLAPS:
        raise ValueError(f"overlap is one of {', '.join(OVERLAPS)}, not {overlap!r}")
    if not all(0 <= threshold <= 1 for threshold in thresholds):
        raise ValueError(f"overlap thresholds lie in [0, 1], got {thresholds}")
    if max_detections < 1:
        raise ValueError(f"max_detections must be at least 1, got {max_detections}")
    kept = _best_of_each_group(cases, max_detections)
    matched = _match_groups(cases, kept, overlap, np.minimum(thresholds, _HIGHEST_THRESHOLD))
    by_score = np.argsort(-cases.scores[kept], kind="stable")
    kept = kept[by_score]
    return Matches(
        overlap,
        tuple(thresholds),
        cases.detections.image[kept],
        cases.detections.label[kept],
        cases.scores[kept],
        matched[:, by_score],
        cases.truths_per_image,
        kept,
    )


def _best_of_each_group(cases: Cases, max_detections: int) -> Ints:
    """Rows of the detections that count, by image, class and falling score."""
    order = np.lexsort((-cases.scores, cases.detections.label, cases.detections.image))
    group = _group(cases.detections, cases.class_count)[order]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    return order[rank < max_detections]


def _match_groups(cases: Cases, kept: Ints, overlap: str, thresholds: Floats) -> Bools:
    """Matched ``[T, D]`` of the kept detections, in their order."""
    of_detection = _group(cases.detections, cases.class_count)[kept]
    of_truth = _group(cases.truths, cases.class_count)
    order = np.argsort(of_truth, kind="stable")
    of_truth = of_truth[order]
    detections, truths = cases.detections.box[kept], cases.truths.box[order]

    both = np.intersect1d(of_detection, of_truth)
    matched = np.zeros((len(thresholds), len(kept)), bool)
    for mine, theirs in zip(_slices(of_detection, both), _slices(of_truth, both), strict=True):
        matched[:, mine] = _greedy(OVERLAPS[overlap](detections[mine], truths[theirs]), thresholds)
    return matched


def _greedy(overlaps: Floats, thresholds: Floats) -> Bools:
    """Matched ``[T, D]`` from the overlaps ``[D, G]`` of one image and class, detections by falling score."""
    rows = np.arange(len(thresholds))
    taken = np.zeros((len(thresholds), overlaps.shape[1]), bool)
    matched = np.zeros((len(thresholds), len(overlaps)), bool)
    # Truths run backwards because argmax gives the first of equals, COCO the last.
    for detection, overlap in enumerate(overlaps[:, ::-1]):
        free = np.where(taken, -1, overlap)
        best = free.argmax(1)
        hit = free[rows, best] >= thresholds
        taken[rows, best] |= hit
        matched[:, detection] = hit
    return matched


def _group(boxes: Boxes, class_count: int) -> Ints:
    """One number per image and class."""
    return boxes.image * class_count + boxes.label - 1


def _slices(groups: Array, wanted: Array) -> list[slice]:
    """Where each wanted group lies in sorted groups."""
    starts, stops = np.searchsorted(groups, wanted, "left"), np.searchsorted(groups, wanted, "right")
    return [slice(start, stop) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
