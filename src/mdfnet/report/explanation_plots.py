"""Plots of explanations: what each value adds, what-if curves, importance over a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mdfnet.explain.importance import Importance
from mdfnet.explain.what_if import Curve
from mdfnet.metrics.verdicts import signed
from mdfnet.report.style import Palette, Plot, dots, name_rows, plain

#: Score points that a plot of importance spans at least, so that noise does not look like a result.
SMALLEST = 0.05

#: Series in whose colors values are drawn that raise a score, and that lower it.
UP, DOWN = 2, 1


def waterfall(labels: Sequence[str], values: Sequence[float], baseline: float, *, name: str) -> Plot:
    """From the score without a record to that with it, value by value, the largest first; values in score points."""
    order = np.argsort(-np.abs(values), kind="stable")
    steps = np.asarray(values, float)[order]
    ends = baseline + np.cumsum(steps)
    starts = ends - steps
    final = float(ends[-1]) if len(ends) else baseline

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        rows = np.arange(1, len(steps) + 1)
        colors = [palette.series[UP if step > 0 else DOWN] for step in steps]
        axes.barh(rows, steps, 0.7, left=starts, color=colors)
        axes.barh([0, len(steps) + 1], [baseline, final], 0.7, color=palette.series[0])
        for y, step, at in zip(rows, steps, np.maximum(starts, ends), strict=True):
            axes.text(at + 0.01, float(y), "±0" if abs(step) < 0.005 else signed(step), va="center", fontsize=8)
        for end, score in ((0, baseline), (len(steps) + 1, final)):
            axes.text(score + 0.01, end, f"{score:.2f}", va="center", fontsize=8, fontweight="bold")
        names = ["without a record", *(labels[k] for k in order), "with the record"]
        name_rows(axes, np.arange(len(names)), names)
        axes.set(xlim=(min(0, *starts, *ends, 0) - 0.02, 1.12), ylim=(len(names) - 0.5, -0.5), xlabel="score")
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(axis="x")

    words = f"Score {baseline:.2f} without a record, {final:.2f} with it; what each value adds"
    return Plot(name, "What each value adds", words, (5.4, 0.75 + 0.24 * (len(steps) + 2)), draw)


def what_if_panels(curves: Sequence[Curve], box: int, units: Mapping[str, str], *, name: str) -> Plot:
    """The score of one of the curves' boxes against each feature, with how usual the values were in training below."""

    def draw(figure: Figure, palette: Palette) -> None:
        panels = figure.subplots(1, max(3, len(curves)), sharey=True)
        for axes, curve in zip(panels, curves, strict=False):
            (_bars if curve.feature.kind == "category" else _line)(axes, curve, box, palette)
            axes.axhline(curve.missing[box], color=palette.ink, linewidth=0.8, linestyle=":")
            unit = units[curve.feature.name]
            axes.set(title=plain(curve.feature.name), xlabel=plain(unit), ylim=(-0.02, 1.05))
            axes.grid(axis="y")
        for axes in panels[len(curves) :]:
            axes.set_axis_off()
        panels[0].set_ylabel("score")

    words = f"Score against {', '.join(curve.feature.name for curve in curves)}"
    return Plot(name, "What if", words, (10.8, 2.5), draw)


def importance_bars(features: Sequence[str], importance: Importance, *, name: str) -> Plot:
    """How much each feature matters for one finding, with intervals."""
    order = np.argsort(np.nan_to_num(importance.size.value), kind="stable")
    parts = {
        "size: how far scores move": importance.size,
        "effect: what knowing it adds": importance.effect,
        "discrimination: what its value adds": importance.discrimination,
    }

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, (title, part) in zip(figure.subplots(1, 3, sharey=True), parts.items(), strict=True):
            dots(axes, palette, part.value[order], (part.low[order], part.high[order]), part.shown[order])
            name_rows(axes, np.arange(len(order)), [features[k] for k in order])
            low, high = axes.get_xlim()
            axes.set(title=title, xlabel="score points", ylim=(-0.6, len(order) - 0.4))
            axes.set_xlim(min(low, -SMALLEST / 2), max(high, SMALLEST))

    words = f"Importance of the clinical features for {importance.finding}"
    return Plot(name, "Importance", words, (10.8, 0.7 + 0.21 * len(order)), draw)


def _line(axes: Axes, curve: Curve, box: int, palette: Palette) -> None:
    if curve.density is not None:
        axes.fill_between(curve.values, 0, 0.25 * curve.density, color=palette.rule, linewidth=0)
    inside = np.where(curve.outside, np.nan, curve.scores[:, box])
    axes.plot(curve.values, curve.scores[:, box], color=palette.series[1], linewidth=1.0, linestyle=(0, (3, 2)))
    axes.plot(curve.values, inside, color=palette.series[1], linewidth=1.8)
    if np.isfinite(curve.own):
        at = np.interp(curve.own, curve.values, curve.scores[:, box])
        axes.plot([curve.own], [at], "o", color=palette.series[2], markersize=5)


def _bars(axes: Axes, curve: Curve, box: int, palette: Palette) -> None:
    at, names = np.arange(len(curve.values)), [curve.feature.categories[int(value)] for value in curve.values]
    colors = [palette.series[2] if value == curve.own else palette.series[1] for value in curve.values]
    axes.bar(at, curve.scores[:, box], 0.6, color=colors)
    marked = zip(names, curve.outside, strict=True)
    axes.set_xticks(at, [plain(f"{name}*" if outside else name) for name, outside in marked])
