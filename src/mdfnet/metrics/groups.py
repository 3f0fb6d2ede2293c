"""Does a model do worse for some of the patients: measures by group, and each group against the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats, Ints
from mdfnet.metrics.average_precision import mean_over_classes
from mdfnet.metrics.bootstrap import mean_and_spread, patient_weights, share_interval
from mdfnet.metrics.matching import Matches
from mdfnet.metrics.measures import Matched, measure
from mdfnet.metrics.weights import share

#: What groups are compared in; of each, higher is better. AP falls with the share of images that show a finding, the
#: other two hardly or not at all: where only AP differs, the groups may differ rather than the model.
GROUP_MEASURES = ("AP@IoU=0.5", "FROC@IoU=0.5", "AUROC")

#: Below so many patients or annotated boxes, in the group or in the rest, nothing is said about a difference.
FEWEST = 20


@dataclass(frozen=True)
class Grouping:
    """One way to sort images into groups."""

    name: str  #: What is sorted by, such as "sex"
    groups: tuple[str, ...]  #: Names of the groups, in the order to show them in
    of: Ints  #: int64 ``[images]``, index into ``groups``


@dataclass(frozen=True)
class Standing:
    """How a group stands in one measure, and how far from the rest of the images."""

    #: Mean over the classes that have a value in the group, with its 95 % interval; NaN without
    value: float
    low: float
    high: float
    difference: float  #: Group minus rest, mean over the classes that both have
    #: Its interval, which holds for all groups together with 95 %; NaN where the group or the rest is too small
    difference_low: float
    difference_high: float

    @property
    def falls_short(self) -> bool:
        """Whether the whole interval of the difference lies below zero."""
        return bool(self.difference_high < 0)


@dataclass(frozen=True)
class Group:
    """One group: who is in it, and how the model does for them."""

    grouping: str  #: Such as "sex"
    name: str  #: Such as "F"
    images: int
    patients: int
    truths: int  #: Annotated boxes
    too_small: bool  #: Whether it, or the rest, has too few patients or annotated boxes to tell a difference
    standings: Mapping[str, Standing]  #: By measure

    @property
    def falls_short(self) -> tuple[str, ...]:
        """Measures in which the group falls short of the rest."""
        return tuple(name for name, standing in self.standings.items() if standing.falls_short)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        standings = {name: vars(standing) for name, standing in self.standings.items()}
        return vars(self) | {"standings": standings, "falls_short": self.falls_short}


def by_group(
    matched: Matched,
    patients: Sequence[str],
    groupings: Sequence[Grouping],
    *,
    measures: Sequence[str] = GROUP_MEASURES,
    replicates: int = 1000,
    seed: int = 0,
) -> list[Group]:
    """Score each group by itself and against the rest of the images, patients drawn again for the intervals.

    Differences are corrected for being many: their intervals are as many standard errors wide as the largest deviation
    among all groups is in 95 % of the draws, which knows that groups overlap. Source: Westfall and Young,
    *Resampling-Based Multiple Testing*, 1993.

    All images of a patient are drawn together, whatever their groups. Groups without an image are left out. Of each
    measure, higher must be better.

    Examples:
        >>> from types import SimpleNamespace as Found
        >>> from mdfnet.metrics.cases import Cases
        >>> from mdfnet.core.types import Target
        >>> hit, miss = (Found(boxes=[[x, 0, x + 9, 9]], labels=[1], scores=[0.9]) for x in (0, 50))
        >>> cases = Cases.of([hit] * 30 + [miss] * 30, [Target.of([[0, 0, 9, 9]], [1])] * 60, class_count=1)
        >>> sex = Grouping("sex", ("F", "M"), np.repeat([0, 1], 30))
        >>> groups = by_group(Matched.of(cases), [str(i) for i in range(60)], [sex], measures=("AP@IoU=0.5",))
        >>> [(group.name, group.patients, group.standings["AP@IoU=0.5"].difference) for group in groups]
        [('F', 30, 1.0), ('M', 30, -1.0)]
        >>> [group.falls_short for group in groups]
        [(), ('AP@IoU=0.5',)]
    """
    drawn = patient_weights(patients, replicates, seed)
    rows = np.vstack([np.ones((1, len(matched)), drawn.dtype), drawn])
    people, parts = np.asarray(patients), []
    for grouping in groupings:
        for index, name in enumerate(grouping.groups):
            inside = grouping.of == index
            if inside.any():
                parts.append(_part(matched, people, rows, inside, measures, grouping.name, name))
    if not parts:
        return []
    limits = {name: _simultaneous(np.stack([part.differences[name] for part in parts], axis=1)) for name in measures}
    return [replace(part.group, standings=part.standings(limits, k)) for k, part in enumerate(parts)]


@dataclass(frozen=True)
class _GroupDraws:
    """A group as yet without standings."""

    group: Group
    values: Mapping[str, tuple[Floats, Floats, Floats]]  #: By measure, with limits
    differences: Mapping[str, Floats]  #: By measure, to the rest, ``[1 + R]``, first as measured

    def standings(self, limits: Mapping[str, tuple[Floats, Floats, Floats]], k: int) -> dict[str, Standing]:
        return {
            name: Standing(*map(float, values), *(float(limit[k]) for limit in limits[name]))
            for name, values in self.values.items()
        }


def _part(
    matched: Matched, people: Array, rows: Array, inside: Bools, measures: Sequence[str], grouping: str, name: str
) -> _GroupDraws:
    sizes = [(len(set(people[where])), int(matched.iou.truths[where].sum())) for where in (inside, ~inside)]
    too_small = min(min(sizes)) < FEWEST or min(sizes[1]) < FEWEST
    mine = measure(_only(matched, inside), measures, rows[:, inside])
    boxes = sizes[0][1]
    values = {one: (part[0, -1], *share_interval(part[0, -1], part[1:, -1], boxes)) for one, part in mine.items()}
    group = Group(grouping, name, int(inside.sum()), *sizes[0], too_small, {})
    if too_small:
        return _GroupDraws(group, values, {one: np.full(len(rows), np.nan) for one in measures})
    rest = measure(_only(matched, ~inside), measures, rows[:, ~inside])
    differences = {one: mean_over_classes(mine[one][:, :-1] - rest[one][:, :-1]) for one in measures}
    return _GroupDraws(group, values, differences)


def _simultaneous(drawn: Floats) -> tuple[Floats, Floats, Floats]:
    """Differences ``[groups]`` with limits that hold for all groups together, from ``[1 + R, groups]``."""
    value, replicates = drawn[0], drawn[1:]
    tested = ~np.isnan(value)
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    if tested.any():
        mean, spread = mean_and_spread(replicates[:, tested])
        away = np.nan_to_num(np.abs(replicates[:, tested] - mean))
        widest = np.quantile(share(away, spread, 0).max(1), 0.95)
        middle = 2 * value[tested] - mean
        low[tested], high[tested] = middle - widest * spread, middle + widest * spread
    return value, low, high


def _only(matched: Matched, keep: Bools) -> Matched:
    iou, iobb = (_only_matches(matches, keep) for matches in (matched.iou, matched.iobb))
    return replace(matched, iou=iou, iobb=iobb, image_scores=matched.image_scores[keep])


def _only_matches(matches: Matches, keep: Bools) -> Matches:
    kept, place = keep[matches.image], keep.cumsum() - 1
    return Matches(
        matches.overlap,
        matches.thresholds,
        place[matches.image[kept]],
        matches.label[kept],
        matches.score[kept],
        matches.matched[:, kept],
        matches.truths[keep],
    )
