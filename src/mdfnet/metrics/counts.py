"""Hits, false alarms and misses at one score threshold, as arXiv 2302.13390 counts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdfnet.metrics.matching import Matches


@dataclass(frozen=True)
class Counts:
    """What a detector does at one score and one overlap threshold.

    Examples:
        >>> Counts(3, 1, 2) + Counts(1, 0, 4)
        Counts(true_positives=4, false_positives=1, false_negatives=6)
    """

    true_positives: int = 0  #: Detections that hit a truth
    false_positives: int = 0  #: Detections that hit none, a second detection of the same truth among them
    false_negatives: int = 0  #: Truths that no detection hit

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


def count(matches: Matches, *, threshold: float, score: float) -> tuple[Counts, ...]:
    """Count per class, among detections with at least this score. The paper's table has 0.1, at IoBB 0.5.

    Low scores can be left out after matching as well as before: a detection never gives way to one of lower score.

    Examples:
        >>> from mdfnet.metrics.matching import Matches
        >>> image, label, score = np.array([0, 0]), np.array([1, 1]), np.array([0.9, 0.05])
        >>> matches = Matches("iobb", (0.5,), image, label, score, np.array([[True, True]]), truths=np.array([[2]]))
        >>> count(matches, threshold=0.5, score=0.1)
        (Counts(true_positives=1, false_positives=0, false_negatives=1),)
    """
    counted, hit = matches.score >= score, matches.matched[matches.row(threshold)]
    hits, false_alarms = (matches.per_image(counted & one).sum(0) for one in (hit, ~hit))
    rows = np.stack([hits, false_alarms, matches.truths.sum(0) - hits], axis=1).astype(int)
    return tuple(Counts(*row) for row in rows.tolist())
