"""The plots and tables of an experiment's report, made from its numbers; only those that there are numbers for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from mdfnet.experiments.published import overall
from mdfnet.experiments.summary import VIEWS, Change, Mean, SummaryRow
from mdfnet.metrics.froc import RATES
from mdfnet.report import curves
from mdfnet.report.evidence import OVERLAP_WORDS
from mdfnet.report.experiment import plots
from mdfnet.report.experiment.contents import ExperimentReport
from mdfnet.report.experiment.read import FURTHER, SENSITIVITIES
from mdfnet.report.experiment.words import measure_words
from mdfnet.report.plots import differences
from mdfnet.report.style import Plot
from mdfnet.report.tables import Cell, Column, Table

_CALIBRATION = "ECE@IoBB=0.5"

#: Arms that curves are drawn of: as many as colors, marks and strokes tell apart.
DRAWN = 4


def figures(report: ExperimentReport) -> list[Plot]:
    """All plots, in the order of the page."""
    return [*_gains(report), *_learning(report), *_curves(report), *_importance(report)]


def tables(report: ExperimentReport) -> list[Table]:
    """All tables, in the order of the page."""
    made = [*(_arms(report, view) for view in VIEWS), _findings(report), _sizes(report), _further(report),
            _calibration(report), *_told(report), _seeds(report)]  # fmt: skip
    return [table for table in made if table is not None]


def _gains(report: ExperimentReport) -> Iterator[Plot]:
    """Of each arm, with the records given and with them hidden."""
    rows = []
    for arm in report.others:
        for view in VIEWS:
            for row in report.of(view=view):
                if row.arm == arm and row.change:
                    where = VIEWS[view].removeprefix("test images").removeprefix(", ")
                    rows.append((f"{arm}, {where}" if where else arm, row.change))
    if rows:
        yield plots.arm_differences(measure_words(report.plan.measure), rows)
    arms = [arm for arm in report.others if report.plan.against(arm) == report.plan.reference][: DRAWN - 1]
    if arms and len(report.findings) > 1:
        values = {arm: [_limits(row.change) for row in _of_arm(report, arm)] for arm in arms}
        names = [*report.findings[:-1], "all, mean"]
        yield differences(measure_words(report.plan.measure), report.plan.reference, names, values)


def _of_arm(report: ExperimentReport, arm: str) -> Iterator[SummaryRow]:
    """Its row of each finding, and of all; one without change where it was never marked."""
    for finding in report.findings:
        found = next((row for row in report.of(finding=finding) if row.arm == arm), None)
        yield found or SummaryRow(report.plan.measure, "test", None, finding, arm, Mean.of([]), None, "")


def _limits(change: Change | None) -> tuple[float, float, float]:
    return (change.value, change.low, change.high) if change else (math.nan,) * 3


def _learning(report: ExperimentReport) -> Iterator[Plot]:
    if len(report.sizes) < 2:
        return
    counts = [report.images[size]["train"] for size in report.sizes]
    rows = {arm: [_row(report.of(size=size), arm) for size in report.sizes] for arm in report.arms[:DRAWN]}
    yield plots.learning_curve(measure_words(report.plan.measure), counts, rows)


def _row(rows: Iterable[SummaryRow], arm: str) -> SummaryRow | None:
    return next((row for row in rows if row.arm == arm), None)


def _curves(report: ExperimentReport) -> Iterator[Plot]:
    arms = report.arms[:DRAWN]
    sensitivity = {
        finding: {arm: [_score(_row(report.of(measure=name, finding=finding), arm)) for name in SENSITIVITIES]
                  for arm in arms}
        for finding in report.findings
    }  # fmt: skip
    yield plots.froc(OVERLAP_WORDS, RATES, {"mean over findings": sensitivity["all"]}, "froc")
    if len(report.findings) > 2:
        each = {finding: sensitivity[finding] for finding in report.findings[:-1]}
        yield plots.froc(OVERLAP_WORDS, RATES, each, "froc-findings")
    if reliability := {arm: report.reliability[arm] for arm in arms if arm in report.reliability}:
        yield curves.reliability_panels(report.findings[:-1], reliability)


def _score(row: SummaryRow | None) -> Mean:
    return row.score if row else Mean.of([])


def _importance(report: ExperimentReport) -> Iterator[Plot]:
    for number, (arm, told) in enumerate(report.told.items()):
        yield plots.discrimination(arm, told, f"telling-{number}")


def _arms(report: ExperimentReport, view: str) -> Table | None:
    """Every arm, mean over findings."""
    rows, published = [], {arm: overall(report.plan.arms[arm].published or "") for arm in report.arms}
    beside = report.plan.measure == "AP@IoBB=0.5" and any(published.values())
    for row in report.of(view=view):
        cells = [Cell(row.arm), _mean(row.score), Cell(row.score.count, form="{:d}"), *_change(row)]
        rows.append((*cells, Cell(published[row.arm] if published[row.arm] else "")) if beside else tuple(cells))
    if not rows:
        return None
    columns = (
        "Arm",
        "mean",
        "seeds",
        "difference",
        "from",
        "verdict",
        "interval covers",
        *(["published"] if beside else []),
    )
    name = "arms" if view == "test" else f"arms-{view}"
    caption = f"Mean {measure_words(report.plan.measure)}, {VIEWS[view]}"
    return Table(name, caption, tuple(map(Column, columns)), tuple(rows), _NOTE if view == "test" else "")


_NOTE = "Intervals are 95 %: of means over seeds, from three on; of differences between trainings of the same seed."


def _mean(mean: Mean) -> Cell:
    """With the ends of its interval, for those who read the file; people read ±."""
    return Cell(mean.value, mean.value - mean.half, mean.value + mean.half, form="{:.3f}")


def _change(row: SummaryRow) -> list[Cell]:
    if row.change is None:
        return [Cell("") for _ in range(4)]
    one = row.change
    return [Cell(one.value, one.low, one.high, form="{:+.3f}"), Cell(row.against), Cell(one.verdict), Cell(one.over)]


def _findings(report: ExperimentReport) -> Table | None:
    rows, breaks = [], []
    for finding in report.findings[:-1]:
        breaks.append(len(rows))
        for row in report.of(finding=finding):
            if row.change:
                reference = _score(_row(report.of(finding=finding), row.against))
                difference = Cell(row.change.value, row.change.low, row.change.high, form="{:+.3f}")
                cells = [Cell(f"{finding}: {row.arm}"), _mean(reference), _mean(row.score), difference]
                p = () if report.replicates else (Cell(row.change.p, form="{:.3f}"),)
                rows.append((*cells, *p, Cell(row.change.verdict)))
    if not rows:
        return None
    p = () if report.replicates else ("p, Holm",)
    columns = ("Finding and arm", "reference", "arm", "difference", *p, "verdict")
    caption = f"{measure_words(report.plan.measure)} of each finding, test images"
    note = "p: swapping patient by patient, corrected over findings." if p else ""
    return Table("findings", caption, tuple(map(Column, columns)), tuple(rows), note, breaks=tuple(breaks))


def _sizes(report: ExperimentReport) -> Table | None:
    if len(report.sizes) < 2:
        return None
    rows = []
    for size in report.sizes:
        found = {row.arm: row for row in report.of(size=size)}
        cells = [_mean(_score(found.get(arm))) for arm in report.arms]
        cells += [Cell(*_limits(found[arm].change if arm in found else None), form="{:+.3f}") for arm in report.others]
        rows.append((Cell(f"{report.images[size]['train']:,}"), *cells))
    columns = [Column("Training images"), *(Column(arm, "mean") for arm in report.arms),
               *(Column(arm, "difference") for arm in report.others)]  # fmt: skip
    caption = f"Mean {measure_words(report.plan.measure)} by number of training images"
    return Table("sizes", caption, tuple(columns), tuple(rows))


def _further(report: ExperimentReport) -> Table:
    rows = []
    for measure in dict.fromkeys([report.plan.measure, *FURTHER]):
        found = {row.arm: row for row in report.of(measure=measure)}
        cells = []
        for arm in report.arms:
            cells.append(_mean(_score(found.get(arm))))
            if arm in report.others:
                cells.append(Cell(*_limits(found[arm].change if arm in found else None), form="{:+.3f}"))
        rows.append((Cell(measure_words(measure)), *cells))
    columns = [Column("Measure, mean over findings")]
    for arm in report.arms:
        columns += [Column("mean", arm), *([Column("difference", arm)] if arm in report.others else [])]
    note = "ECE is an error: lower is better."
    return Table("further", "Further measures, test images", tuple(columns), tuple(rows), note)


def _calibration(report: ExperimentReport) -> Table | None:
    arms = [arm for arm in report.arms if report.calibrated.get(arm)]
    if not arms:
        return None
    rows = []
    for finding in report.findings:
        found = {row.arm: row for row in report.of(measure=_CALIBRATION, finding=finding)}
        cells = []
        for arm in arms:
            after = report.calibrated[arm].get(finding, Mean.of([]))
            cells += [_mean(_score(found.get(arm))), _mean(after)]
        rows.append((Cell(finding), *cells))
    columns = [Column("Finding"), *(Column(name, arm) for arm in arms for name in ("as given", "calibrated"))]
    note = "Calibrated: scores put to one temperature per finding, fitted on validation images."
    return Table(
        "calibration", "Calibration error (ECE) of boxes at IoBB 0.5", tuple(columns), tuple(rows), note, total=True
    )


def _told(report: ExperimentReport) -> Iterator[Table]:
    for number, (arm, told) in enumerate(report.told.items()):
        rows = [
            (Cell(feature), *(_mean(one.discrimination[k]) for one in told))
            for k, feature in enumerate(told[0].features)
        ]
        columns = (Column("Clinical value"), *(Column(one.finding) for one in told))
        caption = f"What each value tells “{arm}” of each finding, in score points"
        yield Table(
            f"telling-{number}", caption, columns, tuple(rows), f"Over {told[0].images} images in each training."
        )


def _seeds(report: ExperimentReport) -> Table:
    seeds = sorted({seed for values in report.scores.values() for seed in values})
    rows = [(Cell(str(seed)), *(Cell(report.scores[arm].get(seed, np.nan), form="{:.3f}") for arm in report.arms))
            for seed in seeds]  # fmt: skip
    caption = f"Mean {measure_words(report.plan.measure)}, seed by seed"
    return Table("seeds", caption, (Column("Seed"), *map(Column, report.arms)), tuple(rows))
