"""What the build decides by: one frozen object of rules, with defaults that are safe, and the paper's own set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from mdfnet.core.errors import UserError

StayRule = StrEnum("StayRule", ["inside", "window", "nearest"])  #: Which emergency stay an image belongs to
StudyTime = StrEnum("StudyTime", ["padded", "unpadded"])  #: How a StudyTime that lost its leading zeros is read
Vitals = StrEnum("Vitals", ["last", "triage"])  #: Which measurements of the stay describe the patient at the image
Values = StrEnum("Values", ["checked", "raw"])  #: What is done with implausible clinical values
Missing = StrEnum("Missing", ["kept", "mean"])  #: What is done with missing clinical numbers
Readers = StrEnum("Readers", ["consensus", "union", "each"])  #: What several readings of one image become
Findings = StrEnum("Findings", ["five", "all"])  #: Which labels become classes
EllipseLabels = StrEnum("EllipseLabels", ["all", "first"])  #: What an ellipse with several labels becomes
SplitRule = StrEnum("SplitRule", ["patient", "official", "row"])  #: Where the splits come from


@dataclass(frozen=True)
class Rules:
    """All choices of a build; docs/reference/mimic-rules.md says what each means and why its default is safe.

    Args:
        stay: "inside": the one stay that the image was taken in; "window": the one stay within ``before`` and ``after``
            hours; "nearest": of these the nearest.
        before, after: Hours by which an image may precede or follow a stay; of no effect on "inside".
        open_stay: Hours that a stay without an end is taken to last at the most; it ends before the next one begins.
        study_time: "padded", or "unpadded" as in the paper's notebooks, which lose all studies before 10:00.
        unmatched: Keep images without a stay, their vital signs missing.
        vitals: "last": of each value the last one at or before the image, triage included; "triage": triage alone.
        within: Hours before the image that a measurement may date back; None: to the start of the stay.
        values: "checked": Celsius in a Fahrenheit column is converted, pain is parsed, what is implausible is
            missing; "raw": numbers as they are.
        missing: "kept", or "mean": filled with the mean of all rows (the paper).
        discarded: Keep readings whose eye tracking REFLACX discarded.
        readers: "consensus": boxes that most readers of the image drew; "union": all; "each": each reading is a case.
        overlap: IoU from which two readers' boxes of one label are the same finding.
        findings: "five" of the paper, or "all" labels that were drawn.
        synonyms: Label -> label to take it for, beyond those that REFLACX's phases call differently.
        ellipse_labels: "all": one box per label; "first": the first of the five in the paper's order.
        certainty: Least certainty of an ellipse, 1 (unlikely) to 5 (certain).
        split: "patient": stratified by findings; "official": that of MIMIC-CXR-JPG; "row": the paper's.
        fractions: Split -> share, for "patient".
        folds, fold: Instead of fractions: number of folds, and the one to test on; the next one validates.
        seed: Of splits by patient.

    Raises:
        UserError: A number is out of its range.
    """

    stay: StayRule = StayRule.inside
    before: float = 0.0
    after: float = 24.0
    open_stay: float = 24.0
    study_time: StudyTime = StudyTime.padded
    unmatched: bool = False
    vitals: Vitals = Vitals.last
    within: float | None = None
    values: Values = Values.checked
    missing: Missing = Missing.kept
    discarded: bool = False
    readers: Readers = Readers.consensus
    overlap: float = 0.25
    findings: Findings = Findings.five
    synonyms: Mapping[str, str] = field(default_factory=dict)
    ellipse_labels: EllipseLabels = EllipseLabels.all
    certainty: int = 3
    split: SplitRule = SplitRule.patient
    fractions: Mapping[str, float] = field(default_factory=lambda: {"train": 0.7, "val": 0.15, "test": 0.15})
    folds: int | None = None
    fold: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("before", "after", "open_stay", "within"):
            if (hours := getattr(self, name)) is not None and not 0 <= hours <= 24 * 366:
                raise UserError(f"{name.replace('_', ' ')} is {hours:g} hours, not between 0 and a year")
        if not 0 < self.overlap <= 1:
            raise UserError(f"overlap is {self.overlap:g}, not above 0 and up to 1")
        if self.seed < 0:
            raise UserError(f"seed is {self.seed}, not 0 or above")
        if not 1 <= self.certainty <= 5:
            raise UserError(f"certainty is {self.certainty}, not 1 to 5")
        if self.folds is not None and not (self.folds >= 3 and 0 <= self.fold < self.folds):
            fix = "three folds or more, counted from 0"
            raise UserError(f"fold {self.fold} of {self.folds} folds is not possible", fix=fix)
        if self.folds is not None and self.split != SplitRule.patient:
            raise UserError(f"folds are made by patient, not by split rule {str(self.split)!r}")

    def card(self) -> dict[str, object]:
        """All rules as plain values, for the dataset's description."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: str(value) if isinstance(value, StrEnum) else value for name, value in values.items()}


#: The paper's protocol, 670 rows (arXiv 2302.13390 and the authors' notebooks).
AS_PAPER = Rules(
    open_stay=0.0,
    study_time=StudyTime.unpadded,
    vitals=Vitals.triage,
    values=Values.raw,
    missing=Missing.mean,
    readers=Readers.each,
    ellipse_labels=EllipseLabels.first,
    certainty=1,
    split=SplitRule.row,
)
