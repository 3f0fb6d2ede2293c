"""A second reading of the same images against the first: what the same scores look like between people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdfnet.metrics.cases import Cases, Marked
from mdfnet.metrics.matching import Matches, match
from mdfnet.metrics.weights import as_rows, like, share, with_sum

#: How near a second box must be: IoU loosely and strictly, and the paper's IoBB.
OVERLAPS = (("IoU", 0.25), ("IoU", 0.5), ("IoBB", 0.5))

#: What is measured of one class; the last are of whole images.
AGREEMENT = ("sensitivity", "precision", "false_positives_per_image", "kappa")


@dataclass(frozen=True)
class Readings:
    """Two readings of the same images, matched.

    Args:
        matches: The second reading's boxes against the first's, at one overlap.
        second: int64 ``[images, classes]``, boxes of the second reading.
    """

    matches: Matches
    second: np.ndarray

    @classmethod
    def of(
        cls,
        first: Sequence[Marked],
        second: Sequence[Marked],
        class_count: int,
        *,
        overlap: str = "IoU",
        threshold: float = 0.5,
    ) -> Readings:
        """Match the boxes of two readings; each box of one at most with one of the other, as for detections.

        Args:
            first, second: One per image, in the same order.
            class_count: Number of classes.
            overlap: ``IoU`` or ``IoBB``, which divides by the second reading's box.
            threshold: Overlap from which two boxes mean the same.
        """
        cases = Cases.of([_sure(reading) for reading in second], first, class_count)
        matches = match(cases, overlap=overlap.lower(), thresholds=(threshold,))
        place = cases.detections.image * class_count + cases.detections.label - 1
        return cls(matches, np.bincount(place, minlength=len(first) * class_count).reshape(-1, class_count))

    def __len__(self) -> int:
        return len(self.second)


@dataclass(frozen=True)
class _Sure:
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def agreement(readings: Readings, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """How far the second reading agrees with the first, the first being taken for the truth.

    Args:
        readings: Both.
        weights: ``[images]`` or ``[R, images]``, how often each image counts, at least 0. Default: once.

    Returns:
        ``sensitivity``, ``precision``, ``false_positives_per_image`` and, whether the finding is on the image at all,
        Cohen's ``kappa``; float64 ``[classes + 1]``, or ``[R, classes + 1]``, each. Last all classes together: pooled,
        of kappa the mean. NaN where there is nothing to measure.

    Examples:
        >>> from mdfnet.core.types import Target
        >>> first = [Target.of([[0, 0, 10, 10]], [1]), Target.of([], [])]
        >>> second = [Target.of([[0, 0, 10, 8]], [1]), Target.of([[5, 5, 9, 9]], [1])]
        >>> found = agreement(Readings.of(first, second, class_count=1))
        >>> [float(found[name][0]) for name in AGREEMENT]
        [1.0, 0.5, 0.5, 0.0]
    """
    matches = readings.matches
    images, classes = matches.truths.shape
    rows = as_rows(weights, images).astype(np.float64)
    place = matches.image * classes + matches.label - 1
    hits = rows @ np.bincount(place, matches.matched[0], images * classes).reshape(images, classes)
    marked, read = rows @ matches.truths, rows @ readings.second
    kappa = _kappa(rows, matches.truths > 0, readings.second > 0)
    values = {
        "sensitivity": share(*map(with_sum, (hits, marked))),
        "precision": share(*map(with_sum, (hits, read))),
        "false_positives_per_image": with_sum(read - hits) / rows.sum(1)[:, None],
        "kappa": np.concatenate([kappa, share(np.nansum(kappa, 1), (~np.isnan(kappa)).sum(1))[:, None]], axis=1),
    }
    return {name: like(weights, one) for name, one in values.items()}


def _kappa(rows: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cohen's kappa per class; NaN where chance alone agrees on every image."""
    total = rows.sum(1)[:, None]
    agreed = rows @ (first == second) / total
    yes = [rows @ one / total for one in (first, second)]
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return share(agreed - chance, np.where(chance < 1 - 1e-12, 1 - chance, 0))


def _sure(reading: Marked) -> _Sure:
    return _Sure(np.asarray(reading.boxes), np.asarray(reading.labels), np.ones(len(reading.labels)))
