"""An experiment in words: the questions that a reader has before any other, answered from its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from mdfnet.experiments.summary import FEWEST, VIEWS, Change, Mean, SummaryRow
from mdfnet.metrics.verdicts import by_verdict, change_in_words, listed, signed
from mdfnet.report.answer import ABOUT_METHOD, HEADLINE, NOT_FOR_PATIENTS, OTHER_PLACES, synthetic_sentence
from mdfnet.report.experiment.contents import ExperimentReport

#: Arms beyond this number are in the tables alone.
MOST_ARMS = 7

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
    changed = report.changed()
    sentences = [
        f"Mean {measure_words(row.measure)} of “{row.arm}” is {change.verdict} than of “{row.against}”:"
        f" {row.score.value:.3f} and {_reference(row, report).value:.3f}, {_change(change)}."
        for row, change in changed
        if change.verdict in ("higher", "lower")
    ][:MOST_ARMS]
    for against in dict.fromkeys(row.against for row, _ in changed):
        same = [(f"“{row.arm}”", change.verdict) for row, change in changed if row.against == against]
        found = by_verdict(same)
        few = [arm for arm, verdict in same if verdict not in found]
        if unsure := found["not shown"]:
            sentences.append(f"No difference from “{against}” is shown for {_arms(unsure)}.")
        if few:
            sentences.append(f"Too few trainings to say how {_arms(few)} differs from “{against}”.")
    if not changed:
        sentences = ["No arm can be compared yet: its reference is not done for the same seeds."]
    return [*sentences, *synthetic_sentence(report.dataset, NOT_FOR_PATIENTS)]


def _arms(names: list[str]) -> str:
    return listed(names) if len(names) <= MOST_ARMS else f"{len(names)} arms"


def front(report: ExperimentReport) -> list[tuple[str, list[str]]]:
    """Questions and answers for the first page; those that the experiment does not answer are left out."""
    questions = [
        ("What was compared", _compared(report)),
        ("On whom", filter(None, [_images(report), report.people])),
        ("How large is the difference", _sizes(report)),
        ("How sure is it", _sure(report)),
        ("When records are missing", _missing(report)),
        ("Does it grow with the training images", _grows(report)),
        ("Which values discriminate", _discriminates(report)),
        ("What it does not show", _limits(report)),
    ]
    return [(question, answers) for question, sentences in questions if (answers := list(sentences))]


def _compared(report: ExperimentReport) -> Iterator[str]:
    for arm in report.arms[:MOST_ARMS]:
        yield f"“{arm}” sees {report.sees[arm]}."
    if (left_over := len(report.arms) - MOST_ARMS) > 0:
        yield f"And {left_over} more arms, in the table below."
    counts = {len(seeds) for seeds in report.scores.values() if seeds}
    times = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else f"{max(counts, default=0)}"
    how = "each on images of its own" if report.replicates else "on the same images"
    folds = f", each over {report.plan.folds} folds of patients" if report.plan.folds else ""
    yield f"Each was trained {times} times with different initial weights, {how}{folds}."


def _images(report: ExperimentReport) -> str:
    images = report.images[report.largest]
    each = " of each seed" if report.replicates else " of each fold" if report.plan.folds else ""
    return (
        f"{report.dataset.name}: {images['train']:,} images to train, {images['val']:,} to choose the epoch,"
        f" {images['test']:,} to test, by patient{each}."
    )


def _sizes(report: ExperimentReport) -> Iterator[str]:
    rows = report.changed()[:MOST_ARMS]
    for against in dict.fromkeys(row.against for row, _ in rows):
        same = [(row, change) for row, change in rows if row.against == against]
        yield f"“{against}” has a mean {measure_words(report.plan.measure)} of {_reference(same[0][0], report)}."
        yield _list(same)


def _list(rows: list[tuple[SummaryRow, Change]]) -> str:
    return "; ".join(f"“{row.arm}” {_change(change)}" for row, change in rows) + "."


def _reference(row: SummaryRow, report: ExperimentReport) -> Mean:
    found = report.by_arm().get(row.against)
    return found.score if found else Mean.of([])


def _sure(report: ExperimentReport) -> Iterator[str]:
    changes = [change for _, change in report.changed()]
    for over in dict.fromkeys(change.over for change in changes):
        pairs = max(change.pairs for change in changes if change.over == over)
        yield f"Intervals cover {COVERS[over]} ({pairs} pair{'s' if pairs != 1 else ''} of trainings)."
    by_finding = [report.changed(finding=name) for name in report.findings[:-1]]
    sentences = []
    for arm in report.others[:MOST_ARMS]:
        own = [(row.finding, change.verdict) for rows in by_finding for row, change in rows if row.arm == arm]
        sentences += [f"“{arm}” is {verdict} for {listed(names)}." for verdict, names in by_verdict(own).items()
                      if names and verdict != "not shown"]  # fmt: skip
    yield from sentences
    if changes:
        yield f"For {'all other findings' if sentences else 'single findings'} no difference is shown."


def _missing(report: ExperimentReport) -> Iterator[str]:
    for view in ("half", "none"):
        if rows := report.changed(view=view)[:MOST_ARMS]:
            where = VIEWS[view].removeprefix("test images, ")
            yield f"With {where}, differences from “{rows[0][0].against}”: {_list(rows)}"


def _grows(report: ExperimentReport) -> Iterator[str]:
    if len(report.sizes) < 2:
        return
    for arm, grown in list(report.growth.items())[:MOST_ARMS]:
        gains = [
            f"{signed(change.value, DIGITS)} with {report.images[size]['train']:,}"
            for size in report.sizes
            for row, change in report.changed(size=size)
            if row.arm == arm
        ]
        verdict = {"higher": "It grows", "lower": "It shrinks", "not shown": "That it grows is not shown"}
        text = verdict.get(grown.verdict, "There are too few trainings to say whether it grows")
        yield f"The gain of “{arm}” is {', '.join(gains)} images. {text}: from fewest to most by {_change(grown)}."


def _discriminates(report: ExperimentReport) -> Iterator[str]:
    for arm, findings in list(report.discriminations.items())[:MOST_ARMS]:
        parts = []
        for one in findings:
            shown = [(mean.value, feature, mean) for feature, mean in zip(one.features, one.discrimination, strict=True)
                     if mean.count >= FEWEST and mean.value - mean.half > 0]  # fmt: skip
            if shown:
                _, feature, mean = max(shown, key=lambda one: one[0])
                parts.append(f"{one.finding}: {feature} ({mean})")
        if parts:
            yield f"The values that discriminate best in “{arm}” are: {'; '.join(parts)}."
        else:
            yield f"No value is shown to discriminate any finding in “{arm}”."


def _limits(report: ExperimentReport) -> Iterator[str]:
    yield from synthetic_sentence(report.dataset, ABOUT_METHOD)
    if report.left:
        yield f"{report.left} trainings of the plan are not done."
    if report.plan.test is None:
        yield OTHER_PLACES
    if len(report.others) > 1:
        yield f"Nothing is corrected for comparing {len(report.others)} arms."
    if report.plan.measure != HEADLINE:
        yield f"{measure_words(report.plan.measure)} is what the plan asked for; other measures are further down."


def _change(change: Change) -> str:
    return change_in_words(change.value, change.low, change.high, DIGITS, label="95\u00a0% ")
