"""The result in words: what was compared, on what, and by how much it differs."""

from __future__ import annotations

import math

from mdfnet.metrics.evaluation import Evaluation
from mdfnet.report.contents import DatasetCard, Report

#: The measure the words are about: boxes must overlap by half, as in most of the literature.
HEADLINE = "AP@IoU=0.5"


def answer(report: Report) -> list[str]:
    """Sentences that say what the report found, made from its numbers.

    With several models, the first is what the others are compared with.
    """
    first, *others = report.models
    sentences = [f"Evaluated on {_films(report)}."]
    if not any(first.evaluation.truths):
        return [*sentences, "Nothing was marked on these films, so average precision is not defined."]
    if not others:
        sentences += _alone(first.name, first.evaluation)
    for other in others:
        sentences += _against(first.name, first.evaluation, other.name, other.evaluation)
    if report.dataset.synthetic:
        what = _listed(synthetic_parts(report.dataset))
        sentences.append(f"The {what} are synthetic: this shows what a method can do, not what it does for patients.")
    return sentences


def synthetic_parts(dataset: DatasetCard) -> tuple[str, ...]:
    """Which parts of a dataset are made up, as a reader would call them.

    Examples:
        >>> synthetic_parts(DatasetCard("phantom", "", "", (), (), synthetic=("films", "clinical")))
        ('films', 'clinical records')
    """
    return tuple("clinical records" if part == "clinical" else part for part in dataset.synthetic)


def _films(report: Report) -> str:
    scores = report.models[0].evaluation
    films, boxes = _counted(len(scores.films), "film"), _counted(sum(scores.truths), "marked box", "es")
    where = f"the {report.split} split of {report.dataset.name}"
    return f"{films} of {where}, {scores.films_with_truths} with findings, {boxes}"


def _alone(name: str, scores: Evaluation) -> list[str]:
    per_class = _marked(scores)
    highest, lowest = max(per_class, key=per_class.get), min(per_class, key=per_class.get)
    sentences = [
        f"“{name}” reaches a mean AP of {scores.mean(HEADLINE):.2f} when boxes must overlap by half (IoU 0.5), and"
        f" {scores.mean('AP@IoU=0.25'):.2f} at IoU 0.25."
    ]
    if highest != lowest:
        sentences.append(
            f"The highest is {highest} ({per_class[highest]:.2f}), the lowest {lowest} ({per_class[lowest]:.2f})."
        )
    return sentences


def _against(first: str, reference: Evaluation, name: str, scores: Evaluation) -> list[str]:
    before, after = reference.mean(HEADLINE), scores.mean(HEADLINE)
    sentences = [
        f"“{name}” reaches a mean AP of {after:.2f} when boxes must overlap by half (IoU 0.5), against {before:.2f} of"
        f" “{first}”: {_difference(after - before)}."
    ]
    was, now = _marked(reference), _marked(scores)
    change = {label: now[label] - was[label] for label in now}
    for word, label in (("gain", max(change, key=change.get)), ("loss", min(change, key=change.get))):
        if (change[label] > 0) if word == "gain" else (change[label] < 0):
            sentences.append(f"The largest {word} is in {label}, from {was[label]:.2f} to {now[label]:.2f}.")
    return sentences


def _marked(scores: Evaluation) -> dict[str, float]:
    """The headline measure of the classes that have a value."""
    values = zip(scores.classes.names, scores.measures[HEADLINE], strict=True)
    return {name: value for name, value in values if not math.isnan(value)}


def _difference(value: float) -> str:
    if abs(value) < 0.005:
        return "no difference"
    return f"{abs(value):.2f} {'higher' if value > 0 else 'lower'}"


def _counted(count: int, noun: str, plural: str = "s") -> str:
    return f"{count:,} {noun}{plural if count != 1 else ''}"


def _listed(words: tuple[str, ...]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
