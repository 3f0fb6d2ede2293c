"""What a fused model relies on over a set of images, as one HTML file, JSON and CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.core.arrays import Floats
from mdfnet.core.csv_tables import format_table
from mdfnet.core.files import without_nan, write_text
from mdfnet.explain.importance import Estimate, Importance
from mdfnet.explain.reliance import ALARMS, CONDITIONS, Reliance
from mdfnet.metrics.verdicts import listed
from mdfnet.models.card import NOTICE
from mdfnet.report.explanation_plots import importance_bars
from mdfnet.report.html import render_page

#: What each condition of the reliance test is called.
TITLES = {
    "own": "each patient's own record",
    "shuffled": "another patient's record",
    "missing": "no record",
    "no image": "own record, image blanked out",
}


def write_set_page(
    path: str | Path,
    title: str,
    importances: Sequence[Importance],
    reliance: Reliance,
    features: Sequence[str],
    *,
    synthetic: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write importance and reliance of a set of images as one self-contained HTML file, replaced in one step.

    There is one importance per finding; for the rest see :func:`mdfnet.report.html.render_page`.

    Raises:
        UserError: The file cannot be written.
    """
    page = render_page(
        "importance.html.j2",
        title=title,
        synthetic=synthetic,
        facts=facts,
        verdict=verdict(reliance),
        alarms=alarms_in_words(reliance),
        rows=_rows(reliance),
        classes=reliance.classes.names,
        images=reliance.images,
        patients=reliance.patients,
        plots=[importance_bars(features, one, name=f"importance-{k}") for k, one in enumerate(importances)],
        findings=[(one.finding, in_words(one, features)) for one in importances],
    )
    write_text(path, page)


def verdict(reliance: Reliance) -> str:
    """The reliance test in a few sentences, with intervals."""
    own = f"With each patient's own record the mean AP is {reliance.ap.value[0, -1]:.2f}"
    shuffled = f"with another patient's record {reliance.ap.value[1, -1]:.2f}, {_change(reliance.ap_gain, 0)}"
    missing = f"without a record {reliance.ap.value[2, -1]:.2f}, {_change(reliance.ap_gain, 1)}"
    share = _span(reliance.kept, -1, "{:.0%}")
    kept = f"{share} of what the image-level AUROC has above chance is left without the image"
    return f"{own}; {shuffled}; {missing}. {kept}."


def alarms_in_words(reliance: Reliance) -> list[str]:
    """What is wrong, a sentence each, with the findings that show it."""
    return [f"{ALARMS[name]}{f': {listed(of)}' if of else ''}" for name, of in reliance.alarms.items()]


def in_words(importance: Importance, features: Sequence[str]) -> str:
    """Which clinical values discriminate a finding, in a sentence."""
    annotated = f"Annotated on {importance.positives} of {importance.images} images"
    if not importance.positives or importance.positives == importance.images:
        return f"{annotated}: there is nothing to compare."
    found = importance.discrimination
    shown = [k for k in np.argsort(-found.value) if found.low[k] > 0]
    gap = f"{annotated}, scored {float(importance.gap.value):.2f} higher there"
    image = f"of that, {float(importance.image.value):.2f} come from the image alone"
    parts = ", ".join(f"{features[k]} ({_span(found, k, '{:.2f}')})" for k in shown[:3])
    said = f"Shown to discriminate: {parts}." if parts else "No clinical value is shown to discriminate."
    return f"{gap}; {image}. {said}"


def write_set_files(
    folder: Path, importances: Sequence[Importance], reliance: Reliance, features: Sequence[str]
) -> None:
    """Write ``importance.csv``, a row per finding and feature, and ``explanation.json`` with all numbers.

    Raises:
        UserError: A file cannot be written.
    """
    parts = ("size", "effect", "discrimination")
    columns = [f"{name}{end}" for name in parts for end in ("", "_low", "_high")]
    rows: list[list[object]] = []
    for one in importances:
        for k, feature in enumerate(features):
            estimates = [getattr(one, name) for name in parts]
            numbers = [end[k] for part in estimates for end in (part.value, part.low, part.high)]
            texts = ["" if math.isnan(number) else f"{number:.6g}" for number in numbers]
            rows.append([one.finding, feature, one.images, one.positives, *texts])
    content = {
        "reliance": {
            "alarms": {name: list(of) for name, of in reliance.alarms.items()},
            "conditions": list(CONDITIONS),
            "classes": [*reliance.classes.names, "mean"],
            "images": reliance.images,
            "patients": reliance.patients,
            **{name: _plain(getattr(reliance, name)) for name in ("ap", "auroc", "ap_gain", "kept", "reaction")},
        },
        "features": list(features),
        "importance": [
            {
                "finding": one.finding,
                "images": one.images,
                "positives": one.positives,
                **{name: _plain(getattr(one, name)) for name in (*parts, "image", "gap")},
            }
            for one in importances
        ],
        "notice": NOTICE,
    }
    table = format_table(["finding", "feature", "images", "positives", *columns], rows)
    write_text(folder / "importance.csv", table)
    write_text(folder / "explanation.json", json.dumps(without_nan(content), indent=1, allow_nan=False))


def _rows(reliance: Reliance) -> list[tuple[str, list[str], str]]:
    """Per condition: title, AP of each class and the mean with its interval, AUROC of the mean."""
    rows = []
    for index, name in enumerate(CONDITIONS):
        per_class = ["–" if math.isnan(value) else f"{value:.2f}" for value in reliance.ap.value[index, :-1]]
        mean, auroc = (_span(part, (index, -1), "{:.2f}") for part in (reliance.ap, reliance.auroc))
        rows.append((TITLES[name], [*per_class, mean], auroc))
    return rows


def _change(gain: Estimate, index: int) -> str:
    low, high = gain.low[index, -1], gain.high[index, -1]
    span = f"{-high:+.2f} to {-low:+.2f}".replace("-", "−")
    return f"a difference of {span}" if low > 0 or high < 0 else f"a difference that is not shown ({span})"


def _span(part: Estimate, at: int | tuple[int, int], form: str) -> str:
    value, low, high = (form.format(float(end[at])) for end in (part.value, part.low, part.high))
    return f"{value} ({low} to {high})".replace("-", "−")


def _plain(part: Estimate | Floats) -> Any:
    if isinstance(part, Estimate):
        return {name: np.asarray(end).tolist() for name, end in vars(part).items()}
    return part.tolist()
