"""Plots of scores: bars and differences per class, groups of patients, kinds of errors, training.

What is drawn of each model is given by the model's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mdfnet.metrics.verdicts import signed
from mdfnet.report.style import HATCHES, MARKERS, Palette, Plot, around_zero, beside, legend, name_rows, plain

#: A row for each ``epoch``.
History = Sequence[Mapping[str, float]]

#: What is said in place of a value that there is none of.
NOT_ANNOTATED = "not annotated"


def training_curves(runs: Mapping[str, History]) -> Plot:
    """Loss and validation AP over the epochs, a line for each run: ``train_loss`` and ``val_ap`` where measured."""

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, (key, title) in zip(figure.subplots(1, 2), keys, strict=True):
            for number, (name, curve) in enumerate(runs.items()):
                points = [(row["epoch"], row[key]) for row in curve if key in row and np.isfinite(row[key])]
                epochs, values = np.array(points, float).reshape(-1, 2).T
                axes.plot(epochs, values, label=plain(name), **palette.line(number))
            axes.set(title=title, xlabel="epoch")
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
            axes.grid(axis="y")
        figure.axes[0].legend(loc="upper right")

    keys = (("train_loss", "Training loss"), ("val_ap", "Validation AP"))
    words = f"Training loss and validation AP over the epochs of {', '.join(runs)}"
    return Plot("training", "Training loss and validation AP", words, (10.8, 3.0), draw)


def class_bars(
    measure: str,
    classes: Sequence[str],
    values: Mapping[str, Sequence[float]],
    intervals: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Plot:
    """One measure in [0, 1] per class as bars, models beside each other; NaN leaves the bar out and says so.

    ``intervals`` has (low, high) per class of those models that have intervals.
    """
    middle, thickness = np.arange(len(classes)), 0.8 / len(values)

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        for number, (name, of_model) in enumerate(values.items()):
            heights = np.asarray(of_model, float)
            at = middle + (number - (len(values) - 1) / 2) * thickness
            axes.barh(at, np.nan_to_num(heights), 0.9 * thickness, color=palette.color(number), label=plain(name))
            ranges = np.array((intervals or {}).get(name, [(value, value) for value in heights]), float)
            axes.hlines(at, *ranges.T, color=palette.ink, linewidth=1.2)
            for y, value, end in zip(at, heights, ranges[:, 1], strict=True):
                text = NOT_ANNOTATED if np.isnan(value) else f"{value:.2f}"
                axes.text(np.nan_to_num(end) + 0.008, y, text, va="center", fontsize=8)
        name_rows(axes, middle, classes)
        axes.set(xlabel=measure, xlim=(0, 1.06), ylim=(len(classes) - 0.5, -0.5))
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(axis="x")
        legend(figure)

    size = (10.8, 0.8 + len(classes) * (0.2 + 0.2 * len(values)))
    return Plot("classes", f"{measure} per class", f"{measure} per class of {', '.join(values)}", size, draw)


def differences(
    measure: str, reference: str, classes: Sequence[str], values: Mapping[str, Sequence[tuple[float, float, float]]]
) -> Plot:
    """By how much models differ from the reference, with intervals and a line at no difference.

    The last of ``classes`` is for all together. ``values`` has (difference, low, high) per class; NaN leaves a row out.
    """
    middle = np.arange(len(classes))

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        axes.axvline(0, color=palette.ink, linewidth=0.9)
        for number, (name, rows) in enumerate(values.items(), start=1):
            value, low, high = np.array(rows, float).T
            at = middle + (number - (len(values) + 1) / 2) * 0.6 / len(values)
            axes.hlines(at, low, high, color=palette.color(number), linewidth=2)
            marker = MARKERS[number % len(MARKERS)]
            axes.plot(value, at, marker, color=palette.color(number), markersize=6, label=plain(name))
            for y, row in zip(at, rows, strict=True):
                text = "{} ({} to {})".format(*map(signed, row))
                text = NOT_ANNOTATED if np.isnan(row[0]) else text
                beside(axes, 1, y, text, (8, 0), va="center", annotation_clip=False)
        axes.axhline(len(classes) - 1.5, color=palette.rule, linewidth=0.8)
        name_rows(axes, middle, classes)
        axes.set(ylim=(len(classes) - 0.5, -0.5), xlabel=f"difference in {measure} from {plain(reference)}")
        around_zero(axes)
        axes.grid(axis="x")
        if len(values) > 1:
            legend(figure)

    words = f"Difference in {measure} of {', '.join(values)} from {reference} per class, with 95 % intervals"
    size = (6.0, 1.0 + len(classes) * (0.22 + 0.16 * len(values)))
    return Plot("differences", f"Differences in {measure} from {reference}", words, size, draw)


def group_intervals(
    measure: str, groups: Sequence[tuple[str, str]], values: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Plot:
    """A measure by group of patients, with intervals; open markers where a group is too small to compare.

    A row is a grouping and its group; ``values`` has ``value``, ``low``, ``high`` and ``too_small`` of each.
    """
    firsts = [number for number, (grouping, _) in enumerate(groups) if not number or groups[number - 1][0] != grouping]
    at = np.array([number + 0.5 * sum(first <= number for first in firsts) for number in range(len(groups))])

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        for number, (name, rows) in enumerate(values.items()):
            y = at + (number - (len(values) - 1) / 2) * 0.5 / len(values)
            value, low, high = (np.array([row[key] for row in rows], float) for key in ("value", "low", "high"))
            small = np.array([row["too_small"] for row in rows], bool)
            style: dict[str, Any] = {"color": palette.color(number), "markersize": 5}
            axes.hlines(y, low, high, color=palette.color(number), linewidth=1.5)
            marker = MARKERS[number % len(MARKERS)]
            axes.plot(np.where(small, np.nan, value), y, marker, label=plain(name), **style)
            axes.plot(np.where(small, value, np.nan), y, marker, markerfacecolor="white", **style)
        name_rows(axes, at, [name for _, name in groups])
        for first in firsts:
            beside(axes, 0, at[first], plain(groups[first][0]), (-4, 9), ha="right", weight="bold")
        axes.set(xlabel=measure, xlim=(0, 1.02), ylim=(at[-1] + 0.6, at[0] - 1.1))
        axes.grid(axis="x")
        legend(figure)

    words = f"{measure} by group of patients of {', '.join(values)}, with 95 % intervals"
    return Plot("groups", f"{measure} by group of patients", words, (7.2, 1.0 + 0.28 * (at[-1] + 1)), draw)


def mistake_bars(kinds: Sequence[str], counts: Mapping[str, Sequence[float]]) -> Plot:
    """How many errors of each kind a model makes, models beside each other."""
    middle, thickness = np.arange(len(kinds)), 0.8 / len(counts)
    most = max(max(numbers) for numbers in counts.values()) or 1

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        for number, (name, numbers) in enumerate(counts.items()):
            at = middle + (number - (len(counts) - 1) / 2) * thickness
            style: dict[str, Any] = {"hatch": HATCHES[number % len(HATCHES)], "edgecolor": "white", "linewidth": 0}
            axes.barh(at, numbers, 0.86 * thickness, color=palette.color(number), label=plain(name), **style)
            for y, count in zip(at, numbers, strict=True):
                axes.text(count + most * 0.01, y, f"{count:,}", va="center", fontsize=8)
        name_rows(axes, middle, kinds)
        axes.set(xlabel="errors", xlim=(0, most * 1.12), ylim=(len(kinds) - 0.5, -0.5))
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes.grid(axis="x")
        legend(figure)

    size = (7.2, 0.8 + len(kinds) * (0.16 + 0.14 * len(counts)))
    return Plot("mistakes", "Errors by kind", f"Number of errors by kind of {', '.join(counts)}", size, draw)
