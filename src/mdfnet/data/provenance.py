"""How a dataset came to be: the releases it was made from, the rules, and a flow chart of what was left out and why."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Step(BaseModel):
    """One step of a flow chart, as in the CONSORT and STARD statements.

    Examples:
        >>> Step(step="frontal", counts={"images": 9}, left_out={"lateral": 1}).counts["images"]
        9
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str  #: What holds for all that is left after it
    counts: dict[str, int]  #: Unit ("readings", "images", "patients", ...) -> how many are left
    left_out: dict[str, int] = {}  #: Reason -> how many the step left out


class Provenance(BaseModel):
    """What ``dataset.yaml`` says about the making of a dataset; nothing in it is about a single patient."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: str  #: The command
    releases: dict[str, str] = {}  #: Source -> version
    rules: dict[str, Any] = {}  #: Rule -> what was chosen
    flow: tuple[Step, ...] = ()  #: The flow chart, first step first
    values: dict[str, dict[str, int]] = {}  #: Clinical feature -> fate -> number of values
    cautions: tuple[str, ...] = ()  #: What a reader of results must know, one sentence each
