"""An experiment in words: the questions that a reader has before any other, answered from its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mdfnet.experiments.summary import FEWEST, VIEWS, Change, Mean, SummaryRow
from mdfnet.report.answer import HEADLINE, listed, signed, synthetic_parts
from mdfnet.report.experiment.contents import ExperimentReport

#: More arms than this are told in the tables alone.
TOLD = 7

#: How differences are written: those of experiments are often below a hundredth.
DIGITS = "+.3f"

#: What an interval covers, in words.
COVERS = {
    "replicates": "training again and other patients, as each seed has images of its own",
    "patients and seeds": "other patients and training again",
    "folds": "other patients and training again, over the folds",
    "patients, one seed": "other patients, but not training again",
    "seeds": "training again, but not other patients",
}


def measure_words(measure: str) -> str:
    """A measure as people write it.

    Examples:
        >>> measure_words("AP@IoU=0.5"), measure_words("AUROC")
        ('AP at IoU 0.5', 'AUROC')
    """
    name, _, threshold = measure.partition("@")
    return f"{name} at {threshold.replace('=', ' ')}" if threshold else name


def answer(report: ExperimentReport) -> list[str]:
    """The result in a few sentences: what is shown, what is not."""
    changed = [row for row in report.of() if row.change]
    sentences = [_shown(row, report) for row in changed if row.change.verdict in ("higher", "lower")][:TOLD]
    for against in dict.fromkeys(row.against for row in changed):
        same = [row for row in changed if row.against == against]
        for verdict, words in (
            ("not shown", "No difference from “{}” is shown for {}."),
            ("", "Too few trainings to say how {1} differs from “{0}”."),
        ):
            arms = [f"“{row.arm}”" for row in same if _kind(row.change) == verdict]
            if arms:
                sentences.append(words.format(against, listed(arms) if len(arms) <= TOLD else f"{len(arms)} arms"))
    if not changed:
        sentences = ["No arm can be compared yet: its reference is not done for the same seeds."]
    if report.dataset.synthetic:
        what = listed(synthetic_parts(report.dataset))
        sentences.append(f"The {what} are synthetic: this shows what a method can do, not what it does for patients.")
    return sentences


def _kind(change: Change) -> str:
    """Its verdict; nothing where there are too few trainings to have one."""
    return change.verdict if change.verdict in ("higher", "lower", "not shown") else ""


def front(report: ExperimentReport) -> list[tuple[str, list[str]]]:
    """Questions and answers for the first page; those that the experiment does not answer are left out."""
    questions = [
        ("What was compared", list(_compared(report))),
        ("On whom", [_images(report), *([report.people] if report.people else [])]),
        ("How large is the difference", list(_sizes(report))),
        ("How sure is it", list(_sure(report))),
        ("When records are missing", list(_missing(report))),
        ("Does it grow with the training images", list(_grows(report))),
        ("What tells", list(_tells(report))),
        ("What it does not show", list(_limits(report))),
    ]
    return [(question, sentences) for question, sentences in questions if sentences]


def _shown(row: SummaryRow, report: ExperimentReport) -> str:
    return (
        f"Mean {measure_words(row.measure)} of “{row.arm}” is {row.change.verdict} than of “{row.against}”:"
        f" {row.score.value:.3f} and {_reference(row, report).value:.3f}, {_change(row.change)}."
    )


def _compared(report: ExperimentReport) -> Iterator[str]:
    for arm in report.arms[:TOLD]:
        yield f"“{arm}” sees {report.sees[arm]}."
    if left_over := len(report.arms) - TOLD:
        yield f"And {left_over} more arms, in the table below." if left_over > 0 else ""
    counts = {len(seeds) for seeds in report.scores.values() if seeds}
    times = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else f"{max(counts, default=0)}"
    how = "each on images of its own" if report.replicates else "on the same images"
    folds = f", each over {report.plan.folds} folds of patients" if report.plan.folds else ""
    yield f"Each was trained {times} times with other starting weights, {how}{folds}."


def _images(report: ExperimentReport) -> str:
    images = report.images[report.largest]
    each = " of each seed" if report.replicates else " of each fold" if report.plan.folds else ""
    return (
        f"{report.dataset.name}: {images['train']:,} images to train, {images['val']:,} to choose the epoch,"
        f" {images['test']:,} to test, by patient{each}."
    )


def _sizes(report: ExperimentReport) -> Iterator[str]:
    rows = [row for row in report.of() if row.change][:TOLD]
    for against in dict.fromkeys(row.against for row in rows):
        same = [row for row in rows if row.against == against]
        yield f"“{against}” has a mean {measure_words(report.plan.measure)} of {_reference(same[0], report)}."
        yield _list(same)


def _list(rows: list[SummaryRow]) -> str:
    return "; ".join(f"“{row.arm}” {_change(row.change)}" for row in rows) + "."


def _reference(row: SummaryRow, report: ExperimentReport) -> Mean:
    return next((one.score for one in report.of() if one.arm == row.against), Mean.of([]))


def _sure(report: ExperimentReport) -> Iterator[str]:
    changes = [row.change for row in report.of() if row.change]
    for over in dict.fromkeys(change.over for change in changes):
        pairs = max(change.pairs for change in changes if change.over == over)
        yield f"Intervals cover {COVERS[over]} ({pairs} pair{'s' if pairs != 1 else ''} of trainings)."
    found = False
    for arm in report.others[:TOLD]:
        rows = [
            row for name in report.findings[:-1] for row in report.of(finding=name) if row.arm == arm and row.change
        ]
        for verdict in ("higher", "lower"):
            if names := [row.finding for row in rows if row.change.verdict == verdict]:
                found = True
                yield f"“{arm}” is {verdict} for {listed(names)}."
    if changes:
        yield f"For {'all other findings' if found else 'single findings'} no difference is shown."


def _missing(report: ExperimentReport) -> Iterator[str]:
    for view in ("half", "none"):
        rows = [row for row in report.of(view=view) if row.change][:TOLD]
        if rows:
            where = VIEWS[view].removeprefix("test images, ")
            yield f"With {where}, differences from “{rows[0].against}”: {_list(rows)}"


def _grows(report: ExperimentReport) -> Iterator[str]:
    if len(report.sizes) < 2:
        return
    for arm, grown in list(report.growth.items())[:TOLD]:
        gains = [
            f"{signed(row.change.value, DIGITS)} with {report.images[size]['train']:,}"
            for size in report.sizes
            for row in report.of(size=size)
            if row.arm == arm and row.change
        ]
        verdict = {"higher": "It grows", "lower": "It shrinks", "not shown": "That it grows is not shown"}
        text = verdict.get(grown.verdict, "Whether it grows cannot be told from so few trainings")
        yield f"The gain of “{arm}” is {', '.join(gains)} images. {text}: from fewest to most by {_change(grown)}."


def _tells(report: ExperimentReport) -> Iterator[str]:
    for arm, told in list(report.told.items())[:TOLD]:
        parts = []
        for one in told:
            known = [
                k for k, mean in enumerate(one.discrimination) if mean.count >= FEWEST and mean.value - mean.half > 0
            ]
            if known:
                best = max(known, key=lambda k: one.discrimination[k].value)
                parts.append(f"{one.finding}: {one.features[best]} ({one.discrimination[best]})")
        yield (
            f"“{arm}” is told most by: {'; '.join(parts)}."
            if parts
            else f"No value is shown to tell “{arm}” of a finding."
        )


def _limits(report: ExperimentReport) -> Iterator[str]:
    if report.dataset.synthetic:
        what = listed(synthetic_parts(report.dataset))
        yield f"The {what} are synthetic: this is about a method, not about patients."
    if report.left:
        yield f"{report.left} trainings of the plan are not done."
    if report.plan.test is None:
        yield "Other hospitals, other machines and other patients were not looked at."
    if len(report.others) > 1:
        yield f"Nothing is corrected for comparing {len(report.others)} arms."
    if report.plan.measure != HEADLINE:
        yield f"{measure_words(report.plan.measure)} is what the plan asked for; other measures stand further down."


def _change(change: Change) -> str:
    """With its 95 % interval."""
    value, low, high = (signed(one, DIGITS) for one in (change.value, change.low, change.high))
    return value if math.isnan(change.low) else f"{value} (95\u00a0% {low} to {high})"
