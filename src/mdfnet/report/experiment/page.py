"""The report of an experiment as a page, and its figures and tables as files."""

from __future__ import annotations

from pathlib import Path

import yaml
from markupsafe import Markup

from mdfnet.core.files import replacing
from mdfnet.experiments.plan import Plan
from mdfnet.report.answer import synthetic_parts
from mdfnet.report.experiment.contents import ExperimentReport
from mdfnet.report.experiment.evidence import figures, tables
from mdfnet.report.experiment.words import answer, front
from mdfnet.report.html import NOTICE, template
from mdfnet.report.style import on_page, write_plot
from mdfnet.report.tables import write_table


def write_experiment(folder: Path, report: ExperimentReport) -> None:
    """Write ``report.html``, each plot in ``figures/`` (SVG, PDF), each table in ``tables/`` (CSV, LaTeX).

    Raises:
        UserError: A file cannot be written.
    """
    for plot in figures(report):
        write_plot(plot, folder / "figures")
    for table in tables(report):
        write_table(table, folder / "tables")
    with replacing(folder / "report.html") as draft:
        draft.write_text(render(report), encoding="utf-8")


def render(report: ExperimentReport) -> str:
    """The page: no script, no network, everything that comes from outside escaped."""
    return template("experiment.html.j2").render(
        report=report,
        title=report.title,
        notice=NOTICE,
        synthetic=synthetic_parts(report.dataset),
        answer=answer(report),
        front=front(report),
        tables={table.name: table for table in tables(report)},
        plots={plot.name: Markup(on_page(plot)) for plot in figures(report)},
        plan=_plan(report.plan),
    )


def _plan(plan: Plan) -> str:
    """As YAML; of folders the names alone, as where they lie is nobody's business."""
    content = yaml.safe_load(plan.to_yaml())
    content |= {key: Path(content[key]).name for key in ("data", "test") if isinstance(content.get(key), str)}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
