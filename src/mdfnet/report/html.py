"""The report as one HTML file that needs nothing else: no script, no network, pictures and plots inside."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup
from PIL import Image

from mdfnet.files import replacing
from mdfnet.metrics.evaluation import compare
from mdfnet.report import plots
from mdfnet.report.answer import HEADLINE, answer, synthetic_parts
from mdfnet.report.contents import FilmExample, Report
from mdfnet.report.overlay import draw
from mdfnet.types import Classes, Detections

NOTICE = "Research use only. Not a medical device."

#: Columns of the score table: measure -> heading.
MEASURES = {
    "AP@IoU=0.5": "AP, IoU 0.5",
    "AP@IoU=0.25": "AP, IoU 0.25",
    "AP@IoBB=0.5": "AP, IoBB 0.5",
    "AR@IoU=0.5": "AR, IoU 0.5",
}

#: Columns of the table of counts: attribute of ``Counts`` -> heading.
COUNTS = {"true_positives": "Hits (TP)", "false_positives": "False alarms (FP)", "false_negatives": "Misses (FN)"}

_PICTURE_SIZE = 640


def write_report(path: str | Path, report: Report) -> None:
    """Write a report as one self-contained HTML file, replaced in one step.

    Args:
        path: File to write.
        report: What it says.

    Raises:
        UserError: The models were not evaluated on the same films and classes with the same settings, or the file
            cannot be written.

    Examples:
        >>> import tempfile
        >>> from mdfnet.metrics.evaluation import evaluate
        >>> from mdfnet.report.contents import DatasetCard, ModelResult
        >>> from mdfnet.types import Target
        >>> target, found = Target.of([[0, 0, 8, 9]], [1]), Detections([[0, 0, 9, 9]], [1], [0.9])
        >>> scores = evaluate([found], [target], Classes(("Effusion",)))
        >>> card = DatasetCard("one film", "made up", "CC0", ("Effusion",), ())
        >>> path = Path(tempfile.mkdtemp()) / "report.html"
        >>> write_report(path, Report("A first look", (ModelResult("image-only", scores),), card))
        >>> "Not a medical device" in path.read_text()
        True
    """
    page = render(report)
    with replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")


def render(report: Report) -> str:
    """The report as HTML text, everything that comes from outside escaped; raises what :func:`write_report` does."""
    return template("report.html.j2").render(
        report=report,
        notice=NOTICE,
        answer=answer(report),
        synthetic=synthetic_parts(report.dataset),
        scores=report.models[0].evaluation,
        measures=MEASURES,
        measure_rows=_rows(report, MEASURES, "{:.2f}"),
        counts=COUNTS,
        count_rows=_rows(report, COUNTS, "{:d}"),
        plots={name: Markup(svg) for name, svg in _plots(report)},
        films=[(example, list(_panels(report, example))) for example in report.films],
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
class Cell:
    """A number of a table as text: the value, and with a second model by how much it differs from the first."""

    value: str
    difference: str = ""


def _rows(report: Report, columns: dict[str, str], form: str) -> list[tuple[str, int, list[Cell]]]:
    """Per class and for all: name, number of marked boxes, and the cells, models side by side in each column."""
    first, *others = (model.evaluation for model in report.models)
    tables = [first.rows(), *(other.rows() for other in others)]
    differences = [compare(first, other) for other in others]
    rows = []
    for number, row in enumerate(tables[0]):
        cells = []
        for column in columns:
            cells.append(Cell(_formatted(row[column], form)))
            for table, difference in zip(tables[1:], differences, strict=True):
                change = _signed(difference[number][column], form)
                cells.append(Cell(_formatted(table[number][column], form), change))
        rows.append((row["class"], row["truths"], cells))
    return rows


def _formatted(value: float, form: str) -> str:
    """A number with a real minus sign; what is not defined is a dash."""
    return "–" if math.isnan(value) else form.format(value).replace("-", "−")


def _signed(value: float, form: str) -> str:
    """A difference with its sign; what rounds to nothing is ±0."""
    if not math.isnan(value) and float(form.format(value)) == 0:
        return "±0"
    return _formatted(value, form.replace(":", ":+"))


def _plots(report: Report) -> Iterator[tuple[str, str]]:
    """Those plots that there are numbers for."""
    classes = report.models[0].evaluation.classes.names
    values = {model.name: model.evaluation.measures[HEADLINE] for model in report.models}
    intervals = {model.name: model.intervals for model in report.models if model.intervals}
    yield "classes", plots.class_bars("AP at IoU 0.5", classes, values, intervals)
    if overlaps := {model.name: model.overlaps for model in report.models if model.overlaps}:
        yield "overlaps", plots.overlap_curves("IoU", overlaps)
    if curves := {model.name: model.curve for model in report.models if model.curve}:
        yield "training", plots.training_curves(curves)


@dataclass(frozen=True)
class Panel:
    """A film with one model's detections: the picture as a data URL, and the same in words."""

    model: str
    source: str
    words: str


def _panels(report: Report, example: FilmExample) -> Iterator[Panel]:
    classes = report.models[0].evaluation.classes
    for model, detections in example.detections.items():
        shown = detections.above(report.film_score)
        picture = draw(example.film, classes, target=example.target, detections=shown, size=_PICTURE_SIZE)
        yield Panel(model, data_url(picture), _in_words(example, shown, classes))


def _in_words(example: FilmExample, shown: Detections, classes: Classes) -> str:
    marked = [classes.name(int(label)) for label in example.target.labels]
    found = [f"{classes.name(int(label))} {score:.2f}" for label, score in zip(shown.labels, shown.scores, strict=True)]
    return f"Marked: {', '.join(marked) or 'nothing'}. Found: {', '.join(found) or 'nothing'}."


def data_url(picture: Image.Image) -> str:
    """A picture as it stands in a page: JPEG, within the text itself."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
