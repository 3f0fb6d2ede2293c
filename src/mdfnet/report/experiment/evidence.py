"""The plots and tables of an experiment's report, made from its numbers; only those that there are numbers for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mdfnet.experiments.published import overall
from mdfnet.experiments.summary import VIEWS, Mean, SummaryRow
from mdfnet.metrics.froc import RATES
from mdfnet.report import curves
from mdfnet.report.evidence import OVERLAP_WORDS
from mdfnet.report.experiment import plots
from mdfnet.report.experiment.contents import ExperimentReport
from mdfnet.report.experiment.read import FURTHER, SENSITIVITIES
from mdfnet.report.experiment.words import measure_words
from mdfnet.report.plots import differences
from mdfnet.report.style import Plot
from mdfnet.report.tables import Column, Heads, ReportTable, Rows, TableCell

_CALIBRATION = "ECE@IoBB=0.5"

#: Arms that curves are drawn of: as many as colors, markers and strokes tell apart.
DRAWN = 4


def figures(report: ExperimentReport) -> list[Plot]:
    """All plots, in the order of the page."""
    discrimination = [
        plots.discrimination(arm, findings, f"discrimination-{number}")
        for number, (arm, findings) in enumerate(report.discriminations.items())
    ]
    return [*_gains(report), *_learning(report), *_curves(report), *discrimination]


def tables(report: ExperimentReport) -> list[ReportTable]:
    """All tables, in the order of the page."""
    made = [*(_arms(report, view) for view in VIEWS), _findings(report), _sizes(report), _further(report),
            _calibration(report), *_discriminations(report), _seeds(report)]  # fmt: skip
    return [table for table in made if table and table.rows]


def _gains(report: ExperimentReport) -> Iterator[Plot]:
    """Of each arm, with the records given and with them hidden."""
    measure, rows = measure_words(report.plan.measure), []
    for arm in report.others:
        for view in VIEWS:
            where = VIEWS[view].removeprefix("test images").removeprefix(", ")
            name = f"{arm}, {where}" if where else arm
            rows += [(name, change) for row, change in report.changed(view=view) if row.arm == arm]
    if rows:
        yield plots.arm_differences(measure, rows)
    arms = [arm for arm in report.others if report.plan.against(arm) == report.plan.reference][: DRAWN - 1]
    if arms and len(report.findings) > 1:
        by_finding = [report.by_arm(finding=finding) for finding in report.findings]
        values = {arm: [_limits(rows.get(arm)) for rows in by_finding] for arm in arms}
        yield differences(measure, report.plan.reference, [*report.findings[:-1], "all, mean"], values)


def _limits(row: SummaryRow | None) -> tuple[float, float, float]:
    """A difference and the ends of its interval; NaN where there is none, such as of what was never annotated."""
    change = row and row.change
    return (change.value, change.low, change.high) if change else (math.nan, math.nan, math.nan)


def _learning(report: ExperimentReport) -> Iterator[Plot]:
    if len(report.sizes) < 2:
        return
    counts = [report.images[size]["train"] for size in report.sizes]
    found = [report.by_arm(size=size) for size in report.sizes]
    rows = {arm: [by_arm.get(arm) for by_arm in found] for arm in report.arms[:DRAWN]}
    yield plots.learning_curve(measure_words(report.plan.measure), counts, rows)


def _curves(report: ExperimentReport) -> Iterator[Plot]:
    arms, sensitivity = report.arms[:DRAWN], {}
    for finding in report.findings:
        found = [report.by_arm(measure=name, finding=finding) for name in SENSITIVITIES]
        sensitivity[finding] = {arm: [_score(rows.get(arm)) for rows in found] for arm in arms}
    yield plots.froc(OVERLAP_WORDS, RATES, {"mean over findings": sensitivity["all"]}, "froc")
    if len(report.findings) > 2:
        each = {finding: sensitivity[finding] for finding in report.findings[:-1]}
        yield plots.froc(OVERLAP_WORDS, RATES, each, "froc-findings")
    if reliability := {arm: report.reliability[arm] for arm in arms if arm in report.reliability}:
        yield curves.reliability_panels(report.findings[:-1], reliability)


def _score(row: SummaryRow | None) -> Mean:
    return row.score if row else Mean.of([])


def _mean(mean: Mean) -> TableCell:
    """With the ends of its interval, for those who read the file; people read ±."""
    return TableCell(mean.value, mean.value - mean.half, mean.value + mean.half, form="{:.3f}")


def _difference(row: SummaryRow | None) -> TableCell:
    return TableCell(*_limits(row), form="{:+.3f}")


def _arms(report: ExperimentReport, view: str) -> ReportTable:
    """Every arm, mean over findings."""
    published = {arm: overall(report.plan.arms[arm].published or "") or "" for arm in report.arms}
    beside = report.plan.measure == "AP@IoBB=0.5" and any(published.values())
    rows: Rows = []
    for row in report.of(view=view):
        rows.append([row.arm, _mean(row.score), TableCell(row.score.count, form="{:d}")])
        change = row.change
        rows[-1] += [_difference(row), row.against, change.verdict, change.over] if change else [""] * 4
        rows[-1] += [published[row.arm]] if beside else []
    columns: Heads = ["Arm", "mean", "seeds", "difference", "from", "verdict", "interval covers"]
    name = "arms" if view == "test" else f"arms-{view}"
    caption = f"Mean {measure_words(report.plan.measure)}, {VIEWS[view]}"
    note = _INTERVALS if view == "test" else ""
    return ReportTable.of(name, caption, [*columns, "published"] if beside else columns, rows, note)


_INTERVALS = (
    "Intervals are 95 %: of means over seeds, from three on; of differences between trainings of the same seed."
)


def _findings(report: ExperimentReport) -> ReportTable:
    rows: Rows = []
    breaks = []
    for finding in report.findings[:-1]:
        breaks.append(len(rows))
        found = report.by_arm(finding=finding)
        for row, change in report.changed(finding=finding):
            p = [] if report.replicates else [TableCell(change.p, form="{:.3f}")]
            means = _mean(_score(found.get(row.against))), _mean(row.score)
            rows.append([f"{finding}: {row.arm}", *means, _difference(row), *p, change.verdict])
    tested = [] if report.replicates else ["p, Holm"]
    columns: Heads = ["Finding and arm", "reference", "arm", "difference", *tested, "verdict"]
    caption = f"{measure_words(report.plan.measure)} of each finding, test images"
    note = "p: models swapped patient by patient, corrected over findings." if tested else ""
    return ReportTable.of("findings", caption, columns, rows, note, breaks=breaks)


def _sizes(report: ExperimentReport) -> ReportTable | None:
    if len(report.sizes) < 2:
        return None
    rows: Rows = []
    for size in report.sizes:
        found = report.by_arm(size=size)
        means = [_mean(_score(found.get(arm))) for arm in report.arms]
        gains = [_difference(found.get(arm)) for arm in report.others]
        rows.append([f"{report.images[size]['train']:,}", *means, *gains])
    heads = [*(Column(arm, "mean") for arm in report.arms), *(Column(arm, "difference") for arm in report.others)]
    caption = f"Mean {measure_words(report.plan.measure)} by number of training images"
    return ReportTable.of("sizes", caption, ["Training images", *heads], rows)


def _further(report: ExperimentReport) -> ReportTable:
    rows: Rows = []
    for measure in dict.fromkeys([report.plan.measure, *FURTHER]):
        found = report.by_arm(measure=measure)
        rows.append([measure_words(measure)])
        for arm in report.arms:
            rows[-1].append(_mean(_score(found.get(arm))))
            rows[-1] += [_difference(found.get(arm))] if arm in report.others else []
    heads = [Column(name, arm) for arm in report.arms for name in ("mean", "difference")[: 1 + (arm in report.others)]]
    note = "ECE is an error: lower is better."
    caption = "Further measures, test images"
    return ReportTable.of("further", caption, ["Measure, mean over findings", *heads], rows, note)


def _calibration(report: ExperimentReport) -> ReportTable | None:
    arms = [arm for arm in report.arms if report.calibrated.get(arm)]
    if not arms:
        return None
    rows: Rows = []
    for finding in report.findings:
        found = report.by_arm(measure=_CALIBRATION, finding=finding)
        rows.append([finding])
        for arm in arms:
            rows[-1] += [_mean(_score(found.get(arm))), _mean(report.calibrated[arm].get(finding, Mean.of([])))]
    columns: Heads = ["Finding", *(Column(name, arm) for arm in arms for name in ("as given", "calibrated"))]
    caption = "Calibration error (ECE) of boxes at IoBB 0.5"
    note = "Calibrated: scores scaled by one temperature per finding, fitted on validation images."
    return ReportTable.of("calibration", caption, columns, rows, note, total=True)


def _discriminations(report: ExperimentReport) -> Iterator[ReportTable]:
    for number, (arm, findings) in enumerate(report.discriminations.items()):
        rows: Rows = [
            [feature, *(_mean(one.discrimination[k]) for one in findings)]
            for k, feature in enumerate(findings[0].features)
        ]
        columns: Heads = ["Clinical value", *(one.finding for one in findings)]
        caption = f"Discrimination by each clinical value in “{arm}”, in score points"
        note = f"Over {findings[0].images} images in each training."
        yield ReportTable.of(f"discrimination-{number}", caption, columns, rows, note)


def _seeds(report: ExperimentReport) -> ReportTable:
    rows: Rows = []
    for seed in sorted({seed for values in report.scores.values() for seed in values}):
        scores = (report.scores[arm].get(seed, math.nan) for arm in report.arms)
        rows.append([str(seed), *(TableCell(score, form="{:.3f}") for score in scores)])
    caption = f"Mean {measure_words(report.plan.measure)}, seed by seed"
    return ReportTable.of("seeds", caption, ["Seed", *report.arms], rows)
