"""The results: each arm's mean, and its difference from the arm it is compared with.

Where all seeds share their images, differences are those of `mdfnet.evaluation.compare`: over patients and seeds, or
over folds. Where each seed has images of its own, a seed is a whole replicate, and intervals are Student's over these.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mdfnet.evaluation.compare import compare_evaluations
from mdfnet.experiments.cells import cells_of
from mdfnet.experiments.plan import Plan, SyntheticData
from mdfnet.experiments.state import folder_of
from mdfnet.metrics.significance import student_quantile
from mdfnet.metrics.verdicts import verdict_of

FEWEST = 3  #: Fewest replicates that get an interval: that of two would be thirteen times as wide as they are apart

#: What was scored -> in words.
VIEWS = {
    "test": "test images",
    "half": "test images, half of all clinical values missing",
    "none": "test images, no records",
    "other": "images of the other place",
}


@dataclass(frozen=True)
class Mean:
    """A mean over seeds; the folds of a seed are averaged first, as together they test each patient once.

    Examples:
        >>> print(Mean.of([0.1, 0.2, 0.3]), "|", Mean.of([0.5]))
        0.200 ± 0.248 | 0.500
    """

    value: float  #: The mean; NaN without seeds
    half: float  #: Half the width of Student's 95 % interval over seeds; NaN with fewer than three
    count: int  #: How many seeds

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        count, half = len(values), np.nan
        if count >= FEWEST:
            half = float(student_quantile(count - 1)) * float(np.std(values, ddof=1)) / count**0.5
        return cls(float(np.mean(values)) if count else np.nan, half, count)

    def __str__(self) -> str:
        if self.count == 0:
            return "–"
        return f"{self.value:.3f}" + ("" if np.isnan(self.half) else f" ± {self.half:.3f}")


@dataclass(frozen=True)
class Change:
    """The difference of an arm from the one it is compared with."""

    value: float  #: Arm minus reference, mean over pairs
    low: float  #: 95 % interval to ``high``; NaN where there is none
    high: float
    pairs: int  #: How many pairs of cells
    over: str  #: What the interval covers
    p: float = np.nan  #: Of the permutation test over patients, corrected over findings after Holm; NaN without one

    @classmethod
    def of_replicates(cls, pairs: Sequence[float]) -> Change:
        """With Student's interval, of independent pairs."""
        mean = Mean.of(pairs)
        return cls(mean.value, mean.value - mean.half, mean.value + mean.half, mean.count, "replicates")

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "–"
        return f"{self.value:+.3f}" + ("" if np.isnan(self.low) else f" ({self.low:+.3f} to {self.high:+.3f})")

    @property
    def verdict(self) -> str:
        """See :func:`mdfnet.metrics.verdicts.verdict_of`; where there are too few replicates, how many of how many."""
        if np.isnan(self.low):
            return f"{self.pairs} of {FEWEST} replicates" if self.pairs else ""
        return verdict_of(self.value, self.low, self.high, self.p)


class ScoreKey(NamedTuple):
    """What a score is of; the fields are as in :class:`SummaryRow`."""

    measure: str
    view: str
    size: int | None
    finding: str
    arm: str


Scores = dict[ScoreKey, dict[int, float]]  #: What is scored -> seed -> mean over its folds


@dataclass(frozen=True)
class SummaryRow:
    """One line of the report."""

    measure: str  #: What the numbers are
    view: str  #: What was scored, a key of `VIEWS`
    size: int | None  #: Number of training images; None for all
    finding: str  #: A finding, or "all" for the mean over them
    arm: str  #: What was trained
    score: Mean  #: Its mean over seeds
    change: Change | None  #: From ``against``; None for a reference
    against: str  #: The arm it is compared with

    @property
    def place(self) -> tuple[str, str, int | None, str]:
        return self.measure, self.view, self.size, self.finding


def summarize(
    plan: Plan, results: Iterable[Mapping[str, Any]], out: Path, measures: Sequence[str] = (), draws: int = 1000
) -> list[SummaryRow]:
    """The report's lines, by measure, view, size, finding and arm.

    Results are the lines of ``results.jsonl``; a seed counts only when all its folds are done. Measures are by default
    the plan's alone; ``draws`` is the number of replicates of the bootstrap over patients, and of permutations.
    """
    measures = list(measures) or [plan.measure]
    scores = by_replicate(plan, results, measures)
    findings = [*dict.fromkeys(key.finding for key in scores if key.finding != "all"), "all"]
    sizes = [None if size == "all" else size for size in plan.sizes]
    changes = {
        (view, size, arm): _changes(plan, out, view, size, arm, scores, measures, draws)
        for view, size, arm in itertools.product(VIEWS, sizes, plan.arms)
    }
    rows = []
    for key in itertools.starmap(ScoreKey, itertools.product(measures, VIEWS, sizes, findings, plan.arms)):
        if by_seed := scores.get(key):
            change = changes[key.view, key.size, key.arm].get((key.measure, key.finding))
            rows.append(SummaryRow(*key, Mean.of(list(by_seed.values())), change, plan.against(key.arm)))
    return rows


def growth(plan: Plan, results: Iterable[Mapping[str, Any]], measure: str | None = None) -> dict[str, Change]:
    """How far each arm's gain on the test images with most training images exceeds that with fewest, seed by seed.

    Arms without a reference, or with one number of training images alone, are left out.
    """
    measure = measure or plan.measure
    scores, grown = by_replicate(plan, results, [measure]), {}
    sizes = sorted(plan.sizes, key=lambda size: math.inf if size == "all" else size)

    def gain(arm: str, size: int | Literal["all"]) -> dict[int, float]:
        number = None if size == "all" else size
        own, other = (scores.get(ScoreKey(measure, "test", number, "all", one), {}) for one in (arm, plan.against(arm)))
        return _seed_by_seed(own, other)

    for arm in plan.arms:
        more = _seed_by_seed(gain(arm, sizes[-1]), gain(arm, sizes[0]))
        if more and len(sizes) > 1 and arm != plan.against(arm):
            over = "replicates" if isinstance(plan.data, SyntheticData) else "seeds"
            grown[arm] = replace(Change.of_replicates([*more.values()]), over=over)
    return grown


def _seed_by_seed(own: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    """How much higher one is than the other, for the seeds that both have."""
    return {seed: own[seed] - other[seed] for seed in sorted(own.keys() & other.keys())}


def _changes(
    plan: Plan, out: Path, view: str, size: int | None, arm: str, scores: Scores, measures: Sequence[str], draws: int
) -> dict[tuple[str, str], Change]:
    """By measure and finding; over patients where the seeds share their images, else over replicates."""
    against = plan.against(arm)
    own, other = ({(key.measure, key.finding): by_seed for key, by_seed in scores.items()
                   if (key.view, key.size, key.arm) == (view, size, one)} for one in (arm, against))  # fmt: skip
    if arm == against or not (own and other):
        return {}
    gains = {key: _seed_by_seed(own[key], other.get(key, {})) for key in own}
    if isinstance(plan.data, SyntheticData):
        return {key: Change.of_replicates([*one.values()]) for key, one in gains.items()}
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


def by_replicate(plan: Plan, results: Iterable[Mapping[str, Any]], measures: Sequence[str]) -> Scores:
    """The scores seed by seed, of seeds that have all their folds."""
    found: dict[ScoreKey, dict[int, list[float]]] = {}
    for result in results:
        cell = result["cell"]
        if cell["arm"] not in plan.arms or cell["seed"] not in plan.seeds:
            continue
        for (view, table), measure in itertools.product(result["scores"].items(), measures):
            for finding, row in table.items():
                value = np.nan if row[measure] is None else row[measure]
                key = ScoreKey(measure, view, cell["size"], finding, cell["arm"])
                found.setdefault(key, {}).setdefault(cell["seed"], []).append(value)
    done = {}
    for key, by_seed in found.items():
        folds = 1 if plan.split_of(key.arm) == "row" else plan.folds or 1
        # A fold whose test images do not have the finding has no score.
        complete = {s: values for s, values in by_seed.items() if len(values) == folds and not np.isnan(values).all()}
        done[key] = {seed: float(np.nanmean(values)) for seed, values in complete.items()}
    return done


def alarms(rows: Iterable[SummaryRow]) -> list[str]:
    """What must not be overlooked, in sentences: gains that do not carry over, and gains that need no image."""
    changes = {(row.view, row.size, row.arm): (row.change, row.against)
               for row in rows if row.finding == "all" and row.change}  # fmt: skip
    lines = []
    for (view, size, arm), (change, against) in changes.items():
        if view != "test" or change.verdict != "higher":
            continue
        abroad, without = (changes.get((name, size, arm), (None, ""))[0] for name in ("other", "none"))
        if abroad and abroad.verdict == "lower":
            lines.append(f"{arm} is better than {against} at home and WORSE at the other place: {change} and {abroad}")
        elif abroad and abroad.verdict == "not shown":
            lines.append(f"{arm} is better than {against} at home; at the other place that is not shown")
        if without and without.verdict == "lower":
            lines.append(f"{arm} leans on the record: without records it is worse than {against}, {without}")
    return lines
