"""What came out: each arm's mean with its interval, and what it differs by from the arm it is compared with.

A replicate is a seed; the folds of a seed are averaged first, because together they are one look at the same patients.
Intervals are Student's over replicates: how far another seed (and, where each seed has films of its own, other films)
could move the mean. With fewer than three there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from mdfnet.experiments.plan import Plan

#: Fewest replicates that get an interval: of two it would be thirteen times their distance.
FEWEST = 3

#: What was scored -> in words.
VIEWS = {
    "test": "test films",
    "half": "test films, half of all clinical values missing",
    "none": "test films, no records",
    "other": "films of the other place",
}


@dataclass(frozen=True)
class Mean:
    """A mean over replicates.

    Args:
        value: The mean; NaN of nothing.
        half: Half the width of its 95 % interval; NaN with fewer than three replicates.
        count: How many replicates.

    Examples:
        >>> print(Mean.of([0.1, 0.2, 0.3]), "|", Mean.of([0.5]))
        0.200 ± 0.248 | 0.500
    """

    value: float
    half: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Mean and Student's interval."""
        count = len(values)
        if count == 0:
            return cls(np.nan, np.nan, 0)
        half = np.nan
        if count >= FEWEST:
            half = float(stdtrit(count - 1, 0.975) * np.std(values, ddof=1) / count**0.5)
        return cls(float(np.mean(values)), half, count)

    def __str__(self) -> str:
        return self.form("")

    def form(self, sign: str) -> str:
        """As text; ``sign`` "+" shows the sign of a difference."""
        if self.count == 0:
            return "–"
        return f"{self.value:{sign}.3f}" + ("" if np.isnan(self.half) else f" ± {self.half:.3f}")

    @property
    def verdict(self) -> str:
        """A difference in words: an interval that holds zero shows nothing."""
        if np.isnan(self.half):
            return f"{self.count} of {FEWEST} replicates" if self.count else ""
        if abs(self.value) <= self.half:
            return "not shown"
        return "better" if self.value > 0 else "worse"


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Args:
        view: What was scored, a key of `VIEWS`.
        size: Number of training films; None for all.
        finding: A finding, or "all" for the mean over them.
        arm: What was trained.
        score: Its mean.
        difference: From ``against``, of the replicates that both have; None for a reference.
        against: The arm it is compared with.
    """

    view: str
    size: int | None
    finding: str
    arm: str
    score: Mean
    difference: Mean | None
    against: str


def summarize(plan: Plan, results: Iterable[Mapping[str, Any]], measure: str | None = None) -> list[Row]:
    """The report's lines, from the lines of ``results.jsonl``.

    A seed counts only when all its folds are there.
    """
    values = _by_replicate(plan, results, measure or plan.measure)
    findings = list(dict.fromkeys(key[2] for key in values))
    sizes = [None if size == "all" else size for size in plan.sizes]
    rows = []
    for view in VIEWS:
        for size in sizes:
            for finding in [*(f for f in findings if f != "all"), "all"]:
                own = {arm: values.get((view, size, finding, arm), {}) for arm in plan.arms}
                rows += _rows(plan, view, size, finding, own)
    return rows


def _rows(plan: Plan, view: str, size: int | None, finding: str, own: dict[str, dict[int, float]]) -> list[Row]:
    rows = []
    for arm, by_seed in own.items():
        against = plan.against(arm)
        other = own.get(against, {})
        pairs = [by_seed[seed] - other[seed] for seed in by_seed if seed in other]
        if by_seed:
            difference = None if against == arm else Mean.of(pairs)
            rows.append(Row(view, size, finding, arm, Mean.of(list(by_seed.values())), difference, against))
    return rows


def _by_replicate(
    plan: Plan, results: Iterable[Mapping[str, Any]], measure: str
) -> dict[tuple[str, int | None, str, str], dict[int, float]]:
    """(view, size, finding, arm) -> seed -> mean over its folds."""
    found: dict[tuple, dict[int, list[float]]] = {}
    for result in results:
        cell = result["cell"]
        if cell["arm"] not in plan.arms or cell["seed"] not in plan.seeds:
            continue
        for view, table in result["scores"].items():
            for finding, row in table.items():
                value = np.nan if row[measure] is None else row[measure]
                key = (view, cell["size"], finding, cell["arm"])
                found.setdefault(key, {}).setdefault(cell["seed"], []).append(value)
    done = {}
    for key, by_seed in found.items():
        rule = plan.arms[key[3]].split or plan.split
        folds = 1 if rule == "row" else plan.folds or 1
        whole = {seed: _mean(values) for seed, values in by_seed.items() if len(values) == folds}
        done[key] = {seed: value for seed, value in whole.items() if not np.isnan(value)}
    return done


def _mean(values: Sequence[float]) -> float:
    """Mean over folds; a fold in which a finding was never marked has none."""
    there = [value for value in values if not np.isnan(value)]
    return float(np.mean(there)) if there else np.nan


def alarms(rows: Iterable[Row]) -> list[str]:
    """What must not be overlooked, in sentences: gains that do not carry over, and gains that need no record."""
    means = {(row.view, row.size, row.arm): row for row in rows if row.finding == "all" and row.difference}
    lines = []
    for (view, size, arm), row in means.items():
        if view != "test" or row.difference.verdict != "better":
            continue
        abroad, bare = means.get(("other", size, arm)), means.get(("none", size, arm))
        if abroad and abroad.difference.verdict == "worse":
            lines.append(f"{arm} is better than {row.against} at home and WORSE at the other place: "
                         f"{row.difference.form('+')} and {abroad.difference.form('+')}")  # fmt: skip
        elif abroad and abroad.difference.verdict == "not shown":
            lines.append(f"{arm} is better than {row.against} at home; at the other place that is not shown")
        if bare and bare.difference.verdict == "worse":
            lines.append(f"{arm} leans on the record: without records it is worse than {row.against}, "
                         f"{bare.difference.form('+')}")  # fmt: skip
    return lines
