"""The result in words: what was compared, on what, and by how much it differs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from mdfnet.metrics.evaluation import Evaluation
from mdfnet.report.contents import DatasetCard, Report

if TYPE_CHECKING:
    from mdfnet.evaluation.compare import Comparison

#: The measure the words are about: boxes must overlap by half, as in most of the literature.
HEADLINE = "AP@IoU=0.5"


def answer(report: Report) -> list[str]:
    """Sentences that say what the report found, made from its numbers.

    With several models, the first is what the others are compared with.
    """
    first, *others = report.models
    sentences = [f"Evaluated on {_images(report)}."]
    if not any(first.evaluation.truths):
        return [*sentences, "Nothing was marked on these images, so average precision is not defined."]
    if not others:
        sentences += _alone(first.name, first.evaluation)
    for other, comparison in zip_longest(others, report.comparisons):
        sentences += _against(first.name, first.evaluation, other.name, other.evaluation, comparison)
    if report.dataset.synthetic:
        what = listed(synthetic_parts(report.dataset))
        sentences.append(f"The {what} are synthetic: this shows what a method can do, not what it does for patients.")
    return sentences


def synthetic_parts(dataset: DatasetCard) -> tuple[str, ...]:
    """Which parts of a dataset are made up, as a reader would call them.

    Examples:
        >>> synthetic_parts(DatasetCard("phantom", "", "", (), (), synthetic=("images", "clinical")))
        ('images', 'clinical records')
    """
    return tuple("clinical records" if part == "clinical" else part for part in dataset.synthetic)


#: A working point that clinicians can picture: so few false marks of a finding per image.
PICTURED = "sensitivity@IoBB=0.5,FP=0.125"


def front(report: Report) -> list[tuple[str, list[str]]]:
    """Questions that a reader has before any other, each with its answer in sentences."""
    first, *others = report.models
    questions = [("What was compared", _compared(report)), ("On whom", _on_whom(report))]
    if not any(first.evaluation.truths):
        return questions
    if report.comparisons:
        pairs = list(zip(others, report.comparisons, strict=True))
        questions.append(("How large is the difference", [_size(other.name, first.name, one) for other, one in pairs]))
        questions.append(("How sure is it", [text for other, one in pairs for text in _sure(other.name, one)]))
        if pictures := [text for other, one in pairs for text in _picture(first.name, other.name, one)]:
            questions.append(("What it means at work", pictures))
    return [*questions, ("What it does not show", _limits(report))]


def _compared(report: Report) -> list[str]:
    models = [f"“{model.name}” sees {model.sees}." if model.sees else f"“{model.name}”." for model in report.models]
    return (
        [*models, "All were scored on the same images and never saw what was marked on them."] if models[1:] else models
    )


def _on_whom(report: Report) -> list[str]:
    sentence = f"{_images(report)}."
    return [sentence, report.people] if report.people else [sentence]


def _size(name: str, first: str, comparison: Comparison) -> str:
    every = comparison.of(HEADLINE)[-1]
    return (
        f"Mean AP at IoU 0.5 of “{name}” is {every.second:.2f}, of “{first}” {every.first:.2f}: a difference of"
        f" {signed(every.value)} (95 % interval {signed(every.low)} to {signed(every.high)})."
    )


def _sure(name: str, comparison: Comparison) -> list[str]:
    *per_class, every = comparison.of(HEADLINE)
    p = "p\u00a0<\u00a00.001" if every.p < 0.001 else f"p\u00a0=\u00a0{every.p:.3f}"
    if every.verdict != "not shown":
        sentences = [f"A difference of “{name}” is shown: the interval leaves out zero, {p}."]
    else:
        why = "the interval includes zero" if every.low <= 0 <= every.high else "p is not below 0.05"
        sentences = [f"A difference of “{name}” is not shown: {why}, {p}."]
    for verdict in ("higher", "lower"):
        names = tuple(one.finding for one in per_class if one.verdict == verdict)
        if names:
            sentences.append(f"Shown to be {verdict}, corrected over {len(per_class)} findings: {listed(names)}.")
    if unsure := tuple(one.finding for one in per_class if one.verdict == "not shown"):
        sentences.append(f"Not shown for: {listed(unsure)}.")
    return sentences


def _picture(first: str, name: str, comparison: Comparison) -> list[str]:
    if PICTURED not in comparison.measures:
        return []
    every = comparison.of(PICTURED)[-1]
    sentence = (
        f"With one false alarm per finding in eight images, “{name}” finds {every.second:.0%} of the marked findings,"
        f" “{first}” {every.first:.0%} (mean over findings; difference {signed(every.value * 100, '+.0f')} points,"
        f" 95 % interval {signed(every.low * 100, '+.0f')} to {signed(every.high * 100, '+.0f')})."
    )
    return [sentence.replace(" %", "%").replace("%", "\u00a0%")]


def _limits(report: Report) -> list[str]:
    sentences = []
    if report.dataset.synthetic:
        what = listed(synthetic_parts(report.dataset))
        sentences.append(f"The {what} are synthetic: this is about a method, not about patients.")
    if report.comparisons and all(one.seeds == 1 for one in report.comparisons):
        sentences.append("Each model was trained once: how much training again would change is not in the intervals.")
    sentences.append("Other hospitals, other machines and other patients were not looked at.")
    small = {f"{group['grouping']} {group['name']}" for group in _groups(report) if group["too_small"]}
    short = {f"{group['grouping']} {group['name']}" for group in _groups(report) if group["falls_short"]}
    if short:
        sentences.append(f"Groups that fall short of the other patients: {listed(tuple(sorted(short)))}.")
    if small:
        sentences.append(f"Groups of patients too small to tell: {listed(tuple(sorted(small)))}.")
    return sentences


def _groups(report: Report) -> list[Mapping]:
    return [group for model in report.models for group in model.details.get("groups", ())]


def signed(value: float, form: str = "+.2f") -> str:
    """A difference with its sign and a real minus."""
    if math.isnan(value):
        return "–"
    text = format(value, form)
    return (f"±{text[1:]}" if float(text) == 0 else text).replace("-", "−")


def _images(report: Report) -> str:
    scores = report.models[0].evaluation
    images, boxes = _counted(len(scores.images), "image"), _counted(sum(scores.truths), "marked box", "es")
    where = f"the {report.split} split of {report.dataset.name}"
    return f"{images} of {where}, {scores.images_with_truths} with findings, {boxes}"


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


def _against(
    first: str, reference: Evaluation, name: str, scores: Evaluation, comparison: Comparison | None
) -> list[str]:
    """With a comparison only those gains and losses are named that it shows."""
    before, after = reference.mean(HEADLINE), scores.mean(HEADLINE)
    sentences = [
        f"“{name}” reaches a mean AP of {after:.2f} when boxes must overlap by half (IoU 0.5), against {before:.2f} of"
        f" “{first}”: {_difference(after - before)}."
    ]
    was, now = _marked(reference), _marked(scores)
    change = {label: now[label] - was[label] for label in now}
    if comparison is not None:
        *per_class, every = comparison.of(HEADLINE)
        sentences[0] += f" This difference is {'not shown' if every.verdict == 'not shown' else 'shown'} beyond chance."
        change = {one.finding: one.value for one in per_class if one.verdict in ("higher", "lower")}
    for word, most, sign in (("gain", max, 1), ("loss", min, -1)):
        label = most(change, key=change.get, default=None)
        if label is not None and sign * change[label] > 0:
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


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them.

    Examples:
        >>> listed(["Mass"]), listed(["Mass", "Nodule", "Effusion"])
        ('Mass', 'Mass, Nodule and Effusion')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
