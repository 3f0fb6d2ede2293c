"""How a page becomes one HTML file that needs nothing else: no script, no network, pictures and plots inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup
from PIL import Image

from mdfnet.models.card import NOTICE
from mdfnet.report.contents import synthetic_parts
from mdfnet.report.style import Plot, on_page, write_plot
from mdfnet.report.tables import ReportTable, write_table


def render_page(
    template: str,
    *,
    title: str,
    synthetic: Sequence[str] = (),
    plots: Iterable[Plot] = (),
    tables: Iterable[ReportTable] = (),
    facts: Mapping[str, str] | None = None,
    **content: Any,
) -> str:
    """A page as text: everything that comes from outside is escaped, and what the template lacks is an error.

    Args:
        template: Name of a file in ``templates/``.
        title: Of the page.
        synthetic: Which of "images", "findings" and "clinical" are made up.
        plots, tables: The template finds them by their names.
        facts: Name -> value: versions, model, command.
        content: What else the template shows.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mdfnet.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        title=title,
        notice=NOTICE,
        synthetic=synthetic_parts(synthetic),
        plots={plot.name: Markup(on_page(plot)) for plot in plots},
        tables={table.name: table for table in tables},
        facts=facts or {},
        **content,
    )


def write_figures_and_tables(folder: Path, plots: Iterable[Plot], tables: Iterable[ReportTable]) -> None:
    """Write each plot to ``figures/`` (SVG, PDF) and each table to ``tables/`` (CSV, LaTeX).

    Raises:
        UserError: A file cannot be written.
    """
    for plot in plots:
        write_plot(plot, folder / "figures")
    for table in tables:
        write_table(table, folder / "tables")


class Panel(NamedTuple):
    """A picture of a page: its caption, itself as a data URL, and what it shows in words."""

    caption: str
    source: str
    words: str

    @classmethod
    def of(cls, caption: str, picture: Image.Image, words: str) -> Panel:
        """With the picture as a JPEG."""
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=85)
        return cls(caption, f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", words)
