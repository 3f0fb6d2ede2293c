"""The evaluation of one model on one set of images: all measures, and counts at one score threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdfnet.core.errors import UserError
from mdfnet.core.files import without_nan
from mdfnet.core.types import Classes
from mdfnet.metrics.average_precision import mean_over_classes
from mdfnet.metrics.cases import Annotated, Cases, Detected
from mdfnet.metrics.counts import Counts, count
from mdfnet.metrics.measures import MEASURES, Matched, measure


@dataclass(frozen=True)
class Evaluation:
    """How well detections agree with the ground truth.

    Args:
        classes: The classes.
        images: Names of the images.
        fingerprint: SHA-256 over the images' names and annotations.
        images_with_truths: On how many images anything was annotated.
        truths: Number of annotated boxes per class.
        max_detections: Per image and class, only so many of the highest scores counted.
        score_threshold: Detections with at least this score are in ``counts``. AP and AR take all.
        measures: Name (see ``MEASURES``) -> one value in [0, 1] per class; NaN where there is nothing to measure.
        counts: Hits, false alarms and misses per class, at IoBB 0.5 and the score threshold.

    Examples:
        >>> from types import SimpleNamespace as Found
        >>> from mdfnet.core.types import Target
        >>> found = Found(boxes=[[0, 0, 10, 8]], labels=[1], scores=[0.7])
        >>> result = score_detections([found], [Target.of([[0, 0, 10, 10]], [1])], Classes(("Effusion", "Nodule")))
        >>> result.mean("AP@IoU=0.5"), round(result.mean("AP@IoU=0.5:0.95"), 2), result.counts[0].true_positives
        (1.0, 0.7, 1)
    """

    classes: Classes
    images: tuple[str, ...]
    fingerprint: str
    images_with_truths: int
    truths: tuple[int, ...]
    max_detections: int
    score_threshold: float
    measures: Mapping[str, tuple[float, ...]]
    counts: tuple[Counts, ...]

    def mean(self, measure: str) -> float:
        """Mean of a measure over the classes that have a value; NaN when none has."""
        return float(mean_over_classes(self.measures[measure]))

    @property
    def total(self) -> Counts:
        """Counts of all classes together."""
        return sum(self.counts, Counts())

    def rows(self) -> list[dict[str, Any]]:
        """A table: one row per class and one for all; columns ``class``, ``truths``, the measures and the counts."""
        rows = [
            {"class": name, "truths": truths, **{measure: self.measures[measure][k] for measure in MEASURES}, **vars(c)}
            for k, (name, truths, c) in enumerate(zip(self.classes.names, self.truths, self.counts, strict=True))
        ]
        means = {measure: self.mean(measure) for measure in MEASURES}
        return [*rows, {"class": "all", "truths": sum(self.truths), **means, **vars(self.total)}]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON; NaN becomes null."""
        classes = {"names": list(self.classes.names), "ids": list(self.classes.ids)}
        plain: dict[str, Any] = without_nan(vars(self) | {"classes": classes, "counts": [vars(c) for c in self.counts]})
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evaluation:
        """The inverse of :meth:`to_dict`.

        Raises:
            UserError: The data do not describe an evaluation.
        """
        try:
            measures = {
                name: tuple(math.nan if value is None else float(value) for value in data["measures"][name])
                for name in MEASURES
            }
            plain = {"images": tuple(data["images"]), "truths": tuple(data["truths"]), "measures": measures}
            counts = tuple(Counts(**row) for row in data["counts"])
            classes = Classes(**data["classes"])
            per_class = (plain["truths"], counts, *measures.values())
            if any(len(values) != len(classes) for values in per_class):
                raise ValueError(f"not one value for each of {len(classes)} classes")
            number = {"score_threshold": float(data["score_threshold"])}
            return cls(**{**data, **plain, **number, "classes": classes, "counts": counts})
        except (KeyError, TypeError, ValueError) as error:
            fix = "give a file that this version's evaluation wrote"
            raise UserError(f"not an evaluation ({type(error).__name__}: {error})", fix=fix) from None


def score_detections(
    detections: Sequence[Detected],
    targets: Sequence[Annotated],
    classes: Classes,
    *,
    images: Sequence[str] | None = None,
    max_detections: int = 100,
    score_threshold: float = 0.1,
    boxed_only: bool = False,
) -> Evaluation:
    """Score detections against the ground truth of the same images.

    The detections never come from a model that saw the targets: ``Model.detect`` does not take any.

    Args:
        detections: One per image, such as :class:`mdfnet.core.types.Detections` in main memory; boxes in pixels of the
            original image.
        targets: One per image, in the same order, such as :class:`mdfnet.core.types.Target`.
        classes: The classes.
        images: Names of the images, unique. Default: "0", "1", "2", ...
        max_detections: Per image and class, only so many of the highest scores count. The paper has 10, COCO 100.
        score_threshold: For the counts; 0.1 as the paper's table.
        boxed_only: Leave out images without annotations. False alarms on healthy images then go unseen.

    Raises:
        UserError: There are no images, or none with a box under ``boxed_only``; their numbers differ; a name is
            duplicated; a box, label or score is not what it should be. The image is named.
    """
    cases = Cases.of(detections, targets, len(classes), images)
    if boxed_only:
        boxed = np.flatnonzero(cases.truths_per_image.any(1)).tolist()
        if not boxed:
            raise UserError("nothing is annotated on any of the images", fix="evaluate all images, not only boxed ones")
        detections, targets = [detections[i] for i in boxed], [targets[i] for i in boxed]
        cases = Cases.of(detections, targets, len(classes), [cases.images[i] for i in boxed])
    matched = Matched.of(cases, max_detections=max_detections, score_threshold=score_threshold)
    return evaluation_of(cases, matched, classes, max_detections)


def evaluation_of(cases: Cases, matched: Matched, classes: Classes, max_detections: int) -> Evaluation:
    """The evaluation of images that are matched already, with the same limit of detections."""
    return Evaluation(
        classes=classes,
        images=cases.images,
        fingerprint=cases.fingerprint,
        images_with_truths=int(cases.truths_per_image.any(1).sum()),
        truths=tuple(cases.truths_per_image.sum(0).tolist()),
        max_detections=max_detections,
        score_threshold=matched.score_threshold,
        measures={name: tuple(values[:-1].tolist()) for name, values in measure(matched).items()},
        counts=count(matched.iobb, threshold=0.5, score=matched.score_threshold),
    )


def compare(a: Evaluation, b: Evaluation) -> list[dict[str, Any]]:
    """By how much ``b`` differs from ``a`` on the same images: the table of :meth:`Evaluation.rows`, ``b - a``.

    Raises:
        UserError: They do not measure the same thing: other images, other truths, other classes or other settings.
    """
    check_comparable(a, b)
    same = ("class", "truths")
    return [
        {column: value if column in same else theirs[column] - value for column, value in mine.items()}
        for mine, theirs in zip(a.rows(), b.rows(), strict=True)
    ]


def check_comparable(a: Evaluation, b: Evaluation) -> None:
    """Check that two evaluations measure the same thing, as :func:`compare` needs."""
    for setting in ("max_detections", "score_threshold"):
        if getattr(a, setting) != getattr(b, setting):
            what = f"evaluated with different {setting}, {getattr(a, setting)} and {getattr(b, setting)}"
            raise UserError(what, fix="evaluate both with the same settings")
    if a.classes.names != b.classes.names:
        raise UserError(f"evaluated for different classes, {a.classes.names} and {b.classes.names}")
    if odd := sorted(set(a.images) ^ set(b.images)):
        some = ", ".join(odd[:3]) + (", ..." if len(odd) > 3 else "")
        raise UserError(f"evaluated on different images; {len(odd)} are only in one of them: {some}")
    if a.fingerprint != b.fingerprint:
        raise UserError("evaluated on the same images, but with other boxes or labels annotated on them")
