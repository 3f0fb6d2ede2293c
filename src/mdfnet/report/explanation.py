"""Why a model found what it found on an image, as one HTML file with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from mdfnet.clinical.schema import Schema
from mdfnet.core.files import replacing
from mdfnet.core.types import Classes, Detections
from mdfnet.explain.case import CURVES, CaseExplanation, largest
from mdfnet.report.explanation_plots import waterfall, what_if_panels
from mdfnet.report.html import NOTICE, data_url, template
from mdfnet.report.marks import Marks
from mdfnet.report.overlay import draw
from mdfnet.report.record import describe, remarks, unit_in_words

_PICTURE_SIZE = 560

#: What a change of a score must be, in score points, to be put into words.
WORTH_SAYING = 0.02


@dataclass(frozen=True)
class BoxPart:
    """One box on the page: in words, and its plots and pictures."""

    title: str
    words: str
    waterfall: Markup
    curves: Markup
    pictures: tuple[tuple[str, str, str], ...]


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

    Args:
        path: File to write.
        title: Of the page, such as the image's name.
        case: From :func:`mdfnet.explain.case.explain_case`.
        classes, schema: The model's.
        synthetic: Which of "images", "findings" and "clinical" are made up.
        facts: Name -> value: model, versions, command.

    Raises:
        UserError: The file cannot be written.
    """
    values = dict(describe(schema, case.record.tolist(), case.found.record))
    boxes = [_box(case, index, classes, schema, values) for index in range(len(case.boxes))]
    page = template("explanation.html.j2").render(
        title=title,
        notice=NOTICE,
        synthetic=["clinical records" if part == "clinical" else part for part in synthetic],
        answer=in_words(case, classes, values),
        record=list(values.items()),
        remarks=remarks(case.found.record) if case.found.record else [],
        images=list(_images(case, classes)),
        boxes=boxes,
        findings=_findings(case, classes, values),
        exact=case.findings.exact,
        seen=any(curve.density is not None or curve.outside.any() for curve in case.curves.values()),
        facts=facts or {},
    )
    with replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")


def in_words(case: CaseExplanation, classes: Classes, values: Mapping[str, str]) -> str:
    """The box that the record does most to, in a few sentences."""
    if not len(case.boxes):
        return "With this record, the model finds nothing that it is sure enough of. The table says how near it came."
    most = int(np.abs(case.contributions.values).max(0).argmax())
    return f"{classes.name(int(case.boxes.labels[most]))}: {_reasons(case, most, values)}"


def _reasons(case: CaseExplanation, box: int, values: Mapping[str, str]) -> str:
    told, names = case.contributions, list(values)
    before, after = float(told.baseline[box]), float(told.full[box])
    words = f"the model scores this box {after:.2f} with the record and {before:.2f} without one."
    said = [k for k in largest(told, box, 3) if abs(told.values[k, box]) >= WORTH_SAYING]
    if not said:
        return f"{words} No single value changes that by {WORTH_SAYING} or more."
    parts = [
        f"{names[k]} {values[names[k]]} {'raises' if told.values[k, box] > 0 else 'lowers'} the score by "
        f"{abs(told.values[k, box]):.2f}"
        for k in said
    ]
    text = "; ".join(parts)
    return f"{words} {text[0].upper()}{text[1:]}."


def _box(case: CaseExplanation, index: int, classes: Classes, schema: Schema, values: Mapping[str, str]) -> BoxPart:
    told = case.contributions
    known = np.flatnonzero(~np.isnan(case.record.numpy()))
    labels = [f"{schema.names[k]} {values[schema.names[k]]}" for k in known]
    chosen = [schema.names[k] for k in largest(told, index, CURVES)]
    units = {feature.name: unit_in_words(feature) for feature in schema.features}
    curves = [case.curves[name] for name in chosen]
    bars = waterfall(labels, told.values[known, index], float(told.baseline[index]), name=f"waterfall-{index}")
    panels = what_if_panels(curves, index, units, name=f"curves-{index}") if curves else ""
    title = f"{classes.name(int(case.boxes.labels[index]))} {float(case.boxes.scores[index]):.2f}"
    words = _reasons(case, index, values)
    pictures = tuple(_maps(case, index, classes))
    return BoxPart(title, words[0].upper() + words[1:], Markup(bars), Markup(panels), pictures)


def _images(case: CaseExplanation, classes: Classes) -> Iterator[tuple[str, str, str]]:
    """The image with what was found with the record, and without: caption, picture, words."""
    for caption, found in (("With the record", case.found), ("Without a record", case.image_only)):
        shown = found.above(case.score)
        listed = [f"{classes.name(int(k))} {float(s):.2f}" for k, s in zip(shown.labels, shown.scores, strict=True)]
        picture = draw(case.image, classes, detections=shown, size=_PICTURE_SIZE)
        yield caption, data_url(picture), ", ".join(listed) or "nothing found"


def _maps(case: CaseExplanation, index: int, classes: Classes) -> Iterator[tuple[str, str, str]]:
    """Name, picture and words of each map of a box."""
    box = Detections(*(part[index : index + 1] for part in (case.boxes.boxes, case.boxes.labels, case.boxes.scores)))
    drops = case.occlusion.drops[index]
    most = float(drops.abs().max())
    yield (
        "Occlusion",
        data_url(_heat(case.image, drops / max(most, 1e-6), box, classes)),
        f"Covering a part of the image lowers the score by up to {max(0.0, float(drops.max())):.2f} (red) or raises it "
        f"by up to {max(0.0, float(-drops.min())):.2f} (blue).",
    )
    if case.gradients is not None:
        picture = _heat(case.image, case.gradients[index], box, classes)
        yield "Gradient", data_url(picture), "Where small changes of gray change the score most, one way or the other."


def _heat(image: np.ndarray, values: Tensor, box: Detections, classes: Classes) -> Image.Image:
    """A map ``[h, w]`` in [-1, 1] over the image: red above zero, blue below, the stronger the further."""
    height, width = image.shape
    heat = F.interpolate(values[None, None].float(), (height, width), mode="bilinear")[0, 0].numpy()
    gray = (image // 257 if image.dtype == np.uint16 else image).astype(np.float32)[..., None] / 255
    color = matplotlib.colormaps["RdBu_r"](heat / 2 + 0.5)[..., :3]
    strength = 0.75 * np.abs(heat)[..., None] ** 0.7
    mixed = Image.fromarray((255 * (gray * (1 - strength) + color * strength)).astype(np.uint8))
    scale = _PICTURE_SIZE / max(image.shape)
    picture = mixed.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    marks = Marks(picture, classes, scale)
    marks.add_detections(box)
    marks.finish()
    return picture


def _findings(case: CaseExplanation, classes: Classes, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Per class: the highest score without and with the record, and what adds most to it."""
    rows = []
    for index, name in enumerate(classes.names):
        first = largest(case.findings, index, 1)
        feature = list(values)[first[0]] if first else ""
        rows.append(
            {
                "finding": name,
                "without": float(case.findings.baseline[index]),
                "with": float(case.findings.full[index]),
                "feature": f"{feature} {values[feature]}" if feature else "–",
                "adds": float(case.findings.values[first[0], index]) if first else 0.0,
            }
        )
    return rows
