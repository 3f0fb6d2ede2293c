"""The report of evaluations: one page, and for a paper its figures and tables as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mdfnet.core.files import write_text
from mdfnet.report.answer import answer, front
from mdfnet.report.contents import EvaluationReport, ImageExample
from mdfnet.report.evidence import figures, tables
from mdfnet.report.html import Panel, render_page, write_figures_and_tables
from mdfnet.report.overlay import draw, named_scores

_PICTURE_SIZE = 640


def write_report(path: str | Path, report: EvaluationReport) -> None:
    """Write a report as one self-contained HTML file, replaced in one step.

    Raises:
        UserError: The models were not evaluated on the same images and classes with the same settings, or the file
            cannot be written.

    Examples:
        >>> import tempfile
        >>> from mdfnet.metrics.evaluation import score_detections
        >>> from mdfnet.report.contents import DatasetCard, ModelResult
        >>> from mdfnet.core.types import Classes, Detections, Target
        >>> target, found = Target.of([[0, 0, 8, 9]], [1]), Detections([[0, 0, 9, 9]], [1], [0.9])
        >>> scores = score_detections([found], [target], Classes(("Effusion",)))
        >>> card = DatasetCard("one image", "made up", "CC0", ("Effusion",), ())
        >>> path = Path(tempfile.mkdtemp()) / "report.html"
        >>> write_report(path, EvaluationReport("A first look", (ModelResult("image-only", scores),), card))
        >>> "Not a medical device" in path.read_text()
        True
    """
    write_text(path, render(report))


def write_folder(folder: Path, report: EvaluationReport) -> None:
    """Write a report for a paper: ``report.html``, each plot in ``figures/``, each table in ``tables/``.

    Raises:
        UserError: See :func:`write_report`.
    """
    write_figures_and_tables(folder, figures(report), tables(report))
    write_report(folder / "report.html", report)


def render(report: EvaluationReport) -> str:
    """The report as HTML text; raises what :func:`write_report` does."""
    return render_page(
        "report.html.j2",
        title=report.title,
        synthetic=report.dataset.synthetic,
        plots=figures(report),
        tables=tables(report),
        facts=report.environment,
        report=report,
        answer=answer(report),
        front=front(report),
        scores=report.models[0].evaluation,
        images=[(example, list(_panels(report, example))) for example in report.images],
    )


def _panels(report: EvaluationReport, example: ImageExample) -> Iterator[Panel]:
    classes = report.models[0].evaluation.classes
    for model, detections in example.detections.items():
        shown = detections.above(report.image_score)
        picture = draw(example.image, classes, target=example.target, detections=shown, size=_PICTURE_SIZE)
        annotated = ", ".join(classes.name(int(label)) for label in example.target.labels)
        found = ", ".join(named_scores(shown, classes))
        yield Panel.of(model, picture, f"Annotated: {annotated or 'nothing'}. Found: {found or 'nothing'}.")
