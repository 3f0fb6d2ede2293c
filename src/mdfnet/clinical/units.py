"""Units in UCUM codes, and how to get from one to another.

Every unit is an affine function of its dimension's first unit: ``value_in_first = value * scale + offset``. Factors
are those of NIST SP 811, appendix B.8; month and year are UCUM's mean Julian ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mdfnet.core.errors import UserError, nearest

if TYPE_CHECKING:
    from mdfnet.core.arrays import Floats

Value = TypeVar("Value", float, "Floats")

#: Dimension -> UCUM code -> (scale, offset) to the dimension's first unit.
UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "temperature": {"Cel": (1, 0), "K": (1, -273.15), "[degF]": (5 / 9, -160 / 9)},
    "rate": {"/min": (1, 0), "{beats}/min": (1, 0), "{breaths}/min": (1, 0), "/s": (60, 0), "Hz": (60, 0)},
    "fraction": {"%": (1, 0)},
    "pressure": {"mm[Hg]": (1, 0), "kPa": (1 / 0.133322387415, 0)},
    "time": {"a": (1, 0), "mo": (1 / 12, 0), "wk": (7 / 365.25, 0), "d": (1 / 365.25, 0)},
    "mass": {"kg": (1, 0), "g": (1e-3, 0), "[lb_av]": (0.45359237, 0)},
    "length": {"cm": (1, 0), "m": (100, 0), "[in_i]": (2.54, 0)},
    "number": {"1": (1, 0)},
}


def convert(value: Value, from_unit: str, to_unit: str) -> Value:
    """A value, or an array, in another UCUM unit of the same dimension; the same unit gives back the same value.

    Examples:
        >>> round(convert(98.6, "[degF]", "Cel"), 6)
        37.0
        >>> convert(72.0, "{beats}/min", "/min")
        72.0
        >>> convert(37.0, "Cel", "%")
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: unit 'Cel' (temperature) does not fit '%' (fraction)
    """
    if from_unit == to_unit:
        return value
    source, target = dimension(from_unit), dimension(to_unit)
    if source != target:
        fix = f"use one of {', '.join(UNITS[target])}" if len(UNITS[target]) > 1 else None
        raise UserError(f"unit {from_unit!r} ({source}) does not fit {to_unit!r} ({target})", fix=fix)
    scale, offset = UNITS[source][from_unit]
    target_scale, target_offset = UNITS[target][to_unit]
    return (value * scale + offset - target_offset) / target_scale


def dimension(unit: str) -> str:
    """What a unit measures.

    Examples:
        >>> dimension("mm[Hg]")
        'pressure'
    """
    for name, units in UNITS.items():
        if unit in units:
            return name
    known = [code for units in UNITS.values() for code in units]
    raise UserError(f"unknown unit {unit!r}", fix=f"units are UCUM codes; {nearest(str(unit), known)}")
