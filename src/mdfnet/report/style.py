"""How all plots look, and how they become files: SVG for the page, SVG and PDF for a paper.

No window system, no global state, the same bytes for the same numbers. Series differ in lightness, marker and line, so
that a gray print can be read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from mdfnet.core.files import replacing


@dataclass(frozen=True)
class Palette:
    """Colors of a plot: text and axes, grid, and one per series; beyond the last they repeat."""

    ink: str
    rule: str
    series: tuple[str, ...]

    def color(self, number: int) -> str:
        """Of a series, from 0."""
        return self.series[number % len(self.series)]


#: For files. Lightness of the series: CIE L* 60, 38, 47, 27.
PRINT = Palette("#000000", "#c9ced4", ("#87919c", "#0b5f96", "#b4560a", "#0c4a3a"))

#: Stand-ins that become CSS variables, so that a plot follows the page into dark mode.
PAGE = Palette("#010101", "#020202", ("#030303", "#040404", "#050505", "#060606"))

_VARIABLES = {
    PAGE.ink: "var(--ink, #1d2329)",
    PAGE.rule: "var(--rule, #d5dae0)",
    **{
        stand_in: f"var(--series-{number}, {color})"
        for number, (stand_in, color) in enumerate(zip(PAGE.series, PRINT.series, strict=True), start=1)
    },
}
MARKERS, LINES, HATCHES = ("o", "s", "^", "D"), ("-", "--", "-.", ":"), ("", "////", "....", "xxxx")


@dataclass(frozen=True)
class Plot:
    """A plot that can be drawn in any palette.

    Args:
        name: Of its file, and first part of all ids in it.
        title: What it shows, in a few words.
        description: What it shows, for those who cannot see it.
        size: Width and height in inches. 7.2 is a journal's two columns.
        draw: Draws it on an empty figure.
    """

    name: str
    title: str
    description: str
    size: tuple[float, float]
    draw: Callable[[Figure, Palette], None]


def on_page(plot: Plot) -> str:
    """The plot as ``<svg>`` element for an HTML page: ids of its own, no fixed size, nothing but the drawing."""
    file = io.StringIO()
    with matplotlib.rc_context(_settings(PAGE, fonts="none")):
        FigureCanvasSVG(_figure(plot, PAGE)).print_svg(file, metadata=_NO_METADATA)
    text = file.getvalue()
    box = re.search(r'viewBox="([^"]+)"', text).group(1)
    body = text[re.search(r"<svg[^>]*>", text).end() :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'\bid="', f'id="{plot.name}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{plot.name}-", body)
    for stand_in, variable in _VARIABLES.items():
        body = body.replace(stand_in, variable)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" aria-label="{escape(plot.description)}"'
    return f'{head} style="stroke-linejoin: round">{body}'


def write_plot(plot: Plot, folder: Path) -> None:
    """Write a plot as ``NAME.svg``, letters as outlines, and ``NAME.pdf``, letters embedded as TrueType."""
    with matplotlib.rc_context(_settings(PRINT, fonts="path")):
        with replacing(folder / f"{plot.name}.svg") as draft:
            FigureCanvasSVG(_figure(plot, PRINT)).print_svg(draft, metadata={**_NO_METADATA, "Title": plot.title})
        with replacing(folder / f"{plot.name}.pdf") as draft:
            facts = {"Title": plot.title, "CreationDate": None, "Creator": "mdfnet", "Producer": None}
            FigureCanvasPdf(_figure(plot, PRINT)).print_pdf(draft, metadata=facts)


def plain(text: str) -> str:
    """Text that matplotlib shall not read as a formula."""
    return text.replace("$", r"\$")


def line(axes, number: int, palette: Palette, x, y, name: str | None = None, *, marker: bool = True, **style) -> None:
    """A line of a series, in its color, stroke and marker."""
    own = {"color": palette.color(number), "linestyle": LINES[number % len(LINES)], "linewidth": 1.5}
    if marker:
        own |= {"marker": MARKERS[number % len(MARKERS)], "markersize": 3.5}
    axes.plot(x, y, **{**own, **style}, label=None if name is None else plain(name))


def legend(figure: Figure) -> None:
    """A legend of the series of all axes, above them, in as many columns as the names leave room for."""
    series = {}
    for axes in figure.axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            series.setdefault(name, handle)
    if series:
        columns = int(figure.get_figwidth() / (0.5 + 0.08 * max(map(len, series))))
        figure.legend(series.values(), series, loc="outside upper left", ncols=max(1, min(len(series), columns)))


def panels(figure: Figure, count: int, columns: int = 3) -> list:
    """So many axes in rows, those left over not drawn."""
    columns = min(columns, count)
    axes = np.atleast_1d(figure.subplots(-(-count // columns), columns, sharex=True, sharey=True)).ravel()
    for left_over in axes[count:]:
        left_over.set_axis_off()
    for number, one in enumerate(axes[:count]):
        if number + columns >= count:
            one.tick_params(labelbottom=True)
    return list(axes[:count])


def rows_of(count: int, columns: int = 3) -> int:
    """Rows that :func:`panels` makes."""
    return -(-count // min(columns, count))


_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def _figure(plot: Plot, palette: Palette) -> Figure:
    figure = Figure(figsize=plot.size)
    plot.draw(figure, palette)
    return figure


def _settings(palette: Palette, fonts: str) -> dict[str, object]:
    return {
        "svg.fonttype": fonts,
        "pdf.fonttype": 42,
        "svg.hashsalt": "mdfnet",
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.color": palette.ink,
        "axes.labelcolor": palette.ink,
        "axes.edgecolor": palette.rule,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": palette.rule,
        "grid.linewidth": 0.6,
        "hatch.linewidth": 0.6,
        "xtick.color": palette.ink,
        "ytick.color": palette.ink,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
    }
