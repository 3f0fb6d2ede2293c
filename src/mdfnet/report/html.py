"""The report as one HTML file that needs nothing else: no script, no network, pictures and plots inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup
from PIL import Image

from mdfnet.core.files import replacing
from mdfnet.core.types import Classes, Detections
from mdfnet.report.answer import answer, front, synthetic_parts
from mdfnet.report.contents import ImageExample, Report
from mdfnet.report.evidence import figures, tables
from mdfnet.report.overlay import draw
from mdfnet.report.style import on_page, write_plot
from mdfnet.report.tables import write_table

NOTICE = "Research use only. Not a medical device."

_PICTURE_SIZE = 640


def write_report(path: str | Path, report: Report) -> None:
    """Write a report as one self-contained HTML file, replaced in one step.

    Args:
        path: File to write.
        report: What it says.

    Raises:
        UserError: The models were not evaluated on the same images and classes with the same settings, or the file
            cannot be written.

    Examples:
        >>> import tempfile
        >>> from mdfnet.metrics.evaluation import score_detections
        >>> from mdfnet.report.contents import DatasetCard, ModelResult
        >>> from mdfnet.core.types import Target
        >>> target, found = Target.of([[0, 0, 8, 9]], [1]), Detections([[0, 0, 9, 9]], [1], [0.9])
        >>> scores = score_detections([found], [target], Classes(("Effusion",)))
        >>> card = DatasetCard("one image", "made up", "CC0", ("Effusion",), ())
        >>> path = Path(tempfile.mkdtemp()) / "report.html"
        >>> write_report(path, Report("A first look", (ModelResult("image-only", scores),), card))
        >>> "Not a medical device" in path.read_text()
        True
    """
    page = render(report)
    with replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")


def write_folder(folder: Path, report: Report) -> None:
    """Write a report for a paper: ``report.html``, each plot in ``figures/``, each table in ``tables/``.

    Raises:
        UserError: See :func:`write_report`.
    """
    for plot in figures(report):
        write_plot(plot, folder / "figures")
    for table in tables(report):
        write_table(table, folder / "tables")
    write_report(folder / "report.html", report)


def render(report: Report) -> str:
    """The report as HTML text, everything that comes from outside escaped; raises what :func:`write_report` does."""
    return template("report.html.j2").render(
        report=report,
        title=report.title,
        notice=NOTICE,
        answer=answer(report),
        front=front(report),
        synthetic=synthetic_parts(report.dataset),
        scores=report.models[0].evaluation,
        tables={table.name: table for table in tables(report)},
        plots={plot.name: Markup(on_page(plot)) for plot in figures(report)},
        images=[(example, list(_panels(report, example))) for example in report.images],
    )


def template(name: str) -> jinja2.Template:
    """A template of this package; everything it is given is escaped, and what it is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mdfnet.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


@dataclass(frozen=True)
class Panel:
    """An image with one model's detections: the picture as a data URL, and the same in words."""

    model: str
    source: str
    words: str


def _panels(report: Report, example: ImageExample) -> Iterator[Panel]:
    classes = report.models[0].evaluation.classes
    for model, detections in example.detections.items():
        shown = detections.above(report.image_score)
        picture = draw(example.image, classes, target=example.target, detections=shown, size=_PICTURE_SIZE)
        yield Panel(model, data_url(picture), _in_words(example, shown, classes))


def _in_words(example: ImageExample, shown: Detections, classes: Classes) -> str:
    marked = [classes.name(int(label)) for label in example.target.labels]
    found = [f"{classes.name(int(label))} {score:.2f}" for label, score in zip(shown.labels, shown.scores, strict=True)]
    return f"Marked: {', '.join(marked) or 'nothing'}. Found: {', '.join(found) or 'nothing'}."


def data_url(picture: Image.Image) -> str:
    """A picture as it stands in a page: JPEG, within the text itself."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
