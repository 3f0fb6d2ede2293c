"""What a clinical value means: its name, kind, unit, plausible range and code."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from mdfnet.core.errors import UserError, first_problem, nearest
from mdfnet.core.resources import Shipped

_SCHEMAS = Shipped("mdfnet.clinical", "schemas", "clinical schema")


class Feature(BaseModel):
    """One clinical value of a patient.

    Args:
        name: Column name in tables and key in records.
        kind: "number" or "category".
        unit: UCUM code of a number, such as ``Cel``, ``/min``, ``mm[Hg]``, ``%``, ``a``; ``1`` for a bare number.
        low, high: Plausible range of a number in that unit, both ends included.
        categories: Names a category may take, in index order.
        loinc: LOINC code, where one exists.
        meaning: A sentence for people.

    Examples:
        >>> Feature(name="heartrate", kind="number", unit="/min", low=20, high=300, meaning="Heart rate").unit
        '/min'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["number", "category"]
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    loinc: str | None = None
    meaning: str

    @model_validator(mode="after")
    def _consistent(self):
        if self.kind == "number" and (self.unit is None or self.low is None or self.high is None):
            raise ValueError(f"number {self.name!r} needs unit, low and high")
        if self.kind == "number" and self.categories:
            raise ValueError(f"number {self.name!r} has categories")
        if self.kind == "number" and not self.low < self.high:
            raise ValueError(f"number {self.name!r}: low {self.low} is not below high {self.high}")
        if self.kind == "category" and len(set(self.categories)) < 2:
            raise ValueError(f"category {self.name!r} needs at least two categories")
        return self

    def same_values(self, other: Feature | None) -> bool:
        """Whether the values of both mean the same; the sentences for people may differ."""
        return other is not None and self.model_copy(update={"meaning": other.meaning}) == other


class Schema(BaseModel):
    """The clinical features of a dataset or model, in a fixed order.

    Examples:
        >>> schema = Schema.load("mimic-ed")
        >>> schema.names[:3], len(schema)
        (('age', 'temperature', 'heartrate'), 10)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    features: tuple[Feature, ...]

    @model_validator(mode="after")
    def _unique(self):
        if not self.features:
            raise ValueError("a schema needs at least one feature")
        if len(set(self.names)) < len(self.features):
            raise ValueError("feature names must be unique")
        return self

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Feature names in order."""
        return tuple(feature.name for feature in self.features)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, name: str) -> Feature:
        return self.features[self.index(name)]

    def index(self, name: str) -> int:
        """Position of a feature in the clinical vector.

        Raises:
            UserError: There is no such feature; the nearest name is given.
        """
        if name not in self.names:
            raise UserError(f"unknown clinical feature {name!r} in schema {self.name!r}", fix=nearest(name, self.names))
        return self.names.index(name)

    @staticmethod
    def shipped() -> list[str]:
        """Names of the schemas that come with the package."""
        return _SCHEMAS.names()

    @classmethod
    def load(cls, name_or_path: str | Path) -> Schema:
        """Read a shipped schema by name, or the user's own from a YAML file.

        Raises:
            UserError: No such schema, or the file does not describe one.
        """
        content = _SCHEMAS.read(name_or_path)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UserError(f"not a clinical schema: {first_problem(error)}", where=name_or_path) from None
