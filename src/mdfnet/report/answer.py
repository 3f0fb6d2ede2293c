"""The result in words: what was compared, on what, and by how much it differs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from mdfnet.metrics.evaluation import Evaluation
from mdfnet.metrics.verdicts import by_verdict, listed, p_in_words, signed, why_not_shown
from mdfnet.report.contents import DatasetCard, EvaluationReport, synthetic_parts

if TYPE_CHECKING:
    from mdfnet.evaluation.compare import Comparison

#: The measure the words are about: boxes must overlap by half, as in most of the literature.
HEADLINE = "AP@IoU=0.5"

#: What follows for a reader where data are synthetic: of the result, and of its limits.
NOT_FOR_PATIENTS = "this shows what a method can do, not what it does for patients"
ABOUT_METHOD = "this is about a method, not about patients"

#: What no evaluation on one dataset can show.
OTHER_PLACES = "Other hospitals, other X-ray machines and other patients were not studied."


def answer(report: EvaluationReport) -> list[str]:
    """Sentences that say what the report found, made from its numbers.

    With several models, the first is what the others are compared with.
    """
    first, *others = report.models
    sentences = [f"Evaluated on {_images(report)}."]
    if not any(first.evaluation.truths):
        return [*sentences, "Nothing was annotated on these images, so average precision is not defined."]
    if not others:
        sentences += _alone(first.name, first.evaluation)
    for other, comparison in zip_longest(others, report.comparisons):
        sentences += _against(first.name, first.evaluation, other.name, other.evaluation, comparison)
    return [*sentences, *synthetic_sentence(report.dataset, NOT_FOR_PATIENTS)]


def synthetic_sentence(dataset: DatasetCard, so: str) -> list[str]:
    """That data are synthetic, and what follows; no sentence of real data."""
    return [f"The {listed(synthetic_parts(dataset.synthetic))} are synthetic: {so}."] if dataset.synthetic else []


#: An operating point that clinicians can picture: one false alarm of a finding in eight images.
PICTURED = "sensitivity@IoBB=0.5,FP=0.125"


def front(report: EvaluationReport) -> list[tuple[str, list[str]]]:
    """Questions that a reader has before any other, each with its answer in sentences."""
    first, *others = report.models
    sees = [f"“{model.name}” sees {model.sees}." if model.sees else f"“{model.name}”." for model in report.models]
    together = ["All were scored on the same images and never saw their annotations."] if others else []
    questions = [
        ("What was compared", sees + together),
        ("On whom", [f"{_images(report)}.", *filter(None, [report.people])]),
    ]
    if not any(first.evaluation.truths):
        return questions
    if report.comparisons:
        pairs = list(zip(others, report.comparisons, strict=True))
        questions.append(("How large is the difference", [_size(other.name, first.name, one) for other, one in pairs]))
        questions.append(("How sure is it", [text for other, one in pairs for text in _sure(other.name, one)]))
        if pictures := [text for other, one in pairs for text in _picture(first.name, other.name, one)]:
            questions.append(("What it means at work", pictures))
    return [*questions, ("What it does not show", _limits(report))]


def _size(name: str, first: str, comparison: Comparison) -> str:
    every = comparison.of(HEADLINE)[-1]
    return (
        f"Mean AP at IoU 0.5 of “{name}” is {every.second:.2f}, of “{first}” {every.first:.2f}: a difference of"
        f" {signed(every.value)} (95 % interval {signed(every.low)} to {signed(every.high)})."
    )


def _sure(name: str, comparison: Comparison) -> list[str]:
    *per_class, every = comparison.of(HEADLINE)
    p = p_in_words(every.p).replace(" ", "\u00a0")
    if every.verdict != "not shown":
        sentences = [f"A difference of “{name}” is shown: the interval leaves out zero, {p}."]
    else:
        sentences = [f"A difference of “{name}” is not shown: {why_not_shown(every.low, every.high)}, {p}."]
    found = by_verdict((one.finding, one.verdict) for one in per_class)
    for verdict, names in found.items():
        if names and verdict == "not shown":
            sentences.append(f"Not shown for: {listed(names)}.")
        elif names:
            sentences.append(f"Shown to be {verdict}, corrected over {len(per_class)} findings: {listed(names)}.")
    return sentences


def _picture(first: str, name: str, comparison: Comparison) -> list[str]:
    if PICTURED not in comparison.measures:
        return []
    every = comparison.of(PICTURED)[-1]
    difference, low, high = (signed(100 * value, "+.0f") for value in (every.value, every.low, every.high))
    sentence = (
        f"With one false alarm per finding in eight images, “{name}” finds {every.second:.0%} of the annotated"
        f" findings, “{first}” {every.first:.0%} (mean over findings; difference {difference} points, 95% interval"
        f" {low} to {high})."
    )
    return [sentence.replace("%", "\u00a0%")]


def _limits(report: EvaluationReport) -> list[str]:
    sentences = synthetic_sentence(report.dataset, ABOUT_METHOD)
    if report.comparisons and all(one.seeds == 1 for one in report.comparisons):
        sentences.append("Each model was trained once: how much another training would differ is not in the intervals.")
    sentences.append(OTHER_PLACES)
    groups = [group for model in report.models for group in model.details.get("groups", ())]
    if short := _names(group for group in groups if group["falls_short"]):
        sentences.append(f"Groups that fall short of the other patients: {listed(short)}.")
    if small := _names(group for group in groups if group["too_small"]):
        sentences.append(f"Groups of patients that are too small to compare: {listed(small)}.")
    return sentences


def _names(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({f"{group['grouping']} {group['name']}" for group in groups})


def _images(report: EvaluationReport) -> str:
    scores = report.models[0].evaluation
    count, truths = len(scores.images), sum(scores.truths)
    images, boxes = f"image{'s' if count != 1 else ''}", f"annotated box{'es' if truths != 1 else ''}"
    where = f"the {report.split} split of {report.dataset.name}"
    return f"{count:,} {images} of {where}, {scores.images_with_truths} with findings, {truths:,} {boxes}"


def _alone(name: str, scores: Evaluation) -> list[str]:
    per_class = _headline_of(scores)
    highest, lowest = max(per_class, key=per_class.__getitem__), min(per_class, key=per_class.__getitem__)
    sentences = [
        f"“{name}” reaches a mean AP of {scores.mean(HEADLINE):.2f} when boxes must overlap by half (IoU 0.5), and"
        f" {scores.mean('AP@IoU=0.25'):.2f} at IoU 0.25."
    ]
    if highest != lowest:
        best, least = (f"{name} ({per_class[name]:.2f})" for name in (highest, lowest))
        sentences.append(f"The highest is {best}, the lowest {least}.")
    return sentences


def _against(
    first: str, reference: Evaluation, name: str, scores: Evaluation, comparison: Comparison | None
) -> list[str]:
    """With a comparison only those gains and losses are named that it shows."""
    before, after = reference.mean(HEADLINE), scores.mean(HEADLINE)
    difference = f"{abs(after - before):.2f} {'higher' if after > before else 'lower'}"
    sentences = [
        f"“{name}” reaches a mean AP of {after:.2f} when boxes must overlap by half (IoU 0.5), against {before:.2f} of"
        f" “{first}”: {'no difference' if abs(after - before) < 0.005 else difference}."
    ]
    was, now = _headline_of(reference), _headline_of(scores)
    change = {label: now[label] - was[label] for label in now}
    if comparison is not None:
        *per_class, every = comparison.of(HEADLINE)
        sentences[0] += f" This difference is {'not shown' if every.verdict == 'not shown' else 'shown'} beyond chance."
        change = {one.finding: one.value for one in per_class if one.verdict in ("higher", "lower")}
    for word, most, sign in (("gain", max, 1), ("loss", min, -1)):
        label = most(change, key=change.__getitem__, default=None)
        if label is not None and sign * change[label] > 0:
            sentences.append(f"The largest {word} is in {label}, from {was[label]:.2f} to {now[label]:.2f}.")
    return sentences


def _headline_of(scores: Evaluation) -> dict[str, float]:
    """Of the classes that have a value."""
    values = zip(scores.classes.names, scores.measures[HEADLINE], strict=True)
    return {name: value for name, value in values if not math.isnan(value)}
