"""Plots of experiments: differences between arms, learning curves, FROC over seeds, discrimination by values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mdfnet.core.arrays import Floats
from mdfnet.experiments.summary import Change, Mean, SummaryRow
from mdfnet.metrics.verdicts import change_in_words
from mdfnet.report.curves import finish_panels, froc_axes
from mdfnet.report.experiment.contents import FindingDiscrimination
from mdfnet.report.experiment.words import DIGITS
from mdfnet.report.style import (
    Palette,
    Plot,
    around_zero,
    banded_line,
    beside,
    dots,
    legend,
    name_rows,
    panels,
    plain,
    rows_of,
)


def arm_differences(measure: str, rows: Sequence[tuple[str, Change]]) -> Plot:
    """By how much each arm differs from the one it is compared with: its name, and the difference."""

    def draw(figure: Figure, palette: Palette) -> None:
        axes = figure.subplots()
        axes.axvline(0, color=palette.ink, linewidth=0.9)
        at = np.arange(len(rows))
        value, low, high = np.array([(one.value, one.low, one.high) for _, one in rows], float).T
        axes.hlines(at, low, high, color=palette.color(1), linewidth=2)
        axes.plot(value, at, "s", color=palette.color(1), markersize=6)
        for y, (_, one) in zip(at, rows, strict=True):
            text = change_in_words(one.value, one.low, one.high, DIGITS, label="")
            beside(axes, 1, float(y), text, (8, 0), va="center", annotation_clip=False)
        name_rows(axes, at, [name for name, _ in rows])
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=f"difference in mean {plain(measure)}")
        around_zero(axes)
        axes.grid(axis="x")

    words = f"Difference in mean {measure} of {', '.join(name for name, _ in rows)}, with 95 % intervals"
    return Plot("arms", f"Differences in mean {measure}", words, (7.2, 0.8 + 0.32 * len(rows)), draw)


def learning_curve(measure: str, images: Sequence[int], arms: Mapping[str, Sequence[SummaryRow | None]]) -> Plot:
    """Scores, and gains beside them, over the numbers of training images; None where nothing is done."""

    def draw(figure: Figure, palette: Palette) -> None:
        scores, gains = figure.subplots(1, 2)
        gains.axhline(0, color=palette.ink, linewidth=0.9)
        for number, (name, rows) in enumerate(arms.items()):
            _banded(scores, images, [row.score if row else Mean.of([]) for row in rows], name, palette.line(number))
            changes = [row.change if row else None for row in rows]
            if any(changes):
                ends = [(one.value, one.low, one.high) if one else (np.nan,) * 3 for one in changes]
                value, low, high = np.array(ends, float).T
                gains.vlines(images, low, high, color=palette.color(number), linewidth=1.5)
                gains.plot(images, value, **palette.line(number))
        for axes, label in ((scores, f"mean {measure}"), (gains, "difference")):
            axes.set_xscale("log")
            axes.set_xticks(images, [f"{count:,}" for count in images])
            axes.tick_params(which="minor", bottom=False, labelbottom=False)
            axes.set(xlabel="training images", ylabel=plain(label))
            axes.grid(axis="y")
        scores.set_ylim(bottom=0)
        legend(figure)

    words = f"Mean {measure} over the number of training images, of {', '.join(arms)}, and differences between them"
    return Plot("learning", "Learning curve", words, (7.2, 3.2), draw)


def froc(
    overlap: str, rates: Sequence[float], panels_of: Mapping[str, Mapping[str, Sequence[Mean]]], name: str
) -> Plot:
    """Sensitivity at rates of false positives per image, mean over seeds: title of a panel -> arm -> means."""
    columns = 3 if len(panels_of) > 1 else 1

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, (title, arms) in zip(panels(figure, len(panels_of), columns), panels_of.items(), strict=True):
            for number, (arm, means) in enumerate(arms.items()):
                _banded(axes, rates, means, arm, palette.line(number))
            froc_axes(axes)
            axes.set_title(plain(title))
        finish_panels(figure, "false positives per image and finding", "sensitivity")

    size = (7.2, 0.7 + 1.9 * rows_of(len(panels_of))) if len(panels_of) > 1 else (5.4, 3.6)
    words = f"Sensitivity against false positives per image ({overlap}): {', '.join(panels_of)}"
    return Plot(name, "FROC over seeds", words, size, draw)


def discrimination(arm: str, findings: Sequence[FindingDiscrimination], name: str) -> Plot:
    """How well each clinical value discriminates, a panel for each finding, with 95 % intervals over trainings."""
    features = findings[0].features

    def draw(figure: Figure, palette: Palette) -> None:
        for axes, one in zip(panels(figure, len(findings)), findings, strict=True):
            value, half = _arrays(one.discrimination)
            dots(axes, palette, value, (value - half, value + half), np.abs(value) > half)
            name_rows(axes, np.arange(len(features)), features)
            axes.set(title=plain(one.finding), ylim=(len(features) - 0.5, -0.5))
            around_zero(axes)
        figure.supxlabel("score points", fontsize=9)

    size = (7.2, 0.6 + (0.5 + 0.19 * len(features)) * rows_of(len(findings)))
    words = f"Discrimination by each clinical value of each finding in “{arm}”, with 95 % intervals over trainings"
    return Plot(name, f"Discrimination: {arm}", words, size, draw)


def _banded(axes: Axes, x: Sequence[float], means: Sequence[Mean], name: str, style: dict[str, Any]) -> None:
    value, half = _arrays(means)
    banded_line(axes, x, value, (value - half, value + half), name, style)


def _arrays(means: Sequence[Mean]) -> tuple[Floats, Floats]:
    return np.array([mean.value for mean in means], float), np.array([mean.half for mean in means], float)
