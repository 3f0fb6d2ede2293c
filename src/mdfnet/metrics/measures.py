"""All measures by name, computed from one set of images or from many draws of it, by the same code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats
from mdfnet.metrics.average_precision import average_precision, average_recall, mean_over_classes
from mdfnet.metrics.calibration import calibration_error
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.froc import RATES, sensitivity_at
from mdfnet.metrics.images import auprc, auroc, image_scores
from mdfnet.metrics.matching import COCO_THRESHOLDS, Matches, match
from mdfnet.metrics.weights import as_rows, chunks, like

OVERLAPS = {"IoU": "iou", "IoBB": "iobb"}

#: The column of a threshold: its rows in what is matched; a range means its mean.
_SPANS = {"0.25": slice(0, 1), "0.5": slice(1, 2), "0.5:0.95": slice(1, None)}
_THRESHOLDS = (0.25, *COCO_THRESHOLDS)

#: What is measured, in the order of the columns; one value per class and a mean over classes.
MEASURES = (
    *(f"{measure}@{overlap}={span}" for overlap in OVERLAPS for measure in ("AP", "AR") for span in _SPANS),
    *(f"FROC@{overlap}=0.5" for overlap in OVERLAPS),
    *(f"sensitivity@{overlap}=0.5,FP={rate:g}" for overlap in OVERLAPS for rate in RATES),
    "AUROC",
    "AUPRC",
    *(f"ECE@{overlap}=0.5" for overlap in OVERLAPS),
)

#: Counts per class and their sum, at IoBB 0.5 and one score.
COUNTS = ("true_positives", "false_positives", "false_negatives")


@dataclass(frozen=True)
class Matched:
    """The images of an evaluation with everything done that does not depend on how often each of them counts."""

    iou: Matches  #: At 0.25 and at COCO's thresholds, as ``iobb``
    iobb: Matches
    image_scores: Floats  #: float64 ``[images, classes]``, see :func:`mdfnet.metrics.images.image_scores`
    score_threshold: float = 0.1  #: Detections with at least this score are counted

    @classmethod
    def of(cls, cases: Cases, *, max_detections: int = 100, score_threshold: float = 0.1) -> Matched:
        iou, iobb = (
            match(cases, overlap=overlap, thresholds=_THRESHOLDS, max_detections=max_detections)
            for overlap in OVERLAPS.values()
        )
        return cls(iou, iobb, image_scores(cases), score_threshold)

    def __len__(self) -> int:
        return len(self.image_scores)

    def beside(self, other: Matched) -> Matched:
        """Both sets of images as one, first these, then the other's. Both are the same images, seen by two models.

        Weights then choose, image by image, whose detections count.
        """
        scores = np.concatenate([self.image_scores, other.image_scores])
        return replace(self, iou=_merge(self.iou, other.iou), iobb=_merge(self.iobb, other.iobb), image_scores=scores)


def measure(matched: Matched, names: Sequence[str] = MEASURES, weights: Array | None = None) -> dict[str, Array]:
    """Measures and counts by name, of ``MEASURES`` and ``COUNTS``.

    Returns:
        float64 ``[classes + 1]``, or ``[R, classes + 1]``, each; last the mean over the classes that have a value, of
        counts the sum. NaN where there is nothing to measure: a class that was never annotated; for ``AUROC`` also
        one that was annotated on every image, for ``ECE`` one without a detection.

    Raises:
        KeyError: There is no such measure.
    """
    rows = as_rows(weights, len(matched))
    values = dict(_computed(matched, names, rows))
    complete = {}
    for name in names:
        last = values[name].sum(1) if name in COUNTS else mean_over_classes(values[name])
        complete[name] = like(weights, np.concatenate([values[name], last[:, None]], axis=1))
    return complete


def _computed(matched: Matched, names: Sequence[str], rows: Array) -> Iterator[tuple[str, Array]]:
    """Name and ``[R, classes]`` of all that is asked for, and of what comes along with it."""
    kinds = {name.partition("=")[0] for name in names}
    for overlap, matches in (("IoU", matched.iou), ("IoBB", matched.iobb)):
        for kind, score in (("AP", average_precision), ("AR", average_recall)):
            wanted = {span: at for span, at in _SPANS.items() if f"{kind}@{overlap}={span}" in names}
            yield from _averages(f"{kind}@{overlap}", score, matches, wanted, rows)
        if kinds & {f"FROC@{overlap}", f"sensitivity@{overlap}"}:
            at = sensitivity_at(matches, rows)
            yield f"FROC@{overlap}=0.5", at.mean(1)
            yield from ((f"sensitivity@{overlap}=0.5,FP={rate:g}", at[:, i]) for i, rate in enumerate(RATES))
        if f"ECE@{overlap}" in kinds:
            yield f"ECE@{overlap}=0.5", calibration_error(matches, rows)
    for name, area in (("AUROC", auroc), ("AUPRC", auprc)):
        if name in names:
            yield name, _of_images(area, matched, rows)
    if kinds & set(COUNTS):
        yield from _counts(matched, rows)


def _averages(
    name: str, score: Callable[[Matches, Array], Array], matches: Matches, wanted: Mapping[str, slice], rows: Array
) -> Iterator[tuple[str, Array]]:
    if any(span.stop is None for span in wanted.values()):
        values = score(matches, rows)
        yield from ((f"{name}={span}", values[:, at].mean(1)) for span, at in wanted.items())
    else:
        for span, at in wanted.items():
            one = replace(matches, thresholds=matches.thresholds[at], matched=matches.matched[at])
            yield f"{name}={span}", score(one, rows)[:, 0]


def _of_images(area: Callable[[Floats, Bools, Array], Floats], matched: Matched, rows: Array) -> Floats:
    marked = matched.iou.truths > 0
    result = np.empty((len(rows), marked.shape[1]))
    for part in chunks(len(rows), len(matched)):
        for k in range(marked.shape[1]):
            result[part, k] = area(matched.image_scores[:, k], marked[:, k], rows[part])
    return result


def _counts(matched: Matched, rows: Array) -> Iterator[tuple[str, Array]]:
    matches, rows = matched.iobb, rows.astype(np.float64)
    counted, hit = matches.score >= matched.score_threshold, matches.matched[matches.row(0.5)]
    hits, alarms = (rows @ matches.per_image(counted & one) for one in (hit, ~hit))
    yield from zip(COUNTS, (hits, alarms, rows @ matches.truths - hits), strict=True)


def _merge(a: Matches, b: Matches) -> Matches:
    """Matches of both; equal scores stay in the order that the images have in either."""
    order = np.lexsort((np.append(a.image, b.image), -np.append(a.score, b.score)))
    return Matches(
        a.overlap,
        a.thresholds,
        np.append(a.image, b.image + len(a.truths))[order],
        np.append(a.label, b.label)[order],
        np.append(a.score, b.score)[order],
        np.concatenate([a.matched, b.matched], axis=1)[:, order],
        np.concatenate([a.truths, b.truths]),
    )
