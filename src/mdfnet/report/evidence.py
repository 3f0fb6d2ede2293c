"""The plots and tables of a report, made from its numbers; only those that there are numbers for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mdfnet.metrics.evaluation import compare
from mdfnet.metrics.froc import RATES
from mdfnet.metrics.groups import GROUP_MEASURES
from mdfnet.metrics.mistakes import KINDS, SIZES
from mdfnet.report import curves, plots
from mdfnet.report.answer import HEADLINE
from mdfnet.report.contents import EvaluationReport, ModelResult
from mdfnet.report.style import Plot
from mdfnet.report.tables import NOTHING, Column, Heads, ReportTable, Rows, TableCell

#: Columns of the score table: measure -> heading.
MEASURES = {
    "AP@IoU=0.5": "AP, IoU 0.5",
    "AP@IoU=0.25": "AP, IoU 0.25",
    "AP@IoBB=0.5": "AP, IoBB 0.5",
    "AR@IoU=0.5": "AR, IoU 0.5",
}

#: Columns of the table of further measures.
FURTHER = {
    "FROC@IoBB=0.5": "FROC mean",
    "AUROC": "AUROC of images",
    "AUPRC": "AUPRC of images",
    "ECE@IoBB=0.5": "calibration error",
}

#: Columns of the table of counts: attribute of ``Counts`` -> heading.
COUNTS = {"true_positives": "Hits (TP)", "false_positives": "False alarms (FP)", "false_negatives": "Misses (FN)"}

#: Overlap of FROC, reliability and operating points: does the box lie on the finding.
OVERLAP, OVERLAP_WORDS = "IoBB", "a box hits at IoBB 0.5"


def figures(report: EvaluationReport) -> list[Plot]:
    """All plots, in the order of the page."""
    runs = {model.name: model.curve for model in report.models if model.curve}
    training = [plots.training_curves(runs)] if runs else []
    return [*_scores(report), *_curves(report), *_errors(report), *training]


def tables(report: EvaluationReport) -> list[ReportTable]:
    """All tables, in the order of the page."""
    counted = f"Counts at scores of {report.models[0].evaluation.score_threshold:.2g} and above, IoBB 0.5"
    result = [
        _measures(report, "measures", "Average precision (AP) and average recall (AR)", MEASURES),
        _measures(report, "counts", counted, COUNTS, "{:d}"),
    ]
    if all(set(FURTHER) <= set(model.details.get("intervals", {})) for model in report.models):
        result.append(_measures(report, "further", "FROC, whole images, calibration", FURTHER))
    made = (_differences, _mistakes, _operating, _groups)
    return result + [table for make in made if (table := make(report)) is not None]


def _scores(report: EvaluationReport) -> Iterator[Plot]:
    classes = report.models[0].evaluation.classes.names
    if report.comparisons:
        rows = {
            other.name: [(one.value, one.low, one.high) for one in comparison.of(HEADLINE)]
            for other, comparison in zip(report.models[1:], report.comparisons, strict=True)
        }
        yield plots.differences("AP, IoU 0.5", report.models[0].name, [*classes, "all, mean"], rows)
    values = {model.name: model.evaluation.measures[HEADLINE] for model in report.models}
    intervals = {model.name: model.intervals(HEADLINE)[:-1] for model in report.models if "intervals" in model.details}
    yield plots.class_bars("AP at IoU 0.5", classes, values, intervals)


def _curves(report: EvaluationReport) -> Iterator[Plot]:
    classes, models = report.models[0].evaluation.classes.names, report.models
    if all("intervals" in model.details for model in models):
        points = [f"sensitivity@{OVERLAP}=0.5,FP={rate:g}" for rate in RATES]
        means = {one.name: [(one.evaluation.mean(at), *one.intervals(at)[-1]) for at in points] for one in models}
        yield curves.froc_mean(OVERLAP_WORDS, means)
    if froc := _of_all(models, lambda details: details["froc"][OVERLAP]):
        yield curves.froc_panels(OVERLAP_WORDS, classes, froc)
    if roc := _of_all(models, lambda details: details["roc"]):
        areas = {model.name: model.evaluation.measures["AUROC"] for model in models}
        yield curves.roc_panels(classes, roc, areas)
    if reliability := _of_all(models, lambda details: details["reliability"][OVERLAP]):
        yield curves.reliability_panels(classes, reliability)
    if sweep := _of_all(models, lambda details: details["sweep"]):
        yield curves.overlap_sweep(sweep)


def _errors(report: EvaluationReport) -> Iterator[Plot]:
    models = report.models
    if mistakes := _of_all(models, lambda details: details["mistakes"]["counts"]):
        counts = {
            name: [sum(sum(by_size.values()) for by_size in by_kind[kind].values()) for kind in KINDS]
            for name, by_kind in mistakes.items()
        }
        yield plots.mistake_bars(KINDS, counts)
    if groups := _of_all(models, lambda details: details["groups"] or None):
        names = [(group["grouping"], group["name"]) for group in groups[models[0].name]]
        values = {
            name: [{**group["standings"][HEADLINE], "too_small": group["too_small"]} for group in rows]
            for name, rows in groups.items()
        }
        yield plots.group_intervals("mean AP at IoU 0.5", names, values)


def _of_all(models: tuple[ModelResult, ...], part: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    """Name of each model -> a part of its details; nothing where one lacks it."""
    try:
        found = {model.name: part(model.details) for model in models}
    except KeyError:
        return {}
    return {} if any(value is None for value in found.values()) else found


def _measures(
    report: EvaluationReport, name: str, caption: str, columns: Mapping[str, str], form: str = "{:.2f}"
) -> ReportTable:
    first, *others = (model.evaluation for model in report.models)
    changes = [compare(first, other) for other in others]
    heads = [Column(model.name, heading) for heading in columns.values() for model in report.models]
    rows: Rows = []
    for number, row in enumerate(first.rows()):
        rows.append([row["class"], TableCell(row["truths"], form="{:,d}")])
        for measure in columns:
            for place, model in enumerate(report.models):
                value = model.evaluation.rows()[number][measure]
                limits = model.intervals(measure)[number] if measure not in COUNTS else (math.nan, math.nan)
                change = changes[place - 1][number][measure] if place else None
                rows[-1].append(TableCell(value, *limits, difference=change, form=form))
    note = f"Small: difference from “{report.models[0].name}”." if others else ""
    return ReportTable.of(name, caption, ["Class", "Boxes", *heads], rows, note, total=True)


def _differences(report: EvaluationReport) -> ReportTable | None:
    if not report.comparisons:
        return None
    first, *others = report.models
    rows: Rows = []
    breaks = []
    for other, comparison in zip(others, report.comparisons, strict=True):
        breaks.append(len(rows))
        for one in comparison.of(HEADLINE):
            name = one.finding if len(others) == 1 else f"{other.name}: {one.finding}"
            difference = TableCell(one.value, one.low, one.high, form="{:+.2f}")
            verdict = plots.NOT_ANNOTATED if one.verdict == NOTHING else one.verdict
            rows.append([name, one.first, one.second, difference, _p(one.p), _p(one.p_corrected), verdict])
    second = others[0].name if len(others) == 1 else "model"
    columns: Heads = ["Finding", first.name, second, "difference", "p", "p, Holm", "verdict"]
    caption = f"Differences in AP at IoU 0.5 from “{first.name}”, 95 % intervals"
    return ReportTable.of("differences", caption, columns, rows, report.comparisons[0].sentences()[-1], breaks=breaks)


def _p(value: float) -> TableCell:
    return TableCell(value, form="{:.3f}", words="< 0.001" if value < 0.001 else "")


def _mistakes(report: EvaluationReport) -> ReportTable | None:
    found = _of_all(report.models, lambda details: details["mistakes"])
    if not found:
        return None
    heads = [Column(size, name) for name in found for size in (*SIZES, "all")]
    rows: Rows = []
    for kind in (*KINDS, "hits", "truths"):
        rows.append(["annotated boxes" if kind == "truths" else kind])
        for mistakes in found.values():
            counts = [sum(by_size[size] for by_size in mistakes["counts"][kind].values()) for size in SIZES]
            rows[-1] += [TableCell(count, form="{:,d}") for count in (*counts, sum(counts))]
    one = next(iter(found.values()))
    note = f"Scores of {one['score']:g} and above, IoU 0.5. Sizes are thirds of the annotated boxes by area"
    if not any(map(math.isnan, one["size_borders"])):
        note += ", divided at squares with sides of {:.0f} and {:.0f} pixels".format(*one["size_borders"])
    caption = "Errors by kind and size of the box"
    return ReportTable.of("mistakes", caption, ["Kind of error", *heads], rows, f"{note}.", breaks=[len(KINDS)])


def _operating(report: EvaluationReport) -> ReportTable | None:
    rows: Rows = []
    for model in report.models:
        for point in model.details.get("operating_points", ()):
            sensitivity = TableCell(point["sensitivity"][-1], *point["sensitivity_intervals"][-1])
            alarms = TableCell(point["false_positives_per_image"][-1], *point["false_positives_intervals"][-1])
            fitted = point["fitted"]
            rows.append([f"{model.name}: {point['name']}", fitted[0], sensitivity, fitted[1], alarms])
    if not rows:
        return None
    groups, names = ("Sensitivity", "False alarms per image"), ("validation", report.split)
    heads = [Column(name, group) for group in groups for name in names]
    note = f"Thresholds were fitted on validation images and applied here unchanged; {OVERLAP_WORDS}."
    return ReportTable.of("operating-points", "Operating points", ["Point", *heads], rows, note)


def _groups(report: EvaluationReport) -> ReportTable | None:
    found = _of_all(report.models, lambda details: details["groups"] or None)
    if not found:
        return None
    first = found[report.models[0].name]
    heads = [Column(name, _heading(measure)) for measure in GROUP_MEASURES for name in found]
    rows: Rows = []
    for number, group in enumerate(first):
        rows.append([f"{group['grouping']}: {group['name']}"])
        rows[-1] += [TableCell(group[key], form="{:,d}") for key in ("images", "patients", "truths")]
        for measure in GROUP_MEASURES:
            standings = (groups[number]["standings"][measure] for groups in found.values())
            rows[-1] += [TableCell(one["value"], one["low"], one["high"]) for one in standings]
        words = [_shortfall(groups[number], name if len(found) > 1 else "") for name, groups in found.items()]
        rows[-1].append("; ".join(dict.fromkeys(filter(None, words))) or "not shown")
    breaks = [k for k in range(1, len(first)) if first[k]["grouping"] != first[k - 1]["grouping"]]
    columns: Heads = ["Group", "Images", "Patients", "Boxes", *heads, "shortfall"]
    return ReportTable.of("groups", "By group of patients", columns, rows, _GROUPS_NOTE, breaks=breaks)


_GROUPS_NOTE = (
    "Means over the findings annotated in a group. A shortfall is shown where the interval of the group's difference"
    " against the other patients, corrected over all groups, lies below zero. Too small: fewer than 20 patients or"
    " annotated boxes, in the group or outside it."
)


def _shortfall(group: Mapping[str, Any], name: str) -> str:
    if group["too_small"]:
        return "too small"
    if not group["falls_short"]:
        return ""
    short = ", ".join(_heading(measure) for measure in group["falls_short"])
    return f"{name}: {short}" if name else f"in {short}"


def _heading(measure: str) -> str:
    return {"AP@IoU=0.5": "AP, IoU 0.5", "FROC@IoU=0.5": "FROC mean", "AUROC": "AUROC of images"}.get(measure, measure)
