"""How each value of a batch of records was used: used, missing, refused, or used though unseen in training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

import numpy as np

from mdfnet.clinical.plausible import out_of_range, swapped, with_unit
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Seen
from mdfnet.core.arrays import Bools, Floats
from mdfnet.core.types import RecordUse

#: How a value of the model's features may be used; what is unseen is used, too.
KINDS = ("used", "missing", "refused", "unseen")


def uses_of(
    schema: Schema, seen: Seen | None, given: Floats, kept: Floats, notes: Sequence[Mapping[str, str]]
) -> list[RecordUse]:
    """Say how each record was used.

    Text is made only where something is refused or unseen; all else is array operations. Of the values ``[B, F]``
    given, the network saw those kept: NaN also where refused. ``notes`` has, per record, name -> reason of what was not
    used when the record was read.

    Examples:
        >>> schema = Schema.load("age-sex-view")
        >>> given, kept = np.array([[612, 1, np.nan]]), np.array([[np.nan, 1, np.nan]])
        >>> (use,) = uses_of(schema, None, given, kept, [{}])
        >>> use.used, use.missing, list(use.refused)
        (('sex',), ('view',), ['age'])
    """
    known = ~np.isnan(kept)
    refused = ~known & ~np.isnan(given)
    unseen = known & _unseen(schema, seen, kept)
    uses = []
    for row, note in enumerate(notes):
        reasons = {name: why for name, why in note.items() if name in schema.names}
        if refused[row].any():
            reasons |= _reasons(schema, given[row], refused[row])
        used, rest = compress(schema.names, known[row]), compress(schema.names, ~known[row])
        missing = tuple(name for name in rest if name not in reasons)
        flagged = _unseen_reasons(schema, seen, kept[row], unseen[row]) if seen and unseen[row].any() else {}
        unknown = {name: why for name, why in note.items() if name not in schema.names}
        uses.append(RecordUse(tuple(used), missing, reasons, flagged, unknown))
    return uses


def count_uses(uses: Iterable[RecordUse | None]) -> dict[str, dict[str, int]]:
    """On how many images each feature was used, missing, refused, or used though unseen in training.

    Examples:
        >>> count_uses([RecordUse(("age",), ("sex",)), RecordUse((), ("sex",), {"age": "why"}), None])["age"]
        {'used': 1, 'missing': 0, 'refused': 1, 'unseen': 0}
    """
    counts: dict[str, dict[str, int]] = {}
    for use in uses:
        for kind in KINDS if use is not None else ():
            for name in getattr(use, kind):
                counts.setdefault(name, dict.fromkeys(KINDS, 0))[kind] += 1
    return counts


def _reasons(schema: Schema, given: Floats, refused: Bools) -> dict[str, str]:
    reasons = swapped(schema, given)
    for position in np.flatnonzero(refused):
        feature, value = schema.features[position], float(given[position])
        if feature.kind == "category":
            last, names = len(feature.categories) - 1, ", ".join(feature.categories)
            reasons[feature.name] = f"{feature.name} is {value:g}, not an index 0 to {last} of {names}"
        elif not feature.low <= value <= feature.high:
            reasons[feature.name] = out_of_range(feature, value, feature.unit)
    return {name: reasons[name] for name in compress(schema.names, refused)}


def _unseen(schema: Schema, seen: Seen | None, values: Floats) -> Bools:
    unseen = np.zeros(values.shape, bool)
    for position, had in enumerate(seen or ()):
        column = values[:, position]
        if schema.features[position].kind == "category" or not had:
            unseen[:, position] = ~np.isin(column, had)
        else:
            low, high = np.asarray(had, np.float32)
            unseen[:, position] = (column < low) | (column > high)
    return unseen


def _unseen_reasons(schema: Schema, seen: Seen, values: Floats, unseen: Bools) -> dict[str, str]:
    reasons = {}
    for position in np.flatnonzero(unseen):
        feature, value, had = schema.features[position], float(values[position]), seen[position]
        if feature.kind == "category":
            what, known = feature.categories[int(value)], ", ".join(feature.categories[int(index)] for index in had)
        else:
            what, ends = with_unit(f"{value:g}", feature.unit), " to ".join(f"{end:g}" for end in had)
            known = ends and with_unit(ends, feature.unit)
        reasons[feature.name] = f"{feature.name} is {what}, training had {known or 'none'}"
    return reasons
