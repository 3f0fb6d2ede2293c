"""The published results of MDF-Net as data, and where they do not add up."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml

#: The paper's comparison: it reports a gain of twelve points of AP from the first to the second.
BASELINE, MDF_NET = "Mask R-CNN (baseline)", "MDF-Net"


@cache
def published() -> dict[str, Any]:
    """The tables of ``published.yaml``: ``findings`` (with their test boxes), ``scores``, ``counts``, ``features``,
    ``repeats`` and ``sweep``.

    Examples:
        >>> published()["scores"]["MDF-Net"]["overall"]
        [31.685, 54.7619]
    """
    text = (resources.files("mdfnet.experiments") / "published.yaml").read_text(encoding="utf-8")
    tables: dict[str, Any] = yaml.safe_load(text)
    return tables


def overall(name: str) -> float | None:
    """Published overall AP of a row of the scores or the features, as a share in [0, 1]; None where there is none.

    Examples:
        >>> overall("gender"), overall("nobody")
        (0.2037, None)
    """
    tables = published()
    row = tables["scores"].get(name) or tables["features"].get(name)
    return None if row is None else round(float(row["overall"][0]) / 100, 6)


def discrepancies() -> list[str]:
    """Sentences on where the published tables do not add up, or contradict the text; each is computed."""
    tables = published()
    lines = []
    for name, row in {**tables["scores"], **tables["features"]}.items():
        for kind, printed in zip(("AP", "AR"), row["overall"], strict=True):
            mean = float(np.mean(row[kind]))
            if abs(mean - printed) > 0.0101:
                lines.append(f"{name}: overall {kind} is printed as {printed:g}, the mean of the five is {mean:.4g}")
    for name, row in tables["counts"].items():
        sums = np.sum(row["findings"], 0).tolist()
        if sums != row["overall"]:
            lines.append(f"{name}: counts are printed as {row['overall']}, the findings add up to {sums}")
    return [*lines, *_claims(tables)]


def _claims(tables: dict[str, Any]) -> list[str]:
    lines, findings = [], list(tables["findings"])
    ours, theirs = (np.array(tables["counts"][name]["findings"]) for name in (MDF_NET, BASELINE))
    for finding, own, other in zip(findings, ours, theirs, strict=True):
        if own[1] >= other[1]:
            words = "as many" if own[1] == other[1] else "more"
            lines.append(f"'fewer misses in all findings': {finding} has {words}, {own[1]} against {other[1]}")
    own, other = (np.array(tables["repeats"][name]) for name in (MDF_NET, BASELINE))
    best_ap, best_ar, _ = 100 * (own - other).mean(0)
    main = tables["scores"]
    gain = main[MDF_NET]["overall"][0] - main[BASELINE]["overall"][0]
    lines.append(
        f"the gain of {gain:.2f} points of AP is that of one pair; over the authors' three repeats it is {best_ar:.1f} "
        f"by the rule of the best validation AR and {best_ap:.1f} by that of the best validation AP"
    )
    for name, row in tables["features"].items():
        if "label" in row:
            lines.append(f"what the paper labels {row['label']!r} saw {name}")
    return lines
