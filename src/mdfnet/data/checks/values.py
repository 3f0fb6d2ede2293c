"""Checks of clinical columns as wholes: empty, constant, filled, in several units, contradicting each other."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import TypeGuard

import numpy as np

from mdfnet.clinical.plausible import pairs
from mdfnet.clinical.schema import Feature, NumberFeature, Schema
from mdfnet.clinical.units import UNITS, convert, dimension
from mdfnet.core.arrays import Bools, Floats
from mdfnet.data.checks.columns import ClinicalColumns
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.names import CLINICAL

SPARSE = 0.5  #: A column missing in this share of the images is sparse
FEWEST_VALUES = 20  #: A column's distribution is judged from this many values on

#: Values beyond the quartiles by this many times the distance between them are outliers (Tukey's fence is 1.5).
FENCE = 4.5

#: A value that is the mean or median of the others is imputed where it has this share, and is so many times as
#: frequent as any other. Nurses chart respiratory rates of 16 and 18 about equally often, and their mean is 18
#: (MIMIC-IV-ED demo): a frequent mean alone says nothing.
FILLED, STANDS_OUT = 0.05, 2

#: Values that fit another unit are reported where at least so many, and this share of those that are far off, do.
FEWEST_MIXED, MIXED = 3, 0.5

#: Units that tables mix and UCUM has no two codes for: name -> factor to the schema's unit.
_FRACTIONS = {"a fraction of 1": 100.0}

OLD = 110  #: Ages in years at and beyond which a code is likelier than a patient
AGE_SPAN = 30  #: One patient's ages may differ by this many years: images of one patient span decades at most rarely
FEWEST_NUMBERS = 4  #: Clinical records of different patients are compared where they have this many numbers that vary

_AGE, _SEX = "30525-0", "46098-0"


def check_values(raw: RawDataset) -> Iterator[Finding]:
    """Each column by itself, then columns against each other."""
    columns = ClinicalColumns.read(raw)
    if columns is None:
        return
    for feature in columns.features:
        yield from _check_presence(columns, feature)
        if isinstance(feature, NumberFeature):
            yield from check_units(columns, feature)
            yield from check_distribution(columns, feature)
    yield from _check_pairs(columns)
    yield from _check_contradictions(columns)
    yield from _check_age(columns)
    yield from _check_records(columns)
    yield from _check_patients(columns)


def _at(kind: str, what: str, columns: ClinicalColumns, where: Bools) -> Finding:
    """A finding about some of the rows, of which the first is named."""
    return Finding(kind, what, CLINICAL, int(columns.rows[where][0]), count=int(where.sum()))


def _check_presence(columns: ClinicalColumns, feature: Feature) -> Iterator[Finding]:
    values, missing = columns.values[feature.name], columns.missing(feature)
    known = values[~missing]
    if not len(known):
        yield Finding("column-empty", f"column {feature.name!r} is empty", CLINICAL)
    elif len(known) > 1 and np.ptp(known) == 0:
        shown = f"{known[0]:g}" if feature.kind == "number" else feature.categories[int(known[0])]
        what = f"column {feature.name!r} is {shown} in every row that has it"
        yield Finding("column-constant", what, CLINICAL, count=len(known))
    elif missing.mean() >= SPARSE:
        what = f"column {feature.name!r} is missing in {missing.mean():.0%} of the images"
        yield Finding("column-sparse", what, CLINICAL, count=int(missing.sum()))


def check_units(columns: ClinicalColumns, feature: NumberFeature) -> Iterator[Finding]:
    """A column in another unit, or with values in another: implausible as they are, or far off, and plausible in it."""
    values = columns.values[feature.name]
    known = ~columns.missing(feature)
    plausible = known & (values >= feature.low) & (values <= feature.high)
    for unit, converted in _conversions(feature, values):
        fits = known & (converted >= feature.low) & (converted <= feature.high)
        if known.sum() >= FEWEST_MIXED and fits.sum() > 0.9 * known.sum() and plausible.sum() < 0.1 * known.sum():
            what = f"{fits.sum()} of {known.sum()} values of {feature.name!r} are plausible as {unit}, and"
            yield _at("unit-wrong", f"{what} {plausible.sum()} as {feature.unit}", columns, fits)
            return
        if plausible.sum() < FEWEST_VALUES:
            continue
        middle, spread = np.median(values[plausible]), _spread(values[plausible])
        off = known & (~plausible | (np.abs(values - middle) > 5 * spread))
        mixed = fits & (~plausible | (off & (np.abs(converted - middle) <= 4 * spread)))
        if mixed.sum() >= FEWEST_MIXED and mixed.sum() >= MIXED * off.sum():
            what = f"{mixed.sum()} of {known.sum()} values of {feature.name!r} look like {unit}, the others like"
            what = f"{what} {feature.unit}, such as {values[mixed][0]:g} beside a median of {middle:g}"
            yield _at("unit-mixed", what, columns, mixed)
            return


def _conversions(feature: NumberFeature, values: Floats) -> Iterator[tuple[str, Floats]]:
    """Each other unit the column might be in, and what its values would be in the schema's."""
    name = dimension(feature.unit)
    if name == "fraction":
        for unit, factor in _FRACTIONS.items():
            yield unit, values * factor
    for unit in UNITS[name]:
        if UNITS[name][unit] != UNITS[name][feature.unit]:
            yield unit, convert(values, unit, feature.unit)


def _spread(values: Floats) -> float:
    """Robust standard deviation, from the quartiles; of heaped values the plain one."""
    low, high = np.percentile(values, [25, 75])
    return float((high - low) / 1.349) or float(values.std()) or 1.0


def check_distribution(columns: ClinicalColumns, feature: NumberFeature) -> Iterator[Finding]:
    """Outliers, and a value that was likely imputed."""
    values = columns.values[feature.name]
    known = values[~np.isnan(values)]
    if len(known) < FEWEST_VALUES:
        return
    low, high = np.percentile(known, [25, 75])
    far = FENCE * (high - low)
    off = (values < low - far) | (values > high + far)
    if off.any() and high > low:
        worst = np.nanargmax(np.abs(values - np.median(known)))
        what = f"{feature.name!r} is far from its other values {off.sum()} times, such as {values[worst]:g} beside a"
        what = f"{what} middle half of {low:g} to {high:g}"
        yield Finding("value-outlier", what, CLINICAL, int(columns.rows[worst]), count=int(off.sum()))
    distinct, counts = np.unique(known, return_counts=True)
    top = counts.argmax()
    if counts[top] >= FILLED * len(known):
        yield from _check_filled(feature, distinct[top], known)


def _check_filled(feature: Feature, value: float, known: Floats) -> Iterator[Finding]:
    """Whether the most frequent value is the others' mean or median and far more frequent than any other."""
    others, count = known[known != value], int((known == value).sum())
    if len(others) < FEWEST_VALUES:
        return
    if count < STANDS_OUT * np.unique(others, return_counts=True)[1].max():
        return
    rounding = 0.0501 if value % 1 else 0.501
    is_mean = abs(value - others.mean()) <= max(rounding, 0.02 * _spread(others))
    is_median = abs((others < value).mean() - 0.5) <= max(0.01, 2 / len(others))
    if is_mean or is_median:
        what = f"{count} values of {feature.name!r} are {value:g}, the {'mean' if is_mean else 'median'} of the others"
        yield Finding("value-filled", what, CLINICAL, count=count)


def _check_pairs(columns: ClinicalColumns) -> Iterator[Finding]:
    for first, second in itertools.combinations(columns.features, 2):
        one, other = columns.values[first.name], columns.values[second.name]
        both = ~np.isnan(one) & ~np.isnan(other)
        if both.sum() < FEWEST_VALUES or np.ptp(one[both]) == 0 or np.ptp(other[both]) == 0:
            continue
        if abs(np.corrcoef(one[both], other[both])[0, 1]) > 0.9999:
            what = f"columns {first.name!r} and {second.name!r} carry the same information in {both.sum()} rows"
            yield Finding("columns-same", what, CLINICAL, count=int(both.sum()))


def _check_contradictions(columns: ClinicalColumns) -> Iterator[Finding]:
    """What the model refuses in a record; see `mdfnet.clinical.plausible.NEVER_BELOW`."""
    for above, below in pairs(Schema(name="columns", features=columns.features)):
        upper, lower = columns.features[above].name, columns.features[below].name
        wrong = columns.values[upper] < columns.values[lower]
        if wrong.any():
            yield _at("values-contradict", f"{upper!r} is below {lower!r} {wrong.sum()} times", columns, wrong)


def _is_age(feature: Feature) -> TypeGuard[NumberFeature]:
    return isinstance(feature, NumberFeature) and (feature.loinc == _AGE or feature.name == "age")


def _check_age(columns: ClinicalColumns) -> Iterator[Finding]:
    for feature in columns.features:
        if _is_age(feature):
            values = columns.values[feature.name]
            years = convert(values, feature.unit, "a")
            wrong = (years == 0) | ((years >= OLD) & (values <= feature.high))
            if wrong.any():
                what = f"{feature.name!r} is 0, or {OLD} years and more: {wrong.sum()} times"
                yield _at("age-unlikely", f"{what}, such as {years[wrong][0]:g}", columns, wrong)


def _check_records(columns: ClinicalColumns) -> Iterator[Finding]:
    """Numbers with at least one decimal of variety: ages and views alone repeat by chance."""
    numbers = [columns.values[feature.name] for feature in columns.features if feature.kind == "number"]
    if len(numbers) < FEWEST_NUMBERS:
        return
    table = np.stack(numbers, 1)
    seen: dict[bytes, int] = {}
    for index in np.flatnonzero((~np.isnan(table)).sum(1) >= FEWEST_NUMBERS).tolist():
        first = seen.setdefault(table[index].tobytes(), index)
        if columns.patients[first] != columns.patients[index]:
            what = f"all numbers are those of row {columns.rows[first]}, of another patient"
            images = (columns.images[first], columns.images[index])
            yield Finding("record-twice", what, CLINICAL, int(columns.rows[index]), images=images)


def _check_patients(columns: ClinicalColumns) -> Iterator[Finding]:
    groups = defaultdict(list)
    for index, patient in enumerate(columns.patients.tolist()):
        groups[patient].append(index)
    repeated = [group for group in groups.values() if len(group) > 1]
    for feature in columns.features:
        if feature.loinc == _SEX or feature.name in ("sex", "gender"):
            span = 0.0
        elif _is_age(feature):
            span = convert(AGE_SPAN, "a", feature.unit)
        else:
            continue
        values = columns.values[feature.name]
        for group in repeated:
            known = values[group][~np.isnan(values[group])]
            if len(known) > 1 and np.ptp(known) > span:
                rows = ", ".join(map(str, columns.rows[group][:4]))
                what = f"{feature.name!r} differs between images of one patient, rows {rows}"
                images = tuple(columns.images[index] for index in group)
                yield Finding("patient-contradicts", what, CLINICAL, int(columns.rows[group[0]]), images=images)
