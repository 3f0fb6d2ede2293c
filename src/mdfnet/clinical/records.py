"""One patient's clinical record: from named values, in whatever unit, to the vector that models read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mdfnet.clinical.plausible import out_of_range
from mdfnet.clinical.schema import CategoryFeature, Feature, NumberFeature, Schema
from mdfnet.clinical.units import convert, dimension
from mdfnet.core.arrays import Floats
from mdfnet.core.errors import UserError, meant, nearest
from mdfnet.core.pseudonyms import quoted

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

Invalid = Literal["error", "missing"]


@dataclass(frozen=True)
class RecordResult:
    """A record as it was understood."""

    values: Floats  #: float32 ``[F]`` in schema order and units; categories as their index; NaN = missing
    #: Name -> why its value was not used (only under ``invalid="missing"`` or ``unknown="note"``)
    notes: dict[str, str]


def read_record(
    schema: Schema,
    mapping: Mapping[str, Any],
    *,
    where: object = "clinical record",
    invalid: Invalid = "error",
    unknown: Literal["error", "note"] = "error",
    units: Mapping[str, str] | None = None,
) -> RecordResult:
    """Read one record into schema order and schema units.

    Args:
        schema: What the values mean.
        mapping: Feature name -> value, or -> ``{"value": ..., "unit": ...}``. A feature that is absent, None, NaN or an
            empty text is missing; a tensor without dimensions is a number.
        where: File and row, for messages.
        invalid: What to do with an implausible value: raise, or turn it to missing and note it. A unit that does not
            fit is always an error.
        unknown: What to do with a name that is not a feature: raise, or skip it and note it.
        units: Feature name -> UCUM unit its values come in. Default: the schema's.

    Raises:
        UserError: Unknown feature, unit that does not fit, not a number, outside the plausible range, unknown category.

    Examples:
        >>> schema = Schema.load("age-sex-view")
        >>> read_record(schema, {"age": {"value": 18, "unit": "mo"}, "sex": "M"}).values
        array([1.5, 1. , nan], dtype=float32)
        >>> read_record(schema, {"age": 612, "sex": "M"}, invalid="missing").notes
        {'age': 'age is 612 a, outside the plausible 0 to 120 a; looks like mo, wk or d'}
    """
    notes = {}
    for name in mapping:
        if name not in schema.names:
            if unknown == "error":
                raise UserError(f"unknown clinical feature {name!r}", where=where, fix=nearest(name, schema.names))
            hint = meant(name, schema.names, likeness=0.8)  # a record may well hold more than the model knows
            notes[name] = f"{name} is not a feature of the model{f'; {hint}' if hint else ''}"
    check_units(schema, units or {})
    values = np.full(len(schema), np.nan, np.float32)
    for position, feature in enumerate(schema.features):
        value, unit = _value_and_unit(mapping.get(feature.name), feature, where)
        try:
            if feature.kind == "category":
                values[position] = _category(value, feature)
            else:
                values[position] = _number(value, unit or (units or {}).get(feature.name, feature.unit), feature)
        except _Implausible as problem:
            if invalid == "error":
                raise UserError(str(problem), where=where, fix=problem.fix) from None
            notes[feature.name] = str(problem)
    return RecordResult(values, notes)


def read_records(
    schema: Schema, records: Sequence[Mapping[str, Any] | RecordResult | None]
) -> tuple[Floats, list[dict[str, str]]]:
    """Read a batch, one record per image; whatever cannot be used is turned to missing and noted.

    Records are named values as :func:`read_record` takes, what it gave, or None. Gives float32 ``[B, F]``, and per
    record name -> why it was not used. A unit that does not fit is an error; the record is counted from 1.

    Examples:
        >>> values, notes = read_records(Schema.load("age-sex-view"), [{"age": 61, "ward": 7}, None])
        >>> values.tolist(), list(notes[0])
        ([[61.0, nan, nan], [nan, nan, nan]], ['ward'])
    """
    results = [
        record
        if isinstance(record, RecordResult)
        else read_record(schema, record or {}, where=f"record {number}", invalid="missing", unknown="note")
        for number, record in enumerate(records, start=1)
    ]
    values = np.stack([result.values for result in results]) if results else np.empty((0, len(schema)), np.float32)
    return values, [result.notes for result in results]


def check_units(schema: Schema, units: Mapping[str, str]) -> None:
    """Make sure that given units belong to numbers of the schema and measure the same.

    Examples:
        >>> check_units(Schema.load("mimic-ed"), {"temperature": "[degF]"})
    """
    for name, unit in units.items():
        _check_unit(schema[name], unit, where="units")


def format_value(feature: Feature, value: float) -> str:
    """A value of the clinical vector as text that `read_record` reads back exactly; missing is the empty text.

    Examples:
        >>> age, sex, _ = Schema.load("age-sex-view").features
        >>> format_value(age, np.float32(61.3)), format_value(sex, 1.0), format_value(age, np.nan)
        ('61.3', 'M', '')
    """
    if math.isnan(value):
        return ""
    if feature.kind == "category":
        return feature.categories[int(value)]
    return np.format_float_positional(np.float32(value), trim="-")


class _Implausible(Exception):
    """A single value that is not used."""

    def __init__(self, what: str, fix: str | None = None):
        super().__init__(what)
        self.fix = fix


def _value_and_unit(given: Any, feature: Feature, where: object) -> tuple[Any, str | None]:
    """Unit None where the record does not say one."""
    if not isinstance(given, Mapping):
        return _plain(given), None
    if "value" not in given or set(given) - {"value", "unit"}:
        raise UserError(f"{feature.name} needs keys 'value' and 'unit', got {sorted(given)}", where=where)
    unit = given.get("unit")
    if unit is not None:
        _check_unit(feature, unit, where)
    return _plain(given["value"]), unit


def _plain(value: Any) -> Any:
    """A tensor or an array without dimensions as the number it holds."""
    return value.item() if getattr(value, "shape", None) == () else value


def _check_unit(feature: Feature, unit: object, where: object) -> None:
    if feature.kind == "category":
        raise UserError(f"{feature.name} is a category and has no unit, got {unit!r}", where=where)
    if not isinstance(unit, str):
        fix = f"units are UCUM codes, such as {feature.unit!r}"
        raise UserError(f"{feature.name}: unknown unit {unit!r}", where=where, fix=fix)
    try:
        if unit != feature.unit and dimension(unit) != dimension(feature.unit):
            convert(0.0, unit, feature.unit)
    except UserError as error:
        raise UserError(f"{feature.name}: {error.what}", where=where, fix=error.fix) from None


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def _number(value: Any, unit: str, feature: NumberFeature) -> float:
    if _is_missing(value):
        return math.nan
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise _Implausible(f"{feature.name} is {quoted(value)}, not a number", "leave unknown values empty")
    try:
        given = float(value)
    except OverflowError:  # JSON and Python have whole numbers beyond any float
        given = math.inf if value > 0 else -math.inf
    number = convert(given, unit, feature.unit)
    if not feature.low <= number <= feature.high:
        raise _Implausible(out_of_range(feature, given, unit), "check the value and its unit, or leave it empty")
    return number


def _category(value: Any, feature: CategoryFeature) -> float:
    if _is_missing(value):
        return math.nan
    if str(value).strip() not in feature.categories:
        raise _Implausible(f"{feature.name} is {quoted(value)}, not one of {', '.join(feature.categories)}")
    return feature.categories.index(str(value).strip())
