"""What came out: each arm's mean, and what it differs by from the arm it is compared with.

Where all seeds have the same images, differences are `mdfnet.evaluation.compare`'s: over patients and seeds, or over
folds. Where each seed has images of its own, a seed is a whole replicate, and intervals are Student's over replicates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.evaluation.compare import compare_evaluations
from mdfnet.experiments.cells import cells_of
from mdfnet.experiments.plan import Plan, SyntheticData
from mdfnet.experiments.state import folder_of
from mdfnet.metrics.significance import student_quantile

#: (measure, view, size, finding, arm) -> seed -> mean over its folds.
Values = dict[tuple[str, str, int | None, str, str], dict[int, float]]

#: Fewest replicates that get an interval: of two it would be thirteen times their distance.
FEWEST = 3

#: What was scored -> in words.
VIEWS = {
    "test": "test images",
    "half": "test images, half of all clinical values missing",
    "none": "test images, no records",
    "other": "images of the other place",
}


@dataclass(frozen=True)
class Mean:
    """A mean over seeds; the folds of a seed are averaged first, being together one look at the same patients.

    Args:
        value: The mean; NaN of nothing.
        half: Half the width of Student's 95 % interval over seeds; NaN with fewer than three.
        count: How many seeds.

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
            half = float(student_quantile(count - 1)) * float(np.std(values, ddof=1)) / count**0.5
        return cls(float(np.mean(values)), half, count)

    def __str__(self) -> str:
        if self.count == 0:
            return "–"
        return f"{self.value:.3f}" + ("" if np.isnan(self.half) else f" ± {self.half:.3f}")


@dataclass(frozen=True)
class Change:
    """What an arm differs by from the one it is compared with.

    Args:
        value: Arm minus reference, mean over pairs.
        low, high: 95 % interval; NaN where there is none.
        pairs: How many pairs of cells.
        over: What the interval covers.
        p: Of the permutation test over patients, corrected over findings after Holm; NaN without.
    """

    value: float
    low: float
    high: float
    pairs: int
    over: str
    p: float = np.nan

    @classmethod
    def of_replicates(cls, pairs: Sequence[float]) -> Change:
        """Student's, over pairs that share nothing."""
        mean = Mean.of(pairs)
        return cls(mean.value, mean.value - mean.half, mean.value + mean.half, mean.count, "replicates")

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "–"
        return f"{self.value:+.3f}" + ("" if np.isnan(self.low) else f" ({self.low:+.3f} to {self.high:+.3f})")

    @property
    def verdict(self) -> str:
        """``higher``, ``lower`` or ``not shown``; how many replicates there are of how many, where too few to say.

        Shown is a difference whose interval leaves out zero and, where there is a test, whose p is below 0.05.
        """
        if np.isnan(self.low):
            return f"{self.pairs} of {FEWEST} replicates" if self.pairs else ""
        if self.low <= 0 <= self.high or self.p >= 0.05:
            return "not shown"
        return "higher" if self.value > 0 else "lower"


@dataclass(frozen=True)
class SummaryRow:
    """One line of the report.

    Args:
        measure: What the numbers are.
        view: What was scored, a key of `VIEWS`.
        size: Number of training images; None for all.
        finding: A finding, or "all" for the mean over them.
        arm: What was trained.
        score: Its mean.
        change: From ``against``; None for a reference.
        against: The arm it is compared with.
    """

    measure: str
    view: str
    size: int | None
    finding: str
    arm: str
    score: Mean
    change: Change | None
    against: str

    @property
    def place(self) -> tuple[str, str, int | None, str]:
        """Measure, view, size and finding."""
        return self.measure, self.view, self.size, self.finding


def summarize(
    plan: Plan, results: Iterable[Mapping[str, Any]], out: Path, measures: Sequence[str] = (), draws: int = 1000
) -> list[SummaryRow]:
    """The report's lines, from the lines of ``results.jsonl`` and the cells' folders.

    A seed counts only when all its folds are there.

    Args:
        plan, results, out: Of which experiment.
        measures: Default: the plan's alone.
        draws: Replicates of the bootstrap over patients, and permutations.
    """
    measures = list(measures) or [plan.measure]
    values = by_replicate(plan, results, measures)
    findings = list(dict.fromkeys(key[3] for key in values))
    findings = [*(finding for finding in findings if finding != "all"), "all"]
    sizes = [None if size == "all" else size for size in plan.sizes]
    rows = []
    for view, size, arm in itertools.product(VIEWS, sizes, plan.arms):
        changes = _changes(plan, out, view, size, arm, values, measures, draws)
        for measure, finding in itertools.product(measures, findings):
            if by_seed := values.get((measure, view, size, finding, arm)):
                mean, change = Mean.of(list(by_seed.values())), changes.get((measure, finding))
                rows.append(SummaryRow(measure, view, size, finding, arm, mean, change, plan.against(arm)))
    order = (measures, list(VIEWS), sizes, findings)
    return sorted(rows, key=lambda row: [known.index(value) for known, value in zip(order, row.place, strict=True)])


def growth(plan: Plan, results: Iterable[Mapping[str, Any]], measure: str | None = None) -> dict[str, Change]:
    """How far each arm's gain on the test images with most training images exceeds that with fewest, seed by seed.

    Of arms that have no reference, or that were trained with one number of images alone, nothing is said.

    Args:
        plan, results: Of which experiment.
        measure: Default: the plan's.
    """
    measure, sizes = measure or plan.measure, [math.inf if size == "all" else size for size in plan.sizes]
    values, grown = by_replicate(plan, results, [measure]), {}
    ends = [None if size == math.inf else size for size in (min(sizes), max(sizes))]
    for arm in plan.arms:
        against = plan.against(arm)
        few, many = (_gains(*(values.get((measure, "test", size, "all", one), {}) for one in (arm, against)))
                     for size in ends)  # fmt: skip
        if arm != against and len(sizes) > 1 and few.keys() & many.keys():
            pairs = [many[seed] - few[seed] for seed in sorted(few.keys() & many.keys())]
            over = "replicates" if isinstance(plan.data, SyntheticData) else "seeds"
            grown[arm] = replace(Change.of_replicates(pairs), over=over)
    return grown


def _gains(own: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    return {seed: own[seed] - other[seed] for seed in own.keys() & other.keys()}


def _changes(
    plan: Plan, out: Path, view: str, size: int | None, arm: str, values: Values, measures: Sequence[str], draws: int
) -> dict[tuple[str, str], Change]:
    """By measure and finding; over patients where the seeds share their images, else over replicates."""
    against = plan.against(arm)
    own, other = ({(key[0], key[3]): v for key, v in values.items() if (key[1], key[2], key[4]) == (view, size, one)}
                  for one in (arm, against))  # fmt: skip
    if arm == against or not (own and other):
        return {}
    gains = {key: _gains(own[key], other.get(key, {})) for key in own}
    if isinstance(plan.data, SyntheticData):
        return {
            key: Change.of_replicates([by_seed[seed] for seed in sorted(by_seed)]) for key, by_seed in gains.items()
        }
    cells = [c for c in cells_of(plan) if (c.arm, c.size) == (arm, size) and c.seed in gains[measures[0], "all"]]
    if not cells:
        return {}
    folders = [folder_of(out, replace(cell, arm=name)) / view for cell in cells for name in (against, arm)]
    found = compare_evaluations(folders, measures, replicates=draws)
    over = "folds" if found.folds > 1 else "patients and seeds" if found.seeds > 1 else "patients, one seed"
    return {
        (d.measure, d.finding): Change(d.value, d.low, d.high, len(cells), over, d.p_corrected)
        for d in found.differences
    }


def by_replicate(plan: Plan, results: Iterable[Mapping[str, Any]], measures: Sequence[str]) -> Values:
    """The scores seed by seed, of seeds that have all their folds."""
    found: dict[tuple, dict[int, list[float]]] = {}
    for result in results:
        cell = result["cell"]
        if cell["arm"] not in plan.arms or cell["seed"] not in plan.seeds:
            continue
        for (view, table), measure in itertools.product(result["scores"].items(), measures):
            for finding, row in table.items():
                value = np.nan if row[measure] is None else row[measure]
                key = (measure, view, cell["size"], finding, cell["arm"])
                found.setdefault(key, {}).setdefault(cell["seed"], []).append(value)
    done = {}
    for key, by_seed in found.items():
        rule = plan.split_of(key[4])
        folds = 1 if rule == "row" else plan.folds or 1
        whole = {seed: _mean(values) for seed, values in by_seed.items() if len(values) == folds}
        done[key] = {seed: value for seed, value in whole.items() if not np.isnan(value)}
    return done


def _mean(values: Sequence[float]) -> float:
    """Mean over folds; a fold in which a finding was never marked has none."""
    there = [value for value in values if not np.isnan(value)]
    return float(np.mean(there)) if there else np.nan


def alarms(rows: Iterable[SummaryRow]) -> list[str]:
    """What must not be overlooked, in sentences: gains that do not carry over, and gains that need no image."""
    known = {(row.view, row.size, row.arm): row for row in rows if row.finding == "all" and row.change}
    lines = []
    for (view, size, arm), row in known.items():
        if view != "test" or row.change.verdict != "higher":
            continue
        abroad, bare = known.get(("other", size, arm)), known.get(("none", size, arm))
        if abroad and abroad.change.verdict == "lower":
            lines.append(f"{arm} is better than {row.against} at home and WORSE at the other place: "
                         f"{row.change} and {abroad.change}")  # fmt: skip
        elif abroad and abroad.change.verdict == "not shown":
            lines.append(f"{arm} is better than {row.against} at home; at the other place that is not shown")
        if bare and bare.change.verdict == "lower":
            lines.append(f"{arm} leans on the record: without records it is worse than {row.against}, {bare.change}")
    return lines
