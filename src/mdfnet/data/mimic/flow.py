"""The flow chart of a build, kept while it goes: how much is left after each step, and why the rest was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mdfnet.core.errors import UserError
from mdfnet.data.mimic.readings import Reading
from mdfnet.data.provenance import Step


@dataclass
class Flow:
    """The steps so far."""

    #: Unit -> what identifies one in a reading, such as its image; a reading without it does not count
    units: dict[str, Callable[[Reading], object]]
    steps: list[Step] = field(default_factory=list)  #: First step first

    def note(self, step: str, counts: Mapping[str, int], left_out: Mapping[str, int] | None = None) -> None:
        """Add a step whose numbers are known."""
        present = {reason: count for reason, count in (left_out or {}).items() if count}
        self.steps.append(Step(step=step, counts=dict(counts), left_out=present))

    def keep(
        self, step: str, readings: Sequence[Reading], reason: Callable[[Reading], str | None], fix: str = ""
    ) -> list[Reading]:
        """Go on with the readings that have no reason to be left out, and count those that have."""
        reasons = [reason(reading) for reading in readings]
        kept = [reading for reading, why in zip(readings, reasons, strict=True) if why is None]
        left_out = Counter(why for why in reasons if why is not None)
        if not kept:
            why = ", ".join(f"{text} ({count})" for text, count in left_out.most_common()) or "there was none before"
            raise UserError(f"nothing is left after the step {step!r}: {why}", fix=fix or None)
        self.note(step, self.count(kept), left_out)
        return kept

    def count(self, readings: Sequence[Reading]) -> dict[str, int]:
        """How many of each unit there are."""
        found = {unit: {identify(reading) for reading in readings} - {None} for unit, identify in self.units.items()}
        return {unit: len(members) for unit, members in found.items() if members}
