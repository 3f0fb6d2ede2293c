"""The baseline without images: findings from the clinical record, boxes from the distribution of the training boxes.

Fusion must be better than this and than the image alone; otherwise one of the two does all the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Array
from mdfnet.core.types import Classes, Detections, Sample
from mdfnet.metrics.overlap import iou

BOXES = 5  #: Boxes that the baseline predicts per finding, at most
FEWEST = 20  #: Fewest images with and without a finding for early stopping of boosting
CANDIDATES = 1000  #: Images whose boxes are searched for the most typical ones, at most


@dataclass(frozen=True)
class TypicalBoxes:
    """Where a finding mostly lies."""

    boxes: Array  #: float64 ``[K, 4]``, corners as shares of the image's width and height
    #: float64 ``[K]``, share of the images with the finding on which this box hits (IoU 0.5) an annotated box that no
    #: box before it hits
    shares: Array


class ClinicalOnly:
    """Predicts findings by gradient boosting from the record alone, at their most typical places.

    It is fitted on samples with their records and annotations. A box's score is the probability of the finding times
    the share of images on which the box would hit.

    Examples:
        >>> from mdfnet.core.types import Target
        >>> schema, classes = Schema.load("age-sex-view"), Classes(("Effusion",))
        >>> records = [np.array([20 + i, 0, 0], np.float32) for i in range(60)]
        >>> targets = [Target.of([[0, 0, 4, 8]] * (i >= 30), [1] * (i >= 30)) for i in range(60)]
        >>> images = [Sample(f"f{i}", None, 8, 8, targets[i], record) for i, record in enumerate(records)]
        >>> young, old = ClinicalOnly(images, classes, schema).detect([images[0], images[-1]])
        >>> old.boxes.tolist(), bool(old.scores[0] > 0.9 > 0.1 > young.scores[0])
        ([[0.0, 0.0, 4.0, 8.0]], True)
    """

    def __init__(self, samples: Sequence[Sample], classes: Classes, schema: Schema, seed: int = 0):
        records = np.stack([sample.clinical for sample in samples])
        present = np.zeros((len(samples), len(classes)), bool)
        for row, sample in enumerate(samples):
            present[row, sample.target.labels - 1] = True
        categories = [feature.kind == "category" for feature in schema.features]
        self._finding = [_classifier(records, column, categories, seed) for column in present.T]
        self._where = [typical_boxes(samples, label) for label in range(1, len(classes) + 1)]

    def detect(self, samples: Sequence[Sample]) -> list[Detections]:
        """Detections on each image, in its pixels, highest score first; the images are not opened."""
        records = np.stack([sample.clinical for sample in samples])
        chances = np.stack([finding(records) for finding in self._finding], 1)
        return [self._boxes(sample, chance) for sample, chance in zip(samples, chances, strict=True)]

    def _boxes(self, sample: Sample, chances: Array) -> Detections:
        side = np.array([sample.width, sample.height] * 2)
        boxes = np.concatenate([where.boxes for where in self._where]) * side
        labels = np.repeat(np.arange(len(self._where)) + 1, [len(where.shares) for where in self._where])
        scores = np.concatenate([chance * w.shares for chance, w in zip(chances, self._where, strict=True)])
        order = np.argsort(-scores, kind="stable")
        return Detections(
            torch.from_numpy(boxes[order].astype(np.float32)),
            torch.from_numpy(labels[order]),
            torch.from_numpy(scores[order].astype(np.float32)),
        )


def _classifier(records: Array, present: Array, categories: list[bool], seed: int) -> Callable[[Array], Array]:
    """Probability of a finding from records ``[N, F]``; constant where training has only one answer."""
    if present.all() or not present.any():
        rate = float(present.mean())
        return lambda given: np.full(len(given), rate)
    boosted = HistGradientBoostingClassifier(
        categorical_features=categories,
        learning_rate=0.05,
        max_leaf_nodes=8,
        early_stopping=min(present.sum(), (~present).sum()) >= FEWEST,  # on a tenth of them
        random_state=seed,
    )
    boosted.fit(records, present)
    return lambda given: boosted.predict_proba(given)[:, 1]


def typical_boxes(samples: Sequence[Sample], label: int) -> TypicalBoxes:
    """The most typical boxes: each in turn the one that hits annotations, not hit before, on most images."""
    with_finding = [sample for sample in samples if (sample.target.labels == label).any()][:CANDIDATES]
    if not with_finding:
        return TypicalBoxes(np.zeros((0, 4)), np.zeros(0))
    by_image = [s.target.boxes[s.target.labels == label] / ([s.width, s.height] * 2) for s in with_finding]
    image = np.repeat(np.arange(len(by_image)), [len(boxes) for boxes in by_image])
    boxes = np.concatenate(by_image)
    hits, on_image = iou(boxes, boxes) >= 0.5, image[:, None] == np.arange(len(by_image))
    chosen, shares, left = list[int](), list[float](), np.ones(len(boxes), bool)
    while left.any() and len(chosen) < BOXES:
        images = ((hits & left) @ on_image).sum(1)
        best = int(images.argmax())
        chosen.append(best)
        shares.append(images[best] / len(by_image))
        left &= ~hits[best]
    return TypicalBoxes(boxes[chosen], np.array(shares))
