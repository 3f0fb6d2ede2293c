"""What is known about the patient when the image is taken: which measurement counts, and what its text means."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum

import duckdb
import numpy as np

from mdfnet.clinical.schema import NumberFeature, Schema
from mdfnet.clinical.units import convert
from mdfnet.core.arrays import Floats
from mdfnet.core.errors import UserError
from mdfnet.data.mimic.rules import Rules, Values, Vitals
from mdfnet.data.mimic.tables import ColumnKinds, TableFiles, interval, load

#: The measurements of MIMIC-IV-ED, as its two tables call them; acuity is given at triage only.
MEASURED = ("temperature", "heartrate", "resprate", "o2sat", "sbp", "dbp", "pain", "acuity")
TRIAGE_COLUMNS: ColumnKinds = {"stay_id": "key", **dict.fromkeys(MEASURED, "text")}
VITALSIGN_COLUMNS: ColumnKinds = {"stay_id": "key", "charttime": "time", **dict.fromkeys(MEASURED[:-1], "text")}
PATIENT_COLUMNS: ColumnKinds = {"subject_id": "key", "gender": "text", "anchor_age": "number", "anchor_year": "number"}

#: MIMIC-IV-ED records temperatures in this unit, and now and then in degrees Celsius.
TEMPERATURE_UNIT = "[degF]"

#: "No pain" in words. Everything else that is not a number (asleep, unable, intubated) says nothing about pain.
_NO_PAIN = {"denies", "denies pain", "no pain", "none", "no"}
_OUT_OF_TEN = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*10")


class Fate(StrEnum):
    """What a cell gave: its value as it is, converted, refused as implausible, or none."""

    kept = "kept"
    converted = "converted"
    refused = "refused"
    missing = "missing"


def schema_of(rules: Rules) -> Schema:
    """The schema of the values: ``mimic-ed``, or for raw values the same with MIMIC's units and no ranges.

    Examples:
        >>> schema_of(Rules())["temperature"].unit, schema_of(Rules(values=Values.raw))["temperature"].unit
        ('Cel', '[degF]')
    """
    schema = Schema.load("mimic-ed")
    if rules.values == Values.checked:
        return schema
    features = [
        feature.model_copy(update={"low": -1e6, "high": 1e6}) if feature.kind == "number" else feature
        for feature in schema.features
    ]
    position = schema.index("temperature")
    features[position] = features[position].model_copy(update={"unit": TEMPERATURE_UNIT})
    return Schema(name="mimic-ed-raw", features=tuple(features))


def read_value(feature: NumberFeature, text: str | None) -> tuple[float, Fate]:
    """A cell of MIMIC-IV-ED in the feature's unit, NaN where refused or missing, and what the cell gave.

    Temperatures are Fahrenheit; a number that is a body temperature only in degrees Celsius is taken for that (the two
    ranges are far apart). Pain may be text: ``7/10`` is 7, ``denies`` is 0. What is not a number or lies outside the
    feature's range is refused.

    Examples:
        >>> schema = Schema.load("mimic-ed")
        >>> [round(read_value(schema["temperature"], text)[0], 1) for text in ("98.6", "37.0", "986")]
        [37.0, 37.0, nan]
        >>> read_value(schema["pain"], "7/10"), read_value(schema["dbp"], "879")
        ((7.0, <Fate.converted: 'converted'>), (nan, <Fate.refused: 'refused'>))
    """
    if text is None or not text.strip():
        return math.nan, Fate.missing
    number, fate = _number(feature, text.strip())
    if feature.name == "temperature" and feature.unit != TEMPERATURE_UNIT:
        celsius = convert(number, TEMPERATURE_UNIT, feature.unit)
        if feature.low <= number <= feature.high:
            fate = Fate.converted
        else:
            number = celsius
    return (number, fate) if feature.low <= number <= feature.high else (math.nan, Fate.refused)


def load_vitals(database: duckdb.DuckDBPyConnection, tables: Mapping[str, TableFiles], rules: Rules) -> dict[str, int]:
    """Tables ``patients`` and ``triage``, and under the rule "last" ``vitalsign``; returns their numbers of rows."""
    counts = {
        "patients": load(database, tables["patients"], PATIENT_COLUMNS, unique="subject_id"),
        "triage": load(database, tables["triage"], TRIAGE_COLUMNS, unique="stay_id"),
    }
    if rules.vitals == Vitals.last:
        if "vitalsign" not in tables:
            fix = "expected ed/vitalsign.csv.gz beside the triage; or choose --vitals triage"
            raise UserError("no table of the vital signs", fix=fix)
        counts["vitalsign"] = load(database, tables["vitalsign"], VITALSIGN_COLUMNS)
    return counts


def records(
    database: duckdb.DuckDBPyConnection, schema: Schema, rules: Rules
) -> tuple[dict[str, Floats], dict[str, Counter[Fate]]]:
    """The clinical record of every image in the table ``wanted`` (``dicom_id``).

    Of each value the last measurement at or before the image counts, never a later one; one that is refused gives way
    to the one before. Triage counts as taken at the beginning of the stay. Age is anchor_age, plus the years from
    anchor_year to the image.

    Returns:
        Image -> float32 ``[F]``; and by feature how many images have a value as it is or converted, how many have
        none, and how many values were refused on the way.
    """
    latest: dict[str, list[tuple[str | None, ...]]] = defaultdict(list)
    for image, *cells in database.execute(_measurements(rules)).fetchall():
        latest[image].append(tuple(cells))
    numbers = {feature.name: feature for feature in schema.features if isinstance(feature, NumberFeature)}
    genders = schema["gender"].categories
    found, fates = {}, {name: Counter[Fate]() for name in schema.names}
    for image, age, gender in database.execute(_PERSONS).fetchall():
        values = _latest(numbers, latest[image], fates)
        values["age"], fate = read_value(numbers["age"], age)
        fates["age"][fate] += 1
        values["gender"] = genders.index(gender) if gender in genders else math.nan
        fates["gender"][Fate.kept if gender in genders else Fate.missing] += 1
        found[image] = np.array([values[name] for name in schema.names], np.float32)
    return found, fates


def fill_with_means(schema: Schema, values: Floats) -> tuple[Floats, dict[str, int]]:
    """Fill missing numbers of ``[N, F]`` with the mean of all rows, rounded to one decimal, as the paper did.

    Returns also how many were filled by feature.

    Examples:
        >>> schema = Schema.load("age-sex-view")
        >>> filled, counts = fill_with_means(schema, np.array([[60, 0, 0], [71, 1, np.nan], [np.nan, 1, 1]]))
        >>> filled[:, 0].tolist(), counts
        ([60.0, 71.0, 65.5], {'age': 1})
    """
    values, counts = values.copy(), {}
    for position, feature in enumerate(schema.features):
        column = values[:, position]
        gaps = np.isnan(column)
        if feature.kind == "number" and gaps.any() and not gaps.all():
            column[gaps] = round(float(column[~gaps].mean(dtype=np.float64)), 1)
            counts[feature.name] = int(gaps.sum())
    return values, counts


_PERSONS = """SELECT dicom_id, (anchor_age + year(time) - anchor_year)::VARCHAR, gender
    FROM wanted JOIN images USING (dicom_id) LEFT JOIN patients USING (subject_id)"""


def _measurements(rules: Rules) -> str:
    """SQL: image and the cells of `MEASURED`, the latest measurement first."""
    earliest = f"AND measured_at >= time - {interval(rules.within)}" if rules.within is not None else ""
    signs = ", ".join(MEASURED[:-1])
    later = f"UNION ALL SELECT stay_id, charttime, 1, row, {signs}, NULL FROM vitalsign"
    return f"""WITH measured AS (
            SELECT stay_id, intime AS measured_at, 0 AS later, triage.row, {", ".join(MEASURED)}
            FROM triage JOIN edstays USING (stay_id)
            {later if rules.vitals == Vitals.last else ""})
        SELECT dicom_id, {", ".join(MEASURED)}
        FROM wanted JOIN images USING (dicom_id) JOIN matches USING (dicom_id) JOIN measured USING (stay_id)
        WHERE measured_at <= time {earliest}
        ORDER BY dicom_id, measured_at DESC, later DESC, measured.row DESC"""


def _latest(
    numbers: Mapping[str, NumberFeature], rows: Sequence[Sequence[str | None]], fates: Mapping[str, Counter[Fate]]
) -> dict[str, float]:
    values = {}
    for position, name in enumerate(MEASURED):
        values[name], last = math.nan, Fate.missing
        for text in (row[position] for row in rows):
            number, fate = read_value(numbers[name], text)
            if fate == Fate.refused:
                fates[name][fate] += 1
            elif fate != Fate.missing:
                values[name], last = number, fate
                break
        fates[name][last] += 1
    return values


def _number(feature: NumberFeature, text: str) -> tuple[float, Fate]:
    try:
        return float(text), Fate.kept
    except ValueError:
        pass
    if feature.name == "pain":
        if found := _OUT_OF_TEN.fullmatch(text):
            return float(found[1]), Fate.converted
        if text.lower() in _NO_PAIN:
            return 0.0, Fate.converted
    return math.nan, Fate.refused
