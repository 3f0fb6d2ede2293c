"""A second reading of the same images against the first: what the same scores look like between readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats, Ints
from mdfnet.metrics.average_precision import mean_over_classes
from mdfnet.metrics.cases import Annotated, BoxArrays, Cases
from mdfnet.metrics.matching import Matches, match
from mdfnet.metrics.weights import as_rows, like, share, with_sum

#: How near a second box must be: IoU loosely and strictly, and the paper's IoBB.
OVERLAPS = (("IoU", 0.25), ("IoU", 0.5), ("IoBB", 0.5))

#: What is measured of one class; the last are of whole images.
AGREEMENT = ("sensitivity", "precision", "false_positives_per_image", "kappa")


@dataclass(frozen=True)
class Readings:
    """Two readings of the same images, matched."""

    matches: Matches  #: The second reading's boxes against the first's, at one overlap
    second: Ints  #: int64 ``[images, classes]``, boxes of the second reading

    @classmethod
    def of(
        cls,
        first: Sequence[Annotated],
        second: Sequence[Annotated],
        class_count: int,
        *,
        overlap: str = "IoU",
        threshold: float = 0.5,
    ) -> Readings:
        """Match the boxes of two readings, from this overlap on; each with at most one, as for detections.

        Both have one entry per image, in the same order. ``IoBB`` divides by the second reading's box.
        """
        sure = [BoxArrays(np.asarray(one.boxes), np.asarray(one.labels), np.ones(len(one.labels))) for one in second]
        cases = Cases.of(sure, first, class_count)
        matches = match(cases, overlap=overlap.lower(), thresholds=(threshold,))
        return cls(matches, cases.detections.per_image(len(first), class_count))

    def __len__(self) -> int:
        return len(self.second)


def agreement(readings: Readings, weights: Array | None = None) -> dict[str, Array]:
    """How far the second reading agrees with the first, the first being taken for the truth.

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
    rows = as_rows(weights, len(readings)).astype(np.float64)
    hits, first, second = rows @ matches.per_image(matches.matched[0]), rows @ matches.truths, rows @ readings.second
    kappa = _kappa(rows, matches.truths > 0, readings.second > 0)
    values = {
        "sensitivity": share(with_sum(hits), with_sum(first)),
        "precision": share(with_sum(hits), with_sum(second)),
        "false_positives_per_image": with_sum(second - hits) / rows.sum(1)[:, None],
        "kappa": np.concatenate([kappa, mean_over_classes(kappa)[:, None]], axis=1),
    }
    return {name: like(weights, one) for name, one in values.items()}


def _kappa(rows: Floats, first: Bools, second: Bools) -> Floats:
    """Cohen's kappa per class; NaN where chance alone agrees on every image."""
    total = rows.sum(1)[:, None]
    agreed = rows @ (first == second) / total
    yes = [rows @ one / total for one in (first, second)]
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return share(agreed - chance, np.where(chance < 1 - 1e-12, 1 - chance, 0))
