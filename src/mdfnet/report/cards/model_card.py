"""The card of a saved model, as Hugging Face's hub reads it: README.md beside the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mdfnet.clinical.schema import Feature
from mdfnet.report.answer import HEADLINE
from mdfnet.report.cards import markdown
from mdfnet.report.cards.answers import TO_FILL_IN, answers
from mdfnet.report.cards.checklists import CHECKLISTS, checklist, read_checklist
from mdfnet.report.cards.subject import CardEvaluation, Subject

#: Measures of a card: name -> heading.
MEASURES = {
    "AP@IoU=0.5": "AP, IoU 0.5",
    "AP@IoU=0.25": "AP, IoU 0.25",
    "AP@IoBB=0.5": "AP, IoBB 0.5",
    "FROC@IoBB=0.5": "FROC",
    "AUROC": "AUROC of images",
}


def write_model_cards(
    model: str | Path, out: Path | None = None, evaluations: Sequence[Path] | None = None
) -> list[Path]:
    """Write the card of a model (a run's or a model's folder) and the checklists, by default into its folder.

    Evaluations to report are by default those in the run's folder that are of these weights.

    Raises:
        UserError: There is no model, an evaluation is of other weights, or a file is not ours to replace.
    """
    subject = Subject.read(model, evaluations)
    cards = {"README": model_card(subject)}
    cards |= {read_checklist(name)["name"]: checklist(name, subject) for name in CHECKLISTS}
    return [markdown.write((out or subject.folder) / f"{name}.md", text) for name, text in cards.items()]


def model_card(subject: Subject) -> str:
    """The card as text: YAML header and Markdown."""
    features = [
        (one.name, ", ".join(one.scale), _plausible(one), one.loinc or "", one.meaning)
        for one in subject.card.clinical_schema.features
    ]
    body = markdown.render(
        "model-card.md.j2",
        subject=subject,
        known=answers(subject),
        fused=subject.card.config.fused,
        features=features,
        score_columns=("finding", "boxes", *MEASURES.values()),
        score_rows=_score_rows,
        to_fill_in=TO_FILL_IN,
    )
    return markdown.page(_header(subject), [body])


def _header(subject: Subject) -> dict[str, Any]:
    tags = ["chest-x-ray", "medical-imaging", "research-use-only"]
    tags += ["multimodal", "clinical-data"] if subject.card.config.fused else []
    tags += ["synthetic-data"] if subject.synthetic else []
    header = {**markdown.license_header(""), "library_name": "mdfnet", "pipeline_tag": "object-detection", "tags": tags}
    results = [_result(finding) for finding in subject.evaluations if not math.isnan(finding.scores.mean(HEADLINE))]
    return header | ({"model-index": [{"name": subject.name, "results": results}]} if results else {})


def _result(finding: CardEvaluation) -> dict[str, Any]:
    values = ((name, finding.scores.mean(name)) for name in MEASURES)
    metrics = [
        {"type": name, "name": f"{MEASURES[name]}, mean over findings", "value": round(value, 4)}
        for name, value in values
        if not math.isnan(value)
    ]
    data = str(finding.about.get("dataset", "not stated"))
    return {
        "task": {"type": "object-detection"},
        "dataset": {"type": data, "name": data, "split": str(finding.about.get("split", ""))},
        "metrics": metrics,
    }


def _plausible(feature: Feature) -> str:
    return f"{feature.low:g} to {feature.high:g}" if feature.kind == "number" else ""


def _score_rows(evaluation: CardEvaluation) -> list[tuple[str, ...]]:
    intervals = evaluation.content.get("intervals", {})
    rows = []
    for number, row in enumerate(evaluation.scores.rows()):
        cells = (_cell(row[name], intervals.get(name, ()), number) for name in MEASURES)
        rows.append((row["class"], f"{row['truths']:,}", *cells))
    return rows


def _cell(value: float, limits: Sequence[Sequence[float | None]], number: int) -> str:
    if math.isnan(value):
        return "–"
    pair = limits[number] if number < len(limits) else (None, None)
    return f"{value:.2f}" if pair[0] is None else f"{value:.2f} ({pair[0]:.2f} to {pair[1]:.2f})"
