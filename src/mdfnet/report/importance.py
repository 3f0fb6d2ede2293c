"""What a fused model relies on over a set of images, as one HTML file, JSON and CSV."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from mdfnet.core.files import replacing
from mdfnet.explain.importance import Estimate, Importance
from mdfnet.explain.reliance import ALARMS, CONDITIONS, Reliance
from mdfnet.report.answer import listed
from mdfnet.report.explanation_plots import importance_bars
from mdfnet.report.html import NOTICE, template

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
    told: Sequence[Importance],
    relied: Reliance,
    features: Sequence[str],
    *,
    synthetic: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write importance and reliance of a set of images as one self-contained HTML file, replaced in one step.

    Args:
        path: File to write.
        title: Of the page.
        told: Per finding.
        relied: The reliance test on the same images.
        features: Names of the clinical features.
        synthetic: Which of "images", "findings" and "clinical" are made up.
        facts: Name -> value: model, data, command.

    Raises:
        UserError: The file cannot be written.
    """
    page = template("importance.html.j2").render(
        title=title,
        notice=NOTICE,
        synthetic=["clinical records" if part == "clinical" else part for part in synthetic],
        verdict=verdict(relied),
        alarms=alarms_in_words(relied),
        rows=_rows(relied),
        classes=relied.classes.names,
        images=relied.images,
        patients=relied.patients,
        parts=[
            (one, in_words(one, features), Markup(importance_bars(features, one, name=f"importance-{index}")))
            for index, one in enumerate(told)
        ],
        facts=facts or {},
    )
    with replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")


def verdict(relied: Reliance) -> str:
    """The reliance test in a few sentences, with intervals."""
    own = f"With each patient's own record the mean AP is {relied.ap.value[0, -1]:.2f}"
    shuffled = f"with another patient's record {relied.ap.value[1, -1]:.2f}, {_change(relied.ap_gain, 0)}"
    missing = f"without a record {relied.ap.value[2, -1]:.2f}, {_change(relied.ap_gain, 1)}"
    kept = (
        f"{_span(relied.kept, -1, '{:.0%}')} of what the image-level AUROC has above chance is left without the image"
    )
    return f"{own}; {shuffled}; {missing}. {kept}."


def alarms_in_words(relied: Reliance) -> list[str]:
    """What is wrong, a sentence each, with the findings that show it."""
    return [f"{ALARMS[name]}{f': {listed(of)}' if of else ''}" for name, of in relied.alarms.items()]


def in_words(told: Importance, features: Sequence[str]) -> str:
    """What tells for a finding, in a sentence."""
    if not told.positives or told.positives == told.images:
        return f"Marked on {told.positives} of {told.images} images: there is nothing to compare."
    shown = [k for k in np.argsort(-told.discrimination.value) if told.discrimination.low[k] > 0]
    gap = f"Marked on {told.positives} of {told.images} images, scored {float(told.gap.value):.2f} higher there"
    image = f"of that, {float(told.image.value):.2f} come from the image alone"
    if not shown:
        return f"{gap}; {image}. No clinical value is shown to tell of it."
    parts = ", ".join(f"{features[k]} ({_span(told.discrimination, k, '{:.2f}')})" for k in shown[:3])
    return f"{gap}; {image}. Shown to tell of it: {parts}."


def write_set_files(folder: Path, told: Sequence[Importance], relied: Reliance, features: Sequence[str]) -> None:
    """Write ``importance.csv``, a row per finding and feature, and ``explanation.json`` with all numbers.

    Raises:
        UserError: A file cannot be written.
    """
    columns = [f"{name}{end}" for name in ("size", "effect", "discrimination") for end in ("", "_low", "_high")]
    with replacing(folder / "importance.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["finding", "feature", "images", "positives", *columns])
        for one in told:
            for k, feature in enumerate(features):
                numbers = [end[k] for part in (one.size, one.effect, one.discrimination) for end in _ends(part)]
                texts = ["" if math.isnan(number) else f"{number:.6g}" for number in numbers]
                writer.writerow([one.finding, feature, one.images, one.positives, *texts])
    content = {
        "reliance": {
            "alarms": {name: list(of) for name, of in relied.alarms.items()},
            "conditions": list(CONDITIONS),
            "classes": [*relied.classes.names, "mean"],
            "images": relied.images,
            "patients": relied.patients,
            **{name: _plain(getattr(relied, name)) for name in ("ap", "auroc", "ap_gain", "kept", "reaction")},
        },
        "features": list(features),
        "importance": [
            {
                "finding": one.finding,
                "images": one.images,
                "positives": one.positives,
                **{name: _plain(getattr(one, name)) for name in ("size", "effect", "discrimination", "image", "gap")},
            }
            for one in told
        ],
        "notice": NOTICE,
    }
    with replacing(folder / "explanation.json") as draft:
        draft.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def _rows(relied: Reliance) -> list[tuple[str, list[str], str]]:
    """Per condition: title, AP of each class and the mean with its interval, AUROC of the mean."""
    rows = []
    for index, name in enumerate(CONDITIONS):
        per_class = ["–" if math.isnan(value) else f"{value:.2f}" for value in relied.ap.value[index, :-1]]
        mean = _span(Estimate(*(end[index] for end in _ends(relied.ap))), -1, "{:.2f}")
        auroc = _span(Estimate(*(end[index] for end in _ends(relied.auroc))), -1, "{:.2f}")
        rows.append((TITLES[name], [*per_class, mean], auroc))
    return rows


def _change(gain: Estimate, index: int) -> str:
    low, high = gain.low[index, -1], gain.high[index, -1]
    span = f"{-high:+.2f} to {-low:+.2f}".replace("-", "−")
    return f"a difference of {span}" if low > 0 or high < 0 else f"a difference that is not shown ({span})"


def _span(part: Estimate, at: int, form: str) -> str:
    value, low, high = (form.format(float(end[at])) for end in _ends(part))
    return f"{value} ({low} to {high})".replace("-", "−")


def _ends(part: Estimate) -> tuple[Any, Any, Any]:
    return part.value, part.low, part.high


def _plain(part: Estimate | np.ndarray) -> Any:
    """JSON has no NaN: null."""
    if isinstance(part, Estimate):
        return {name: _plain(np.asarray(end)) for name, end in zip(("value", "low", "high"), _ends(part), strict=True)}
    return np.where(np.isnan(part), None, part).tolist()
