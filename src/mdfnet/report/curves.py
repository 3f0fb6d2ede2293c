"""Curves over thresholds: FROC, ROC of whole images, reliability, AP by overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mdfnet.metrics.froc import RATES
from mdfnet.report.style import MARKERS, Palette, Plot, banded_line, legend, panels, plain, rows_of

#: Name of a model -> class -> numbers of its curve, by name.
ClassCurves = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]

#: Bins with fewer boxes than this are small dots beside the line: their share of hits is mostly chance.
FEW_BOXES = 10

#: What FROC axes begin and end with, false positives per image.
_FIRST, _LAST = 1 / 16, 8.0


def froc_mean(overlap: str, values: Mapping[str, Sequence[tuple[float, float, float]]]) -> Plot:
    """Mean sensitivity over the classes: model -> (sensitivity, low, high) at each of the rates 1/8 to 8."""

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        for number, (name, rows) in enumerate(values.items()):
            value, low, high = np.array(rows, float).T
            banded_line(axes, RATES, value, (low, high), name, palette.line(number))
        froc_axes(axes)
        axes.set(xlabel="false positives per image and finding", ylabel="mean sensitivity")
        axes.legend(loc="lower right")

    words = f"Mean sensitivity against false positives per image ({overlap}) of {', '.join(values)}"
    return Plot("froc", "FROC, mean over findings", words, (5.4, 3.4), draw)


def froc_panels(overlap: str, classes: Sequence[str], curves: ClassCurves) -> Plot:
    """The FROC curve of each class in a panel of its own, from ``false_positives`` and ``sensitivity``."""

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, label in zip(panels(figure, len(classes)), classes, strict=True):
            for number, (name, by_class) in enumerate(curves.items()):
                x, y = (np.array(by_class[label][key], float) for key in ("false_positives", "sensitivity"))
                if len(x) and not np.isnan(y).any():
                    x, y = np.append(x.clip(_FIRST), max(_LAST, x[-1])), np.append(y, y[-1])
                    first = max(0, int((x <= _FIRST).sum()) - 1)  # what is found before the axis begins
                    style = palette.line(number, marker=False) | {"drawstyle": "steps-post"}
                    axes.plot(x[first:], y[first:], label=plain(name), **style)
            froc_axes(axes)
            axes.set_title(plain(label))
        finish_panels(figure, "false positives per image", "sensitivity")

    size = (7.2, 0.7 + 1.9 * rows_of(len(classes)))
    words = f"Sensitivity against false positives per image for each finding ({overlap}) of {', '.join(curves)}"
    return Plot("froc-findings", "FROC of each finding", words, size, draw)


def roc_panels(classes: Sequence[str], curves: ClassCurves, areas: Mapping[str, Sequence[float]]) -> Plot:
    """Is the finding on the image at all: a panel per class, from ``false_positive_rate`` and ``sensitivity``."""

    def draw(figure: Figure, palette: Palette) -> None:
        for k, (axes, label) in enumerate(zip(panels(figure, len(classes)), classes, strict=True)):
            _unit_square(axes, palette, label)
            for number, (name, by_class) in enumerate(curves.items()):
                x, y = (np.array(by_class[label][key], float) for key in ("false_positive_rate", "sensitivity"))
                axes.plot(x, y, label=plain(name), **palette.line(number, marker=False))
                place, text = (0.97, 0.05 + 0.11 * (len(curves) - 1 - number)), f"{areas[name][k]:.2f}"
                axes.text(*place, text, ha="right", color=palette.color(number), weight="bold", fontsize=8)
        finish_panels(figure, "1 − specificity", "sensitivity")

    size = (7.2, 0.7 + 2.0 * rows_of(len(classes)))
    words = f"ROC curve of images for each finding, with the area under it, of {', '.join(curves)}"
    return Plot("roc-findings", "ROC of whole images", words, size, draw)


def reliability_panels(classes: Sequence[str], bins: ClassCurves) -> Plot:
    """Share of hits against score, from ``detections``, ``score`` and ``hits`` of each bin; ideal is the diagonal."""

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, label in zip(panels(figure, len(classes)), classes, strict=True):
            _unit_square(axes, palette, label)
            for number, (name, by_class) in enumerate(bins.items()):
                boxes = np.array(by_class[label]["detections"])
                x, y = (np.array(by_class[label][key], float) for key in ("score", "hits"))
                known, enough = np.isfinite(x), boxes >= FEW_BOXES
                axes.plot(x[enough], y[enough], label=plain(name), **palette.line(number, marker=False))
                sizes = np.where(enough[known], 26, 5)
                marker = MARKERS[number % len(MARKERS)]
                axes.scatter(x[known], y[known], sizes, color=palette.color(number), marker=marker, zorder=3)
        finish_panels(figure, "score", "share of boxes that hit")

    size = (7.2, 0.7 + 2.0 * rows_of(len(classes)))
    words = f"Share of boxes that hit an annotated one, by their score, for each finding, of {', '.join(bins)}"
    return Plot("reliability", "Reliability of the scores", words, size, draw)


def overlap_sweep(sweeps: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> Plot:
    """Mean AP over the overlap that counts as a hit: how much of a difference is finding, how much is precision.

    Of each model and overlap ("IoU", "IoBB") rows with ``threshold``, ``AP`` (last the mean) and ``AP_interval``.
    """
    overlaps = list(next(iter(sweeps.values())))

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, overlap in zip(panels(figure, len(overlaps)), overlaps, strict=True):
            for number, (name, by_overlap) in enumerate(sweeps.items()):
                rows = by_overlap[overlap]
                x, y = [row["threshold"] for row in rows], np.array([row["AP"][-1] for row in rows], float)
                low, high = np.array([row["AP_interval"] for row in rows], float).T
                banded_line(axes, x, y, (low, high), name, palette.line(number) | {"markevery": 2})
            axes.set(title=overlap, xlim=(-0.02, 1.02), ylim=(0, 1.02))
            axes.set_xlabel(f"smallest {overlap} that counts as a hit")
            axes.grid(axis="y")
        figure.axes[0].set_ylabel("mean AP")
        figure.axes[0].legend(loc="lower left")

    words = f"Mean AP over the smallest overlap that counts as a hit, of {', '.join(sweeps)}"
    return Plot("overlap", "AP by overlap", words, (7.2, 3.0), draw)


def froc_axes(axes: Axes) -> None:
    """Axes of a FROC curve: false positives on a log scale."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(RATES, ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    axes.tick_params(which="minor", bottom=False)
    axes.set(xlim=(_FIRST, _LAST * 1.1), ylim=(0, 1.02), yticks=[0, 0.25, 0.5, 0.75, 1])
    axes.grid(axis="y")


def finish_panels(figure: Figure, xlabel: str, ylabel: str) -> None:
    """Labels and a legend for all panels."""
    figure.supxlabel(xlabel, fontsize=9)
    figure.supylabel(ylabel, fontsize=9)
    legend(figure)


def _unit_square(axes: Axes, palette: Palette, title: str) -> None:
    """Both axes from 0 to 1, with the diagonal."""
    axes.plot([0, 1], [0, 1], color=palette.rule, linewidth=1)
    axes.set(title=plain(title), xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
