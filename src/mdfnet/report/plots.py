"""Plots as SVG text for the report: no window system, no global state, the same bytes for the same numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

#: Stand-ins that become CSS variables, so that a plot follows the page into dark mode; the fallback serves alone.
INK, RULE = "#010101", "#020202"
SERIES = ("#030303", "#040404", "#050505", "#060606")
_VARIABLES = {
    INK: "var(--ink, #1d2329)",
    RULE: "var(--rule, #d5dae0)",
    SERIES[0]: "var(--series-1, #6b7682)",
    SERIES[1]: "var(--series-2, #0b6fa8)",
    SERIES[2]: "var(--series-3, #b4560a)",
    SERIES[3]: "var(--series-4, #0a7a58)",
}
_MARKERS = ("o", "s", "^", "D")
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mdfnet",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}

Curve = Sequence[Mapping[str, float]]


def training_curves(runs: Mapping[str, Curve]) -> str:
    """Loss and validation AP over the epochs, one line per run.

    Args:
        runs: Name of a run -> one row per epoch with ``epoch`` and, where they were measured, ``train_loss`` and
            ``val_ap``.

    Returns:
        ``<svg>`` element.

    Examples:
        >>> training_curves({"fused": [{"epoch": 1, "train_loss": 0.9, "val_ap": 0.1}]})[:4]
        '<svg'
    """
    panels = (("train_loss", "Training loss"), ("val_ap", "Validation AP"))
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(10.8, 3.0))
        for axes, (key, title) in zip(figure.subplots(1, 2), panels, strict=True):
            for number, (name, curve) in enumerate(runs.items()):
                points = [(row["epoch"], row[key]) for row in curve if key in row and np.isfinite(row[key])]
                _line(axes, number, name, points)
            axes.set(title=title, xlabel="epoch")
            axes.set_ylim(bottom=0)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(axis="y")
        figure.axes[0].legend(loc="upper right")
        return svg(figure, "training", f"Training loss and validation AP over the epochs of {_listed(runs)}")


def class_bars(
    measure: str,
    classes: Sequence[str],
    values: Mapping[str, Sequence[float]],
    intervals: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> str:
    """One measure per class as bars, models beside each other.

    Args:
        measure: What is shown, for the axis.
        classes: Names of the classes.
        values: Name of a model -> one value in [0, 1] per class; NaN leaves the bar out and says so.
        intervals: Name of a model -> (low, high) per class, for those models that have intervals.

    Returns:
        ``<svg>`` element.

    Examples:
        >>> class_bars("AP", ["Effusion"], {"image-only": [0.3], "fused": [0.5]}, {"fused": [(0.4, 0.6)]})[:4]
        '<svg'
    """
    middle = np.arange(len(classes))
    thickness = 0.8 / len(values)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(10.8, 0.8 + len(classes) * (0.2 + 0.2 * len(values))))
        axes = figure.subplots()
        for number, (name, heights) in enumerate(values.items()):
            heights = np.asarray(heights, float)
            at = middle + (number - (len(values) - 1) / 2) * thickness
            axes.barh(at, np.nan_to_num(heights), 0.9 * thickness, color=_color(number), label=name)
            ranges = np.array((intervals or {}).get(name, [(value, value) for value in heights]))
            axes.hlines(at, *ranges.T, color=INK, linewidth=1.2)
            for y, value, end in zip(at, heights, ranges[:, 1], strict=True):
                text = "not marked" if np.isnan(value) else f"{value:.2f}"
                axes.text(np.nan_to_num(end) + 0.008, y, text, va="center", fontsize=8)
        axes.set_yticks(middle, [plain(name) for name in classes])
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel=measure, xlim=(0, 1.06), ylim=(len(classes) - 0.5, -0.5))
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(axis="x")
        figure.legend(loc="outside upper left", ncols=len(values))
        return svg(figure, "classes", f"{measure} per class of {_listed(values)}")


def overlap_curves(measure: str, curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """AP over the overlap that counts as a hit: how much of a difference is finding, how much is outlining.

    Args:
        measure: What is shown, for the axes.
        curves: Name of a model -> (overlap threshold, AP), both in [0, 1].

    Returns:
        ``<svg>`` element.

    Examples:
        >>> overlap_curves("IoU", {"fused": [(0.25, 0.6), (0.5, 0.4)]})[:4]
        '<svg'
    """
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(5.4, 3.0))
        axes = figure.subplots()
        for number, (name, points) in enumerate(curves.items()):
            _line(axes, number, name, points)
        axes.set(xlabel=f"smallest {measure} that counts as a hit", ylabel="mean AP", ylim=(0, None))
        axes.grid(axis="y")
        axes.legend(loc="upper right")
        return svg(figure, "overlap", f"Mean AP over the {measure} that counts as a hit, of {_listed(curves)}")


def _line(axes, number: int, name: str, points: Sequence[tuple[float, float]]) -> None:
    x, y = np.array(points, float).reshape(-1, 2).T
    style = {"color": _color(number), "marker": _MARKERS[number % len(_MARKERS)]}
    axes.plot(x, y, **style, markersize=3.5, linewidth=1.5, label=plain(name))


def _color(number: int) -> str:
    return SERIES[number % len(SERIES)]


def plain(text: str) -> str:
    """Text that matplotlib shall not read as a formula."""
    return text.replace("$", r"\$")


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names)


def svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an element for an HTML page: ids of its own, no fixed size, nothing but the drawing."""
    file = io.StringIO()
    FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue()
    box = re.search(r'viewBox="([^"]+)"', text).group(1)
    body = text[re.search(r"<svg[^>]*>", text).end() :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{name}-", body)
    for stand_in, variable in _VARIABLES.items():
        body = body.replace(stand_in, variable)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" aria-label="{escape(description)}"'
    return f'{head} style="stroke-linejoin: round">{body}'
