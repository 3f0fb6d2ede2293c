"""How all plots look, and how they become files: SVG for the page, SVG and PDF for a paper.

No window system, no global state, the same bytes for the same numbers. Series differ in lightness, marker and line, so
that a gray print can be read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import IO, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mdfnet.core.arrays import Bools, Floats
from mdfnet.core.files import replacing

#: By number of the series.
MARKERS, LINES, HATCHES = ("o", "s", "^", "D"), ("-", "--", "-.", ":"), ("", "////", "....", "xxxx")


@dataclass(frozen=True)
class Palette:
    """Colors of a plot: text and axes, grid, and one per series; beyond the last they repeat."""

    ink: str
    rule: str
    series: tuple[str, ...]

    def color(self, number: int) -> str:
        """Of a series, from 0."""
        return self.series[number % len(self.series)]

    def line(self, number: int, *, marker: bool = True) -> dict[str, Any]:
        """How the line of a series is drawn: color, stroke and marker."""
        style = {"color": self.color(number), "linestyle": LINES[number % len(LINES)], "linewidth": 1.5}
        return style | ({"marker": MARKERS[number % len(MARKERS)], "markersize": 3.5} if marker else {})


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


@dataclass(frozen=True)
class Plot:
    """A plot that can be drawn in any palette."""

    name: str  #: Of its file, and first part of all ids in it
    title: str  #: What it shows, in a few words
    description: str  #: What it shows, for those who cannot see it
    size: tuple[float, float]  #: Width and height in inches. 7.2 is a journal's two columns
    draw: Callable[[Figure, Palette], None]  #: On an empty figure


def on_page(plot: Plot) -> str:
    """The plot as ``<svg>`` element for an HTML page: ids of its own, no fixed size, nothing but the drawing."""
    file = io.StringIO()
    _save(plot, PAGE, file, "svg", fonts="none", metadata=_NO_METADATA)
    _, box, body = re.split(r'<svg[^>]*viewBox="([^"]+)"[^>]*>', file.getvalue(), maxsplit=1)
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
    facts = {"Title": plot.title, "CreationDate": None, "Creator": "mdfnet", "Producer": None}
    for suffix, metadata in (("svg", {**_NO_METADATA, "Title": plot.title}), ("pdf", facts)):
        with replacing(folder / f"{plot.name}.{suffix}") as draft:
            _save(plot, PRINT, draft, suffix, fonts="path", metadata=metadata)


def plain(text: str) -> str:
    """Text that matplotlib shall not read as a formula."""
    return text.replace("$", r"\$")


def banded_line(
    axes: Axes, x: ArrayLike, value: ArrayLike, limits: tuple[ArrayLike, ArrayLike], name: str, style: dict[str, Any]
) -> None:
    """A line of a series, its intervals as a band behind it."""
    axes.fill_between(x, *limits, color=style["color"], alpha=0.18, linewidth=0)
    axes.plot(x, value, label=plain(name), **style)


def dots(axes: Axes, palette: Palette, value: Floats, limits: tuple[Floats, Floats], shown: Bools) -> None:
    """A row for each value: its interval, and a dot that is filled where something is shown."""
    rows, color = np.arange(len(value)), palette.color(1)
    axes.axvline(0, color=palette.ink, linewidth=0.8)
    axes.hlines(rows, *limits, color=palette.ink, linewidth=1.2)
    for these, face in ((shown, color), (~shown, "none")):
        axes.scatter(value[these], rows[these], s=22, facecolors=face, edgecolors=color, zorder=3)
    axes.grid(axis="x")


def name_rows(axes: Axes, at: ArrayLike, names: Sequence[str]) -> None:
    """Names at the rows of a plot, without ticks."""
    axes.set_yticks(at, [plain(name) for name in names])
    axes.tick_params(axis="y", length=0)


def beside(axes: Axes, edge: int, row: float, text: str, offset: tuple[float, float], **style: Any) -> None:
    """Text at a row, so many points away from the left (0) or the right edge (1) of the axes."""
    place = axes.get_yaxis_transform()
    axes.annotate(text, (edge, row), xycoords=place, xytext=offset, textcoords="offset points", fontsize=8, **style)


def around_zero(axes: Axes) -> None:
    """Limits that show zero, and at least a tenth on either side of it."""
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.1), max(high, 0.1))


def legend(figure: Figure) -> None:
    """A legend of the series of all axes, above them, in as many columns as the names leave room for."""
    series: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            series.setdefault(name, handle)
    if series:
        fitting = int(figure.get_figwidth() / (0.5 + 0.08 * max(map(len, series))))
        columns = max(1, min(len(series), fitting))
        figure.legend(series.values(), series.keys(), loc="outside upper left", ncols=columns)


def panels(figure: Figure, count: int, columns: int = 3) -> list[Axes]:
    """So many axes in rows, those left over not drawn."""
    columns = min(columns, count)
    axes = np.atleast_1d(figure.subplots(rows_of(count, columns), columns, sharex=True, sharey=True)).ravel()
    for left_over in axes[count:]:
        left_over.set_axis_off()
    for number, one in enumerate(axes[:count]):
        if number + columns >= count:
            one.tick_params(labelbottom=True)
    return list(axes[:count])


def rows_of(count: int, columns: int = 3) -> int:
    """Rows that :func:`panels` makes."""
    return -(-count // min(columns, count))


_STYLE_SHEET = Path(__file__).parent / "templates/plots.mplstyle"
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def _save(
    plot: Plot, palette: Palette, file: IO[str] | Path, form: str, *, fonts: str, metadata: Mapping[str, str | None]
) -> None:
    settings: dict[Any, Any] = {"svg.fonttype": fonts, "axes.edgecolor": palette.rule, "grid.color": palette.rule}
    settings |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), palette.ink)
    with matplotlib.rc_context(settings, fname=_STYLE_SHEET):
        figure = Figure(figsize=plot.size)
        plot.draw(figure, palette)
        figure.savefig(file, format=form, metadata=metadata)
