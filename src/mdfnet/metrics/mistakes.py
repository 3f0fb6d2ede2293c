"""What kind of error each false alarm and each miss is, by class and by size.

Source of the kinds: TIDE (Bolya et al., ECCV 2020), with its thresholds and its order. A false alarm is, at IoU with a
truth of the same image, the first of these that fits:

- ``localization``: on a truth of its class, but loosely: at least 0.1, less than 0.5.
- ``confusion``: on a truth of another class, at least 0.5.
- ``duplicate``: on a truth of its class, at least 0.5, that a higher score has taken.
- ``background``: on nothing, less than 0.1 with every truth.
- ``other``: loosely on a truth of another class.

A truth without a hit is ``missed``, unless a ``localization`` or ``confusion`` false alarm lies on it: then it is found
in the wrong way, and counted there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mdfnet.core.arrays import Bools, Floats, Ints
from mdfnet.metrics.cases import Boxes, Cases
from mdfnet.metrics.matching import Matches, match
from mdfnet.metrics.overlap import area, iou

HIT, TOUCH = 0.5, 0.1  #: IoU from which a box hits a truth, and below which it has nothing to do with it

FALSE_ALARMS = ("localization", "confusion", "duplicate", "background", "other")
KINDS = (*FALSE_ALARMS, "missed")

SIZES = ("small", "medium", "large")  #: Thirds of the annotated boxes by area, and so of the found ones

_MISSED, _HIT = KINDS.index("missed"), len(KINDS)


@dataclass(frozen=True)
class Mistakes:
    """Errors counted."""

    score: float  #: Boxes with at least this score count
    #: Kind (see ``KINDS``) -> int64 ``[classes, sizes]``; of a false alarm the class and size of the found box, of a
    #: miss those of the annotated one
    counts: Mapping[str, Ints]
    truths: Ints  #: int64 ``[classes, sizes]``, annotated boxes
    hits: Ints  #: int64 ``[classes, sizes]``, those of them that were hit
    #: Where the thirds of the annotated boxes meet, side of a square of that area, in pixels; NaN when there are none
    borders: tuple[float, float]


def count_mistakes(cases: Cases, *, score: float = 0.1, max_detections: int = 100) -> Mistakes:
    """Sort the errors of a set of images: of boxes with at least this score, at most so many per image and class.

    Examples:
        >>> from types import SimpleNamespace as Found
        >>> from mdfnet.core.types import Target
        >>> found = Found(boxes=[[0, 0, 10, 4], [50, 50, 60, 60]], labels=[1, 1], scores=[0.9, 0.8])
        >>> cases = Cases.of([found], [Target.of([[0, 0, 10, 10]], [1])], class_count=1)
        >>> {kind: int(count.sum()) for kind, count in count_mistakes(cases).counts.items() if count.any()}
        {'localization': 1, 'background': 1}
    """
    borders = np.quantile(area(cases.truths.box), [1 / 3, 2 / 3]) if len(cases.truths) else np.full(2, np.nan)
    of_detection, of_truth = _kinds(cases, match(cases, thresholds=(HIT,), max_detections=max_detections), score)

    def table(boxes: Boxes, chosen: Bools) -> Ints:
        """Counts by class and size."""
        place = (boxes.label - 1) * len(SIZES) + borders.searchsorted(area(boxes.box), "left")
        return np.bincount(place[chosen], minlength=cases.class_count * len(SIZES)).reshape(-1, len(SIZES))

    counts = {kind: table(cases.detections, of_detection == k) for k, kind in enumerate(FALSE_ALARMS)}
    counts["missed"] = table(cases.truths, of_truth == _MISSED)
    truths, hits = table(cases.truths, np.ones(len(of_truth), bool)), table(cases.truths, of_truth == _HIT)
    low, high = np.sqrt(borders).tolist()
    return Mistakes(score, counts, truths, hits, (low, high))


def _kinds(cases: Cases, matches: Matches, score: float) -> tuple[Ints, Ints]:
    """Kind of each detection and of each truth, -1 where it does not count."""
    of_detection = np.full(len(cases.detections), -1)
    of_truth = np.full(len(cases.truths), _MISSED)
    counted = matches.score >= score
    rows, hit = matches.index[counted], matches.matched[0, counted]
    by_image = np.argsort(cases.detections.image[rows], kind="stable")  # by falling score within an image
    rows, hit = rows[by_image], hit[by_image]
    images = np.arange(len(cases.images))
    truth_rows = np.argsort(cases.truths.image, kind="stable")
    starts, ends = (cases.detections.image[rows].searchsorted(images, side) for side in ("left", "right"))
    firsts, lasts = (cases.truths.image[truth_rows].searchsorted(images, side) for side in ("left", "right"))
    for image in np.flatnonzero(ends > starts):
        mine, theirs = rows[starts[image] : ends[image]], truth_rows[firsts[image] : lasts[image]]
        overlap = iou(cases.detections.box[mine], cases.truths.box[theirs])
        same = cases.detections.label[mine][:, None] == cases.truths.label[theirs]
        taken = _taken(overlap, same, hit[starts[image] : ends[image]])
        of_truth[theirs[taken[taken >= 0]]] = _HIT
        kinds, truth = _of_image(overlap, same, taken)
        of_detection[mine] = kinds
        spared = truth[np.isin(kinds, [FALSE_ALARMS.index(name) for name in ("localization", "confusion")])]
        open_ones = theirs[spared]
        of_truth[open_ones[of_truth[open_ones] == _MISSED]] = -1
    return of_detection, of_truth


def _taken(overlap: Floats, same: Bools, hit: Bools) -> Ints:
    """Which truth each hit took, -1 for a false alarm: the free one it overlaps most, the last of equals, as COCO."""
    free = np.where(same, overlap, -1.0)
    result = np.full(len(hit), -1)
    for row in np.flatnonzero(hit):
        best = free.shape[1] - 1 - free[row, ::-1].argmax()
        result[row], free[:, best] = best, -1
    return result


def _of_image(overlap: Floats, same: Bools, taken: Ints) -> tuple[Ints, Ints]:
    """Kind of each detection of an image, -1 for a hit, and the truth that a localization or confusion is about."""
    nothing = np.zeros((len(overlap), 1))  # so that there is a best even on an image without truths
    own = np.hstack([nothing, np.where(same, overlap, 0)])
    other = np.hstack([nothing, np.where(same, 0, overlap)])
    best_own, best_other = own.max(1), other.max(1)
    fits = [
        (best_own >= TOUCH) & (best_own < HIT),
        best_other >= HIT,
        best_own >= HIT,
        np.maximum(best_own, best_other) < TOUCH,
    ]
    kinds = np.select(fits, [0, 1, 2, 3], 4)
    truth = np.where(fits[0], own.argmax(1), other.argmax(1)) - 1
    return np.where(taken >= 0, -1, kinds), truth
