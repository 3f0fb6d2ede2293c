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

_USE = """## How to use it

```python
import mdfnet

model = mdfnet.load("FOLDER")  # this folder
found = model.detect(images, records)  # gray images in [0, 1]; records in the order and units below, NaN = missing
```"""


def write_model_cards(
    model: str | Path, out: Path | None = None, evaluations: Sequence[Path] | None = None
) -> list[Path]:
    """Write the card of a model and the checklists.

    Args:
        model: A run's or a model's folder.
        out: Where to. Default: the model's folder.
        evaluations: Which to report. Default: those in the run's folder that are of these weights.

    Returns:
        The files.

    Raises:
        UserError: There is no model, an evaluation is of other weights, or a file is not ours to replace.
    """
    subject = Subject.read(model, evaluations)
    folder = out or subject.folder
    written = [markdown.write(folder / "README.md", model_card(subject))]
    for name in CHECKLISTS:
        written.append(markdown.write(folder / f"{read_checklist(name)['name']}.md", checklist(name, subject)))
    return written


def model_card(subject: Subject) -> str:
    """The card as text: YAML header and Markdown."""
    known = answers(subject)
    return markdown.page(
        _header(subject),
        [
            f"# {markdown.text(subject.name)}",
            markdown.NOTICE,
            _synthetic(subject),
            known["technology"],
            _facts("What it is", known, ("model", "output", "missing", "software")),
            _features(subject),
            _facts("How it was trained", known, ("source", "partitions", "training", "selection", "initialization")),
            *(_evaluation(finding) for finding in subject.evaluations),
            ""
            if subject.evaluations
            else "## How good it is\n\nNot evaluated yet: `mdfnet evaluate`, then `mdfnet card`.",
            _facts("For whom it works less well", known, ("groups", "failures", "limitations")),
            "## What it is for\n\nResearch on detection with clinical data. Out of scope: any use on patients, other"
            f" views than frontal, other findings than those above. Further: {TO_FILL_IN}",
            _USE if subject.card.config.fused else _USE.replace(", records)", ")").partition("; records")[0] + "\n```",
            _citation(subject),
        ],
    )


def _header(subject: Subject) -> dict[str, Any]:
    tags = ["chest-x-ray", "medical-imaging", "research-use-only"]
    tags += ["multimodal", "clinical-data"] if subject.card.config.fused else []
    tags += ["synthetic-data"] if subject.synthetic else []
    header = {
        **markdown.license_header(""),
        "library_name": "mdfnet",
        "pipeline_tag": "object-detection",
        "tags": tags,
    }
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


def _synthetic(subject: Subject) -> str:
    if not subject.synthetic:
        return ""
    return f"**Synthetic training data: {', '.join(subject.synthetic)}.**"


def _facts(title: str, known: dict[str, str], keys: Sequence[str]) -> str:
    lines = [f"- **{key}**: {markdown.text(known[key])}" for key in keys if key in known]
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _features(subject: Subject) -> str:
    if not subject.card.config.fused:
        return ""
    rows = [
        (one.name, ", ".join(one.scale), _plausible(one), one.loinc or "", one.meaning)
        for one in subject.card.clinical_schema.features
    ]
    columns = ("feature", "unit or categories", "plausible", "LOINC", "meaning")
    return f"## Clinical data it takes\n\n{markdown.table(columns, rows)}"


def _plausible(feature: Feature) -> str:
    return f"{feature.low:g} to {feature.high:g}" if feature.kind == "number" else ""


def _evaluation(finding: CardEvaluation) -> str:
    intervals = finding.content.get("intervals", {})
    rows = []
    for number, row in enumerate(finding.scores.rows()):
        cells = [_cell(row[name], intervals.get(name, ()), number) for name in MEASURES]
        rows.append((row["class"], f"{row['truths']:,}", *cells))
    images = f"{len(finding.scores.images):,} images, {finding.scores.images_with_truths:,} with findings"
    return (
        f"## How good it is on {markdown.text(finding.where)}\n\nMeasured on {images}; 95 % intervals by bootstrap over"
        f" patients.\n\n{markdown.table(('finding', 'boxes', *MEASURES.values()), rows)}"
    )


def _cell(value: float, limits: Sequence[Sequence[float | None]], number: int) -> str:
    if math.isnan(value):
        return "–"
    pair = limits[number] if number < len(limits) else (None, None)
    return f"{value:.2f}" if pair[0] is None else f"{value:.2f} ({pair[0]:.2f} to {pair[1]:.2f})"


def _citation(subject: Subject) -> str:
    weights = f"Weights: SHA-256 `{subject.card.weights_sha256}`."
    paper = "Hsieh C et al. MDF-Net for abnormality detection by fusing X-rays with clinical data. Sci Rep 2023."
    return f"## Citation\n\nMethod: {paper} doi:10.1038/s41598-023-41463-0. Data: cite what they ask for. {weights}"
