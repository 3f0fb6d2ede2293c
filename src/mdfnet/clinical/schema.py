"""What a clinical value means: its name, kind, unit, plausible range and code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mdfnet.core.errors import UserError, first_problem, nearest
from mdfnet.core.resources import Shipped

_SCHEMAS = Shipped("mdfnet.clinical", "schemas", "clinical schema")


class _Described(BaseModel):
    """What features of every kind have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    loinc: str | None = None
    meaning: str

    def same_values(self, other: Feature | None) -> bool:
        """Whether values of both features mean the same; the sentences for people may differ."""
        return other is not None and self.model_copy(update={"meaning": other.meaning}) == other


class NumberFeature(_Described):
    """A clinical value that is a number.

    Args:
        name: Column name in tables and key in records.
        unit: UCUM code, such as ``Cel``, ``/min``, ``mm[Hg]``, ``%``, ``a``; ``1`` for a bare number.
        low, high: Plausible range in that unit, both ends included.
        loinc: LOINC code, where one exists.
        meaning: A sentence for people.

    Examples:
        >>> NumberFeature(name="heartrate", unit="/min", low=20, high=300, meaning="Heart rate").unit
        '/min'
    """

    categories: ClassVar[tuple[str, ...]] = ()  # a number has none
    kind: Literal["number"] = "number"
    unit: str
    low: float
    high: float

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"number {self.name!r}: low {self.low} is not below high {self.high}")
        return self

    @property
    def scale(self) -> tuple[str, ...]:
        """What its values are expressed in: its unit."""
        return (self.unit,)


class CategoryFeature(_Described):
    """A clinical value that is one of a few names.

    Args:
        name: Column name in tables and key in records.
        categories: Names it may take, in index order; at least two.
        loinc: LOINC code, where one exists.
        meaning: A sentence for people.

    Examples:
        >>> CategoryFeature(name="sex", categories=("F", "M"), meaning="Administrative sex").categories.index("M")
        1
    """

    unit: ClassVar[None] = None  # a category has none
    kind: Literal["category"] = "category"
    categories: tuple[str, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.categories)) < 2:
            raise ValueError(f"category {self.name!r} needs at least two categories")
        return self

    @property
    def scale(self) -> tuple[str, ...]:
        """What its values are expressed in: its categories."""
        return self.categories


#: One clinical value of a patient. ``feature.kind`` tells which it is.
Feature = NumberFeature | CategoryFeature


def _without_empty(values: Any) -> Any:
    """Earlier versions wrote what a kind of feature does not have as null or empty."""
    if not isinstance(values, Mapping):
        return values
    return {name: value for name, value in values.items() if value not in (None, [], ())}


class Schema(BaseModel):
    """The clinical features of a dataset or model, in a fixed order.

    Examples:
        >>> schema = Schema.load("mimic-ed")
        >>> schema.names[:3], len(schema)
        (('age', 'temperature', 'heartrate'), 10)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    features: tuple[Annotated[Feature, Field(discriminator="kind"), BeforeValidator(_without_empty)], ...]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if not self.features:
            raise ValueError("a schema needs at least one feature")
        if len(set(self.names)) < len(self.features):
            raise ValueError("feature names must be unique")
        return self

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Feature names in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def numbers(self) -> dict[int, NumberFeature]:
        """Position in the clinical vector -> feature, of those that are numbers."""
        return {i: feature for i, feature in enumerate(self.features) if feature.kind == "number"}

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
