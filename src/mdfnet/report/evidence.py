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
from mdfnet.report.contents import ModelResult, Report
from mdfnet.report.style import Plot
from mdfnet.report.tables import NOTHING, Cell, Column, Table

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


def figures(report: Report) -> list[Plot]:
    """All plots, in the order of the page."""
    return [*_scores(report), *_behind(report), *_training(report)]


def tables(report: Report) -> list[Table]:
    """All tables, in the order of the page."""
    result = [
        _measures(report, "measures", "Average precision (AP) and average recall (AR)", MEASURES, "{:.2f}"),
        _counts(report),
    ]
    if all(set(FURTHER) <= set(model.details.get("intervals", {})) for model in report.models):
        result.append(_measures(report, "further", "FROC, whole images, calibration", FURTHER, "{:.2f}"))
    made = (_differences, _mistakes, _operating, _groups)
    return result + [table for make in made if (table := make(report)) is not None]


def _scores(report: Report) -> Iterator[Plot]:
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


def _behind(report: Report) -> Iterator[Plot]:
    classes, models = report.models[0].evaluation.classes.names, report.models
    if all("intervals" in model.details for model in models):
        yield curves.froc_mean(OVERLAP_WORDS, {model.name: _froc_rows(model) for model in models})
    if froc := _of_all(models, lambda details: details["froc"][OVERLAP]):
        yield curves.froc_panels(OVERLAP_WORDS, classes, froc)
    if roc := _of_all(models, lambda details: details["roc"]):
        areas = {model.name: model.evaluation.measures["AUROC"] for model in models}
        yield curves.roc_panels(classes, roc, areas)
    if reliability := _of_all(models, lambda details: details["reliability"][OVERLAP]):
        yield curves.reliability_panels(classes, reliability)
    if sweep := _of_all(models, lambda details: details["sweep"]):
        yield curves.overlap_sweep(sweep)
    if mistakes := _of_all(models, lambda details: details["mistakes"]["counts"]):
        counts = {name: [_total(by_kind[kind]) for kind in KINDS] for name, by_kind in mistakes.items()}
        yield plots.mistake_bars(KINDS, counts)
    if groups := _of_all(models, lambda details: details["groups"] or None):
        names = [(group["grouping"], group["name"]) for group in groups[models[0].name]]
        values = {
            name: [{**group["standings"][HEADLINE], "too_small": group["too_small"]} for group in rows]
            for name, rows in groups.items()
        }
        yield plots.group_intervals("mean AP at IoU 0.5", names, values)


def _training(report: Report) -> Iterator[Plot]:
    if runs := {model.name: model.curve for model in report.models if model.curve}:
        yield plots.training_curves(runs)


def _of_all(models: tuple[ModelResult, ...], part: Callable[[Mapping], Any]) -> dict[str, Any]:
    """A part of every model's details by name; nothing where one lacks it."""
    try:
        found = {model.name: part(model.details) for model in models}
    except KeyError:
        return {}
    return {} if any(value is None for value in found.values()) else found


def _froc_rows(model: ModelResult) -> list[tuple[float, float, float]]:
    names = [f"sensitivity@{OVERLAP}=0.5,FP={rate:g}" for rate in RATES]
    return [(model.evaluation.mean(name), *model.intervals(name)[-1]) for name in names]


def _measures(report: Report, name: str, caption: str, columns: Mapping[str, str], form: str) -> Table:
    first, *others = (model.evaluation for model in report.models)
    changes = [compare(first, other) for other in others]
    heads = [Column(model.name, heading) for heading in columns.values() for model in report.models]
    rows = []
    for number, row in enumerate(first.rows()):
        cells = []
        for measure in columns:
            for place, model in enumerate(report.models):
                value = model.evaluation.rows()[number][measure]
                limits = model.intervals(measure)[number] if measure not in COUNTS else (math.nan, math.nan)
                change = changes[place - 1][number][measure] if place else None
                cells.append(Cell(value, *limits, difference=change, form=form))
        rows.append((Cell(row["class"]), Cell(row["truths"], form="{:,d}"), *cells))
    note = f"Small: difference from “{report.models[0].name}”." if others else ""
    return Table(name, caption, (Column("Class"), Column("Boxes"), *heads), tuple(rows), note, total=True)


def _counts(report: Report) -> Table:
    score = report.models[0].evaluation.score_threshold
    return _measures(report, "counts", f"Counts at score {score:.2g} and more, IoBB 0.5", COUNTS, "{:d}")


def _differences(report: Report) -> Table | None:
    if not report.comparisons:
        return None
    first, *others = report.models
    rows, breaks = [], []
    for other, comparison in zip(others, report.comparisons, strict=True):
        breaks.append(len(rows))
        for one in comparison.of(HEADLINE):
            cells = [Cell(one.first), Cell(one.second), Cell(one.value, one.low, one.high, form="{:+.2f}")]
            verdict = Cell("not marked" if one.verdict == NOTHING else one.verdict)
            p, corrected = (_p(value) for value in (one.p, one.p_corrected))
            rows.append(
                (
                    Cell(f"{one.finding}" if len(others) == 1 else f"{other.name}: {one.finding}"),
                    *cells,
                    p,
                    corrected,
                    verdict,
                )
            )
    columns = (
        "Finding",
        first.name,
        others[0].name if len(others) == 1 else "model",
        "difference",
        "p",
        "p, Holm",
        "verdict",
    )
    caption = f"Differences in AP at IoU 0.5 from “{first.name}”, 95 % intervals"
    note = report.comparisons[0].sentences()[-1]
    return Table("differences", caption, tuple(map(Column, columns)), tuple(rows), note, breaks=tuple(breaks))


def _p(value: float) -> Cell:
    return Cell(value, form="{:.3f}", words="< 0.001" if value < 0.001 else "")


def _mistakes(report: Report) -> Table | None:
    found = _of_all(report.models, lambda details: details["mistakes"])
    if not found:
        return None
    heads = [Column(size, name) for name in found for size in (*SIZES, "all")]
    rows = []
    for kind in (*KINDS, "hits", "truths"):
        cells = []
        for mistakes in found.values():
            counts = [sum(by_size[size] for by_size in mistakes["counts"][kind].values()) for size in SIZES]
            cells += [Cell(count, form="{:,d}") for count in (*counts, sum(counts))]
        rows.append((Cell({"truths": "marked boxes"}.get(kind, kind)), *cells))
    one = next(iter(found.values()))
    note = f"Score {one['score']:g} and more, IoU 0.5. Sizes are thirds of the marked boxes by area"
    if not any(map(math.isnan, one["size_borders"])):
        note += ": squares of {:.0f} and {:.0f} pixels' side lie between them".format(*one["size_borders"])
    columns = (Column("Kind of error"), *heads)
    return Table(
        "mistakes", "Errors by kind and size of the box", columns, tuple(rows), f"{note}.", breaks=(len(KINDS),)
    )


def _operating(report: Report) -> Table | None:
    rows = []
    for model in report.models:
        for point in model.details.get("operating_points", ()):
            sensitivity = Cell(point["sensitivity"][-1], *point["sensitivity_intervals"][-1])
            alarms = Cell(point["false_positives_per_image"][-1], *point["false_positives_intervals"][-1])
            fitted = [Cell(value) for value in point["fitted"]]
            rows.append((Cell(f"{model.name}: {point['name']}"), fitted[0], sensitivity, fitted[1], alarms))
    if not rows:
        return None
    heads = [
        Column(name, group)
        for group in ("Sensitivity", "False alarms per image")
        for name in ("validation", report.split)
    ]
    note = f"Thresholds were found on validation images, and applied here as they were. {OVERLAP_WORDS.capitalize()}."
    return Table("operating-points", "Operating points", (Column("Point"), *heads), tuple(rows), note)


def _groups(report: Report) -> Table | None:
    found = _of_all(report.models, lambda details: details["groups"] or None)
    if not found:
        return None
    first = found[report.models[0].name]
    heads = [Column(name, _heading(measure)) for measure in GROUP_MEASURES for name in found]
    rows, breaks = [], []
    for number, group in enumerate(first):
        if number and first[number - 1]["grouping"] != group["grouping"]:
            breaks.append(number)
        cells = []
        for measure in GROUP_MEASURES:
            for groups in found.values():
                one = groups[number]["standings"][measure]
                cells.append(Cell(one["value"], one["low"], one["high"]))
        words = [_verdict(groups[number], name if len(found) > 1 else "") for name, groups in found.items()]
        name = f"{group['grouping']}: {group['name']}"
        counts = [Cell(group[key], form="{:,d}") for key in ("images", "patients", "truths")]
        rows.append((Cell(name), *counts, *cells, Cell("; ".join(dict.fromkeys(filter(None, words))) or "not shown")))
    columns = (Column("Group"), Column("Images"), Column("Patients"), Column("Boxes"), *heads, Column("shortfall"))
    note = (
        "Means over the findings marked in a group. A shortfall is shown where the interval of the group's difference"
        " to the other patients, corrected over all groups, lies below zero. Too small: fewer than 20 patients or"
        " marked boxes, in the group or beside it."
    )
    return Table("groups", "By group of patients", columns, tuple(rows), note, breaks=tuple(breaks))


def _verdict(group: Mapping[str, Any], name: str) -> str:
    if group["too_small"]:
        return "too small"
    if not group["falls_short"]:
        return ""
    short = ", ".join(_heading(measure) for measure in group["falls_short"])
    return f"{name}: {short}" if name else f"in {short}"


def _heading(measure: str) -> str:
    return {"AP@IoU=0.5": "AP, IoU 0.5", "FROC@IoU=0.5": "FROC mean", "AUROC": "AUROC of images"}.get(measure, measure)


def _total(by_class: Mapping[str, Mapping[str, int]]) -> int:
    return sum(count for by_size in by_class.values() for count in by_size.values())
