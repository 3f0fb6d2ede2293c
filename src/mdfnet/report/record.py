"""A patient's clinical record in words: names, values, units; what is missing is called missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mdfnet.clinical.schema import Feature, Schema
from mdfnet.core.types import RecordUse

#: What a value is called wherever it is shown: one that is absent, not used, used although training had no such value.
MISSING, REFUSED, UNSEEN = "missing", "refused", "unseen in training"

#: How people write the UCUM codes (ucum.org) that chest-image records use; other codes are shown as they are.
_UNITS = {"a": "years", "Cel": "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "/min": "/min", "1": ""}


def describe(schema: Schema, values: Sequence[float], use: RecordUse | None = None) -> tuple[tuple[str, str], ...]:
    """Name and readable value of every clinical feature, in schema order.

    Args:
        schema: What the values mean.
        values: ``[F]`` in schema order and units; categories as their index; NaN = missing.
        use: What a model did with them, if one did.

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
        (feature.name, _text(feature, float(value), use or RecordUse((), ())))
        for feature, value in zip(schema.features, values, strict=True)
    )


def summary(use: RecordUse) -> str:
    """How much of a record a model used, in a few words.

    Examples:
        >>> summary(RecordUse(("age", "sex"), ("view",)))
        '2 of 3 clinical values, without view'
    """
    total = len(use.used) + len(use.missing) + len(use.refused)
    text = f"{len(use.used)} of {total} clinical values"
    if not use.used or not use.missing:
        return text
    fewer = len(use.missing) <= len(use.used)
    return f"{text}, without {', '.join(use.missing)}" if fewer else f"{text}: {', '.join(use.used)}"


def remarks(use: RecordUse) -> list[str]:
    """What is out of the ordinary about a record, a line each: what was refused and why, what is new to the model.

    Examples:
        >>> remarks(RecordUse((), ("sex",), {"age": "age is 612 a, outside the plausible 0 to 120 a"}))
        ['refused: age is 612 a, outside the plausible 0 to 120 a']
    """
    kinds = ((REFUSED, use.refused), (UNSEEN, use.unseen), ("not used", use.unknown))
    return [f"{kind}: {reason}" for kind, reasons in kinds for reason in dict.fromkeys(reasons.values())]


def unit_in_words(feature: Feature) -> str:
    """A feature's unit as people write it; nothing for categories and bare numbers.

    Examples:
        >>> unit_in_words(Schema.load("mimic-ed")["temperature"])
        '°C'
    """
    return _UNITS.get(feature.unit, feature.unit) if feature.unit else ""


def _text(feature: Feature, value: float, use: RecordUse) -> str:
    if feature.name in use.refused:
        return REFUSED
    if math.isnan(value):
        return MISSING
    if feature.kind == "category":
        text = feature.categories[int(value)]
    else:
        text = f"{round(value, 1):g} {unit_in_words(feature)}".strip()
    return f"{text} ({UNSEEN})" if feature.name in use.unseen else text
