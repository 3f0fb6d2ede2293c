"""Why a model found what it found on an image, as one HTML file with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Array
from mdfnet.core.files import write_text
from mdfnet.core.types import Classes, Detections
from mdfnet.explain.case import CURVES, CaseExplanation, largest
from mdfnet.report.explanation_plots import waterfall, what_if_panels
from mdfnet.report.html import Panel, render_page
from mdfnet.report.overlay import BoxPainter, draw, named_scores
from mdfnet.report.record import describe, remarks, unit_in_words
from mdfnet.report.style import Plot

_PICTURE_SIZE = 560

#: What a change of a score must be, in score points, to be put into words.
WORTH_SAYING = 0.02


class ExplainedBox(NamedTuple):
    """One box on the page: in words, and the maps of it."""

    title: str
    words: str
    panels: list[Panel]


def write_case_page(
    path: str | Path,
    title: str,
    case: CaseExplanation,
    classes: Classes,
    schema: Schema,
    *,
    synthetic: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write the explanation of one image as one self-contained HTML file, replaced in one step.

    Classes and schema are the model's; for the rest see :func:`mdfnet.report.html.render_page`.

    Raises:
        UserError: The file cannot be written.
    """
    values = dict(describe(schema, case.record.tolist(), case.found.record))
    indices = range(len(case.boxes))
    page = render_page(
        "explanation.html.j2",
        title=title,
        synthetic=synthetic,
        facts=facts,
        answer=in_words(case, classes, values),
        record=list(values.items()),
        remarks=remarks(case.found.record) if case.found.record else [],
        images=[
            _found("With the record", case, case.found, classes),
            _found("Without a record", case, case.image_only, classes),
        ],
        plots=[plot for index in indices for plot in _plots(case, index, schema, values)],
        boxes=[
            ExplainedBox(title, _capitalized(_reasons(case, index, values)), list(_maps(case, index, classes)))
            for index, title in enumerate(named_scores(case.boxes, classes))
        ],
        findings=_findings(case, classes, values),
        exact=case.findings.exact,
        seen=any(curve.density is not None or curve.outside.any() for curve in case.curves.values()),
    )
    write_text(path, page)


def in_words(case: CaseExplanation, classes: Classes, values: Mapping[str, str]) -> str:
    """The box whose score the record changes most, in a few sentences."""
    if not len(case.boxes):
        return "With this record, no box of the model reaches the score asked for. The table says how near it came."
    most = int(np.abs(case.contributions.values).max(0).argmax())
    return f"{classes.name(int(case.boxes.labels[most]))}: {_reasons(case, most, values)}"


def _reasons(case: CaseExplanation, box: int, values: Mapping[str, str]) -> str:
    shapley, names = case.contributions, list(values)
    before, after = float(shapley.baseline[box]), float(shapley.full[box])
    words = f"the model scores this box {after:.2f} with the record and {before:.2f} without one."
    said = [k for k in largest(shapley, box, 3) if abs(shapley.values[k, box]) >= WORTH_SAYING]
    if not said:
        return f"{words} No single value changes that by {WORTH_SAYING} or more."
    parts = []
    for k in said:
        does = "raises" if shapley.values[k, box] > 0 else "lowers"
        parts.append(f"{names[k]} {values[names[k]]} {does} the score by {abs(shapley.values[k, box]):.2f}")
    return f"{words} {_capitalized('; '.join(parts))}."


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def _plots(case: CaseExplanation, index: int, schema: Schema, values: Mapping[str, str]) -> Iterator[Plot]:
    """``waterfall-INDEX``, and ``curves-INDEX`` where a value adds anything to the score of the box."""
    shapley, known = case.contributions, np.flatnonzero(~np.isnan(case.record.numpy()))
    labels = [f"{schema.names[k]} {values[schema.names[k]]}" for k in known]
    adds, baseline = shapley.values[known, index].tolist(), float(shapley.baseline[index])
    yield waterfall(labels, adds, baseline, name=f"waterfall-{index}")
    units = {feature.name: unit_in_words(feature) for feature in schema.features}
    if curves := [case.curves[schema.names[k]] for k in largest(shapley, index, CURVES)]:
        yield what_if_panels(curves, index, units, name=f"curves-{index}")


def _found(caption: str, case: CaseExplanation, found: Detections, classes: Classes) -> Panel:
    shown = found.above(case.score)
    picture = draw(case.image, classes, detections=shown, size=_PICTURE_SIZE)
    return Panel.of(caption, picture, ", ".join(named_scores(shown, classes)) or "nothing found")


def _maps(case: CaseExplanation, index: int, classes: Classes) -> Iterator[Panel]:
    """What the score of a box depends on, over the image."""
    found, one = case.boxes, slice(index, index + 1)
    box = Detections(found.boxes[one], found.labels[one], found.scores[one])
    drops = case.occlusion.drops[index]
    picture = _heat(case.image, drops / max(float(drops.abs().max()), 1e-6), box, classes)
    words = (
        f"Covering a part of the image lowers the score by up to {max(0.0, float(drops.max())):.2f} (red) or raises it"
        f" by up to {max(0.0, float(-drops.min())):.2f} (blue)."
    )
    yield Panel.of("Occlusion", picture, words)
    if case.gradients is not None:
        picture = _heat(case.image, case.gradients[index], box, classes)
        words = "Where small changes of the gray values change the score most, up or down."
        yield Panel.of("Gradient", picture, words)


def _heat(image: Array, values: Tensor, box: Detections, classes: Classes) -> Image.Image:
    """A map ``[h, w]`` in [-1, 1] over the image: red above zero, blue below, the stronger the further."""
    height, width = image.shape
    heat = F.interpolate(values[None, None].float(), (height, width), mode="bilinear")[0, 0].numpy()
    gray = (image // 257 if image.dtype == np.uint16 else image).astype(np.float32)[..., None] / 255
    color = matplotlib.colormaps["RdBu_r"](heat / 2 + 0.5)[..., :3]
    strength = 0.75 * np.abs(heat)[..., None] ** 0.7
    mixed = Image.fromarray((255 * (gray * (1 - strength) + color * strength)).astype(np.uint8))
    scale = _PICTURE_SIZE / max(image.shape)
    picture = mixed.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    painter = BoxPainter(picture, classes, scale)
    painter.add_detections(box)
    painter.finish()
    return picture


def _findings(case: CaseExplanation, classes: Classes, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Per class: the highest score without and with the record, and what adds most to it."""
    rows = []
    for index, name in enumerate(classes.names):
        row: dict[str, Any] = {"finding": name, "feature": "–", "adds": 0.0}
        row |= {"without": float(case.findings.baseline[index]), "with": float(case.findings.full[index])}
        for k in largest(case.findings, index, 1):
            feature = list(values)[k]
            row |= {"feature": f"{feature} {values[feature]}", "adds": float(case.findings.values[k, index])}
        rows.append(row)
    return rows
