"""The report of an experiment as a page, and its figures and tables as files."""

from __future__ import annotations

from pathlib import Path

import yaml

from mdfnet.core.files import write_text
from mdfnet.report.experiment.contents import ExperimentReport
from mdfnet.report.experiment.evidence import figures, tables
from mdfnet.report.experiment.words import answer, front
from mdfnet.report.html import render_page, write_figures_and_tables


def write_experiment(folder: Path, report: ExperimentReport) -> None:
    """Write ``report.html``, each plot in ``figures/`` (SVG, PDF), each table in ``tables/`` (CSV, LaTeX).

    Raises:
        UserError: A file cannot be written.
    """
    write_figures_and_tables(folder, figures(report), tables(report))
    write_text(folder / "report.html", render(report))


def render(report: ExperimentReport) -> str:
    """The report as HTML text; of the plan's folders the names alone, since where they are is private."""
    plan = yaml.safe_load(report.plan.to_yaml())
    plan |= {key: Path(plan[key]).name for key in ("data", "test") if isinstance(plan.get(key), str)}
    return render_page(
        "experiment.html.j2",
        title=report.title,
        synthetic=report.dataset.synthetic,
        plots=figures(report),
        tables=tables(report),
        facts=report.environment,
        report=report,
        answer=answer(report),
        front=front(report),
        plan=yaml.safe_dump(plan, sort_keys=False, allow_unicode=True),
    )
