"""Is the finding on the image at all: ROC and precision-recall from the boxes' scores.

The score of an image for a finding is the highest score of its boxes of that finding, 0 where there is none. Images
without a box are tied at 0, so a model that gives few boxes has a coarse curve.
"""

from __future__ import annotations

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.weights import share


def image_scores(cases: Cases) -> Floats:
    """Score of each image for each class, float64 ``[images, classes]`` in [0, 1].

    Examples:
        >>> from types import SimpleNamespace as Found
        >>> from mdfnet.core.types import Target
        >>> found = Found(boxes=[[0, 0, 9, 9], [0, 0, 5, 5]], labels=[1, 1], scores=[0.3, 0.8])
        >>> image_scores(Cases.of([found], [Target.of([], [])], class_count=2)).tolist()
        [[0.8, 0.0]]
    """
    scores = np.zeros((len(cases.images), cases.class_count))
    np.maximum.at(scores, (cases.detections.image, cases.detections.label - 1), cases.scores)
    return scores


def auroc(scores: Floats, group: Bools, weights: Array) -> Floats:
    """Area under the ROC curve under each row of weights: Mann and Whitney's U over the number of pairs, ties half.

    From scores ``[N]``, group ``[N]`` and weights ``[R, N]``, how often each image counts: float64 ``[R]``; NaN where
    the group, or the rest, weighs nothing.

    Examples:
        >>> auroc(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True]), np.ones((1, 4)))
        array([0.875])
    """
    inside, outside = _by_score(scores, group, weights)
    below = np.cumsum(outside, axis=1) - outside / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((inside * below).sum(1) / (inside.sum(1, dtype=np.float64) * outside.sum(1)))


def auprc(scores: Floats, group: Bools, weights: Array) -> Floats:
    """Area under the precision-recall curve, as steps: the mean precision at each member of the group.

    What scikit-learn calls ``average_precision_score``; from and to shapes as of :func:`auroc`. By chance it is the
    group's share; NaN where the group weighs nothing.

    Examples:
        >>> auprc(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True]), np.ones((1, 4))).round(3)
        array([0.833])
    """
    inside, outside = _by_score(-scores, group, weights)
    hits = inside.cumsum(1)
    precision = share(hits, hits + outside.cumsum(1), 0)
    return share((inside * precision).sum(1), hits[:, -1])


def roc(scores: Floats, group: Bools) -> tuple[Floats, Floats]:
    """The ROC curve: share of the rest and share of the group that ever lower scores let in, from none to all.

    False positive rate and sensitivity, float64 ``[scores + 1]`` each, rising; NaN where one side is empty.

    Examples:
        >>> rate, sensitivity = roc(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True]))
        >>> rate.tolist(), sensitivity.tolist()
        ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    inside, outside = (side[0, ::-1].cumsum() for side in _by_score(scores, group, np.ones((1, len(scores)))))
    return share(np.append(0, outside), outside[-1]), share(np.append(0, inside), inside[-1])


def _by_score(scores: Floats, group: Bools, weights: Array) -> tuple[Array, Array]:
    """Weight of the group and of the rest at each distinct score, rising: ``[R, scores]`` each."""
    order = np.argsort(scores, kind="stable")
    weights, group = weights[:, order], group[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) > 0]))
    return np.add.reduceat(weights * group, starts, axis=1), np.add.reduceat(weights * ~group, starts, axis=1)
