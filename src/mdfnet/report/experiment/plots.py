"""Plots of experiments: differences between arms, learning curves, FROC over seeds, what tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mdfnet.experiments.summary import Change, Mean, SummaryRow
from mdfnet.report.answer import signed
from mdfnet.report.curves import finish_panels, froc_axes
from mdfnet.report.experiment.contents import Told
from mdfnet.report.experiment.words import DIGITS
from mdfnet.report.plots import around_zero
from mdfnet.report.style import Palette, Plot, legend, line, panels, plain, rows_of


def arm_differences(measure: str, rows: Sequence[tuple[str, Change]]) -> Plot:
    """By how much each arm differs from the one it is compared with.

    Args:
        measure: Of what the differences are.
        rows: What it is, and its difference.

    Examples:
        >>> from mdfnet.report.style import on_page
        >>> on_page(arm_differences("AP", [("fused", Change(0.2, 0.1, 0.3, 5, "replicates"))]))[:4]
        '<svg'
    """

    def draw(figure, palette):
        axes = figure.subplots()
        axes.axvline(0, color=palette.ink, linewidth=0.9)
        at = np.arange(len(rows))
        value, low, high = np.array([(one.value, one.low, one.high) for _, one in rows], float).T
        axes.hlines(at, low, high, color=palette.color(1), linewidth=2)
        axes.plot(value, at, "s", color=palette.color(1), markersize=6)
        for y, (_, one) in zip(at, rows, strict=True):
            middle, least, most = (signed(number, DIGITS) for number in (one.value, one.low, one.high))
            text = middle if np.isnan(one.low) else f"{middle} ({least} to {most})"
            place = {"xytext": (8, 0), "textcoords": "offset points", "xycoords": axes.get_yaxis_transform()}
            axes.annotate(text, (1, y), va="center", fontsize=8, annotation_clip=False, **place)
        axes.set_yticks(at, [plain(name) for name, _ in rows])
        axes.tick_params(axis="y", length=0)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=f"difference in mean {plain(measure)}")
        around_zero(axes)
        axes.grid(axis="x")

    words = f"Difference in mean {measure} of {', '.join(name for name, _ in rows)}, with 95 % intervals"
    return Plot("arms", f"Differences in mean {measure}", words, (7.2, 0.8 + 0.32 * len(rows)), draw)


def learning_curve(measure: str, images: Sequence[int], arms: Mapping[str, Sequence[SummaryRow | None]]) -> Plot:
    """Scores, and gains beside them, over the number of training images.

    Args:
        measure: What is shown.
        images: Numbers of training images.
        arms: Name -> its row for each of them; None where nothing is done.
    """

    def draw(figure, palette):
        scores, gains = figure.subplots(1, 2)
        gains.axhline(0, color=palette.ink, linewidth=0.9)
        for number, (name, rows) in enumerate(arms.items()):
            _banded(scores, number, palette, images, [row.score if row else Mean.of([]) for row in rows], name)
            changes = [row.change if row else None for row in rows]
            if any(changes):
                ends = [(one.value, one.low, one.high) if one else (np.nan,) * 3 for one in changes]
                value, low, high = np.array(ends, float).T
                gains.vlines(images, low, high, color=palette.color(number), linewidth=1.5)
                line(gains, number, palette, images, value)
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
    """Sensitivity at the usual rates of false positives, mean over seeds.

    Args:
        overlap: What counts as a hit, in words.
        rates: False positives per image.
        panels_of: Title of a panel -> arm -> mean at each rate.
        name: Of the plot.
    """
    columns = 3 if len(panels_of) > 1 else 1

    def draw(figure, palette):
        for axes, (title, arms) in zip(panels(figure, len(panels_of), columns), panels_of.items(), strict=True):
            for number, (arm, means) in enumerate(arms.items()):
                value, half = (np.array([getattr(mean, key) for mean in means], float) for key in ("value", "half"))
                axes.fill_between(
                    rates, value - half, value + half, color=palette.color(number), alpha=0.18, linewidth=0
                )
                line(axes, number, palette, rates, value, arm)
            froc_axes(axes)
            axes.set_title(plain(title))
        finish_panels(figure, "false positives per image and finding", "sensitivity")

    size = (7.2, 0.7 + 1.9 * rows_of(len(panels_of))) if len(panels_of) > 1 else (5.4, 3.6)
    words = f"Sensitivity against false positives per image ({overlap}): {', '.join(panels_of)}"
    return Plot(name, "FROC over seeds", words, size, draw)


def discrimination(arm: str, told: Sequence[Told], name: str) -> Plot:
    """What each clinical value tells of each finding, a panel each, with 95 % intervals over trainings.

    Args:
        arm: Whose models.
        told: Per finding.
        name: Of the plot.
    """
    features = told[0].features

    def draw(figure, palette):
        axes_of = panels(figure, len(told))
        for axes, one in zip(axes_of, told, strict=True):
            at = np.arange(len(features))
            value, half = _arrays(one.discrimination)
            axes.axvline(0, color=palette.ink, linewidth=0.8)
            axes.hlines(at, value - half, value + half, color=palette.color(1), linewidth=1.2)
            shown = np.abs(value) > half
            for these, face in ((shown, palette.color(1)), (~shown, "none")):
                axes.scatter(value[these], at[these], s=20, facecolors=face, edgecolors=palette.color(1), zorder=3)
            axes.set(title=plain(one.finding), yticks=at, ylim=(len(features) - 0.5, -0.5))
            axes.set_yticklabels([plain(feature) for feature in features])
            axes.tick_params(axis="y", length=0)
            around_zero(axes)
            axes.grid(axis="x")
        figure.supxlabel("score points", fontsize=9)

    size = (7.2, 0.6 + (0.5 + 0.19 * len(features)) * rows_of(len(told)))
    words = f"What each clinical value tells “{arm}” of each finding, with 95 % intervals over trainings"
    return Plot(name, f"What tells: {arm}", words, size, draw)


def _banded(axes, number: int, palette: Palette, x: Sequence[float], means: Sequence[Mean], name: str) -> None:
    """A line of means with its intervals as a band."""
    value, half = _arrays(means)
    axes.fill_between(x, value - half, value + half, color=palette.color(number), alpha=0.18, linewidth=0)
    line(axes, number, palette, x, value, name)


def _arrays(means: Sequence[Mean]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([mean.value for mean in means], float), np.array([mean.half for mean in means], float)
