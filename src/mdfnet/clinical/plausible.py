"""Why a clinical value is implausible, in words, and what was likely meant. Nothing is converted here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mdfnet.clinical.schema import NumberFeature, Schema
from mdfnet.clinical.units import UNITS, convert, dimension
from mdfnet.core.arrays import Floats

#: LOINC code of a number -> that of a number which it is never below: systolic and diastolic blood pressure.
NEVER_BELOW = {"8480-6": "8462-4"}


def out_of_range(feature: NumberFeature, value: float, unit: str) -> str:
    """Why a number outside its plausible range is not taken, in the unit it was given in.

    Examples:
        >>> temperature = Schema.load("mimic-ed")["temperature"]
        >>> out_of_range(temperature, 98.6, "Cel")
        'temperature is 98.6 Cel, outside the plausible 25 to 45 Cel; looks like [degF]'
    """
    plausible = with_unit(f"{feature.low:g} to {feature.high:g}", feature.unit)
    what = f"{feature.name} is {with_unit(f'{value:g}', unit)}, outside the plausible {plausible}"
    *others, last = likely_units(feature, value, unit) or ("",)
    meant = f"{', '.join(others)} or {last}" if others else last
    return f"{what}; looks like {meant}" if meant else what


def likely_units(feature: NumberFeature, value: float, unit: str) -> tuple[str, ...]:
    """Other units of the same dimension in which a number would be plausible.

    Examples:
        >>> schema = Schema.load("mimic-ed")
        >>> likely_units(schema["temperature"], 37, "[degF]"), likely_units(schema["o2sat"], 0.97, "%")
        (('Cel',), ('a fraction of 1',))
    """
    known = next((units for units in UNITS.values() if unit in units), None)
    if known is None or not math.isfinite(value):
        return ()
    scales, converted = [known[unit]], {}
    for code, scale in known.items():
        if scale not in scales:  # a second name of a unit says nothing new
            scales.append(scale)
            converted[code] = convert(value, code, feature.unit)
    if dimension(unit) == "fraction":
        converted["a fraction of 1"] = value * 100
    return tuple(code for code, number in converted.items() if feature.low <= number <= feature.high)


def pairs(schema: Schema) -> tuple[tuple[int, int], ...]:
    """Positions of numbers and of those they are never below, see :data:`NEVER_BELOW`.

    Examples:
        >>> pairs(Schema.load("mimic-ed"))
        ((5, 6),)
    """
    position = {feature.loinc: i for i, feature in schema.numbers.items() if feature.loinc}
    both = [(position[a], position[b]) for a, b in NEVER_BELOW.items() if {a, b} <= position.keys()]
    return tuple((a, b) for a, b in both if schema.numbers[a].unit == schema.numbers[b].unit)


def swapped(schema: Schema, values: Floats | Sequence[float]) -> dict[str, str]:
    """Feature name -> why it is not taken, of numbers that contradict each other; none is known to be the right one.

    Values ``[F]`` are NaN where missing or implausible by themselves.

    Examples:
        >>> swapped(Schema.load("mimic-ed"), [61, 37, 80, 16, 97, 70, 120, 3, 2, 1])["dbp"]
        'sbp is 70 mm[Hg], below dbp 120 mm[Hg]; looks swapped'
    """
    reasons: dict[str, str] = {}
    for a, b in pairs(schema):
        if values[a] < values[b]:
            upper, lower = schema.numbers[a], schema.numbers[b]
            what = f"{upper.name} is {with_unit(f'{values[a]:g}', upper.unit)}, below {lower.name}"
            reason = f"{what} {with_unit(f'{values[b]:g}', lower.unit)}; looks swapped"
            reasons |= {upper.name: reason, lower.name: reason}
    return reasons


def with_unit(number: str, unit: str) -> str:
    """A number as messages give it; a bare one has no unit."""
    return number if unit == "1" else f"{number} {unit}"
