"""How a dataset came to be: the releases it was made from, the rules, and a flow chart of what was left out and why."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Step(BaseModel):
    """One step of a flow chart, as in the CONSORT and STARD statements.

    Args:
        step: What holds for all that is left after it.
        counts: Unit ("readings", "images", "patients", ...) -> how many are left.
        left_out: Reason -> how many the step left out.

    Examples:
        >>> Step(step="frontal", counts={"images": 9}, left_out={"lateral": 1}).counts["images"]
        9
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    counts: dict[str, int]
    left_out: dict[str, int] = {}


class Provenance(BaseModel):
    """What ``dataset.yaml`` says about the making of a dataset; nothing in it is about a single patient.

    Args:
        made_by: The command.
        releases: Source -> version.
        rules: Rule -> what was chosen.
        flow: The flow chart, first step first.
        values: Clinical feature -> fate -> number of values.
        cautions: What a reader of results must know, one sentence each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: str
    releases: dict[str, str] = {}
    rules: dict[str, Any] = {}
    flow: tuple[Step, ...] = ()
    values: dict[str, dict[str, int]] = {}
    cautions: tuple[str, ...] = ()
