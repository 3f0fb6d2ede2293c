"""What the report of an experiment says, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mdfnet.experiments.plan import Plan, SyntheticData
from mdfnet.experiments.summary import Change, Mean, SummaryRow
from mdfnet.report.contents import DatasetCard


@dataclass(frozen=True)
class FindingDiscrimination:
    """How well each clinical value discriminates one finding: the mean over trainings."""

    finding: str
    features: tuple[str, ...]
    discrimination: tuple[Mean, ...]  #: One per feature, see :class:`mdfnet.explain.importance.Importance`
    images: int  #: That were looked at in each training


@dataclass(frozen=True)
class ExperimentReport:
    """Everything that the page of an experiment says; what is a mapping is by arm first, where nothing else is said."""

    title: str
    plan: Plan
    rows: tuple[SummaryRow, ...]  #: Of the plan's measure with all findings first, then of further measures
    growth: Mapping[str, Change]  #: How far the gain with most training images exceeds that with fewest
    sees: Mapping[str, str]  #: What the models see, in words
    #: Size of the training set (None: all) -> number of images in "train", "val" and "test"
    images: Mapping[int | None, Mapping[str, int]]
    dataset: DatasetCard  #: Of the first seed, where each seed has images of its own
    people: str = ""  #: Who the patients of its test images are, in words
    #: By seed, the plan's measure, mean over findings, on the test images with the records given
    scores: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    #: By finding, bins over all seeds, as :func:`mdfnet.metrics.details.reliabilities` has them
    reliability: Mapping[str, Mapping[str, Mapping[str, Sequence[Any]]]] = field(default_factory=dict)
    #: By finding, and "all", calibration error at IoBB 0.5 of scores scaled by the temperatures that were fitted on
    #: validation images
    calibrated: Mapping[str, Mapping[str, Mean]] = field(default_factory=dict)
    #: Of arms whose models were explained
    discriminations: Mapping[str, tuple[FindingDiscrimination, ...]] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()  #: What must not be overlooked, in sentences
    left: int = 0  #: Number of cells that are not done
    environment: Mapping[str, str] = field(default_factory=dict)  #: Versions, command

    @property
    def arms(self) -> list[str]:
        """Arms of which something is done, in the plan's order."""
        done = {row.arm for row in self.rows}
        return [arm for arm in self.plan.arms if arm in done]

    @property
    def others(self) -> list[str]:
        """Those of them that are compared with another arm."""
        return [arm for arm in self.arms if self.plan.against(arm) != arm]

    @property
    def findings(self) -> list[str]:
        """The findings that have a score of some kind, and last "all"."""
        scored = {row.finding for row in self.rows}
        return [*(name for name in self.dataset.classes if name in scored), "all"]

    @property
    def sizes(self) -> list[int | None]:
        """Sizes of the training set of which something is done, the smallest first."""
        done = {row.size for row in self.rows}
        return sorted(done, key=lambda size: self.images[size]["train"])

    @property
    def largest(self) -> int | None:
        """The size that all but the learning curve is about: the largest of which something is done."""
        return self.sizes[-1]

    @property
    def replicates(self) -> bool:
        """Whether each seed has images of its own."""
        return isinstance(self.plan.data, SyntheticData)

    def of(
        self, *, measure: str | None = None, view: str = "test", size: Any = ..., finding: str = "all"
    ) -> list[SummaryRow]:
        """Rows of all arms; by default of the plan's measure and the largest number of training images."""
        place = (measure or self.plan.measure, view, self.largest if size is ... else size, finding)
        return [row for row in self.rows if row.place == place]

    def by_arm(self, **where: Any) -> dict[str, SummaryRow]:
        """Arm -> its row, of those that :meth:`of` gives."""
        return {row.arm: row for row in self.of(**where)}

    def changed(self, **where: Any) -> list[tuple[SummaryRow, Change]]:
        """The rows of :meth:`of` that are compared with another arm, each with its difference."""
        return [(row, row.change) for row in self.of(**where) if row.change]
