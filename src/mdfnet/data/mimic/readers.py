"""Several readings of one image made one: the union of the boxes, or those that most readers agree on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mdfnet.core.arrays import Floats, Ints
from mdfnet.data.mimic.readings import LabeledBoxes
from mdfnet.data.mimic.rules import Readers
from mdfnet.metrics.overlap import iou


def merge(readings: Sequence[LabeledBoxes], how: Readers, overlap: float) -> LabeledBoxes:
    """One set of boxes from all readings of an image; readers who drew nothing count too.

    Consensus: boxes of one label by different readers, of which every two overlap by ``overlap`` or more (IoU), are one
    finding, the best overlaps first. It is kept if more than half of the readers drew it; its corners are the medians.

    Examples:
        >>> reader = LabeledBoxes.of([[0, 0, 10, 10]], ["Atelectasis"])
        >>> other = LabeledBoxes.of([[0, 0, 12, 10], [50, 50, 60, 60]], ["Atelectasis", "Atelectasis"])
        >>> merge([reader, other], Readers.consensus, 0.25).boxes.tolist()
        [[0.0, 0.0, 11.0, 10.0]]
    """
    if len(readings) == 1:
        return readings[0]
    boxes = np.concatenate([reading.boxes for reading in readings])
    labels = [label for reading in readings for label in reading.labels]
    if how == Readers.union:
        return LabeledBoxes(boxes, tuple(labels))
    readers = np.repeat(np.arange(len(readings)), [len(reading) for reading in readings])
    found = [
        (np.median(boxes[group], axis=0), labels[group[0]])
        for group in _groups(boxes, labels, readers, overlap)
        if 2 * len(group) > len(readings)
    ]
    return LabeledBoxes.of([box for box, _ in found], [label for _, label in found])


def _groups(boxes: Floats, labels: Sequence[str], readers: Ints, overlap: float) -> list[list[int]]:
    """Complete linkage: two groups become one while no reader is in both and every pair across overlaps enough."""
    overlaps = iou(boxes, boxes)
    group_of = {index: [index] for index in range(len(boxes))}
    pairs = [
        (one, other)
        for one, other in combinations(range(len(boxes)), 2)
        if labels[one] == labels[other] and readers[one] != readers[other] and overlaps[one, other] >= overlap
    ]
    for one, other in sorted(pairs, key=lambda pair: -overlaps[pair]):
        first, second = group_of[one], group_of[other]
        apart = first is not second and not set(readers[first]) & set(readers[second])
        if apart and (overlaps[np.ix_(first, second)] >= overlap).all():
            first += second
            for index in second:
                group_of[index] = first
    return [group for index, group in group_of.items() if group[0] == index]
