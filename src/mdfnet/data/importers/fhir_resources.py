"""The part of FHIR R4 that we read. Servers send more, and not always by the book: what is not asked for is ignored."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict


class _Resource(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Coding(_Resource):
    system: str | None = None
    code: str | None = None


class CodeableConcept(_Resource):
    """One thing in the codes of several systems."""

    coding: tuple[Coding, ...] = ()


class Quantity(_Resource):
    """A number with its unit: ``code`` for machines, ``unit`` for people."""

    value: float | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Reference(_Resource):
    reference: str | None = None


class Identifier(_Resource):
    value: str | None = None


class Period(_Resource):
    start: str | None = None
    end: str | None = None


class Patient(_Resource):
    id: str | None = None
    identifier: tuple[Identifier, ...] = ()
    gender: str | None = None
    birthDate: str | None = None


class Component(_Resource):
    """One value: of an observation, or of a panel such as blood pressure."""

    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueInteger: int | None = None
    valueCodeableConcept: CodeableConcept | None = None
    dataAbsentReason: CodeableConcept | None = None

    @property
    def number(self) -> float | None:
        """The value as a number, where it is one."""
        return self.valueInteger if self.valueQuantity is None else self.valueQuantity.value


class Observation(Component):
    status: str | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    component: tuple[Component, ...] = ()

    @property
    def time(self) -> datetime | None:
        """When: of a period its end, of a day its end, so that nothing counts before it was there."""
        period = self.effectivePeriod or Period()
        text = self.effectiveDateTime or self.effectiveInstant or period.end or period.start or ""
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            return None
        return time + timedelta(days=1, seconds=-1) if len(text) == len("2024-03-01") else time
