"""A patient's clinical record in words: names, values, units; what is missing is called missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mdfnet.clinical.schema import Feature, Schema

#: What a missing value is called wherever it is shown.
MISSING = "missing"

#: How people write the UCUM codes (ucum.org) that chest-film records use; other codes are shown as they are.
_UNITS = {"a": "years", "Cel": "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "/min": "/min", "1": ""}


def describe(schema: Schema, values: Sequence[float]) -> tuple[tuple[str, str], ...]:
    """Name and readable value of every clinical feature, in schema order.

    Args:
        schema: What the values mean.
        values: ``[F]`` in schema order and units; categories as their index; NaN = missing.

    Raises:
        ValueError: There are more or fewer values than features.

    Examples:
        >>> schema = Schema.load("mimic-ed")
        >>> describe(schema, [67, 38.24, 104, 22, 91, 118, float("nan"), 3, 2, 1])[:3]
        (('age', '67 years'), ('temperature', '38.2 °C'), ('heartrate', '104 /min'))
        >>> describe(schema, [float("nan")] * 10)[-1]
        ('gender', 'missing')
    """
    return tuple(
        (feature.name, _text(feature, float(value))) for feature, value in zip(schema.features, values, strict=True)
    )


def _text(feature: Feature, value: float) -> str:
    if math.isnan(value):
        return MISSING
    if feature.kind == "category":
        return feature.categories[int(value)]
    return f"{round(value, 1):g} {_UNITS.get(feature.unit, feature.unit)}".strip()
