"""Clinical records of images from measurements: for each feature the last value at or before the image's time."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from mdfnet.clinical.records import Invalid, format_value, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.core.csv_tables import Row, format_table, read_table
from mdfnet.core.errors import UserError
from mdfnet.data.importers.common import IMAGE_COLUMNS

#: Columns of the table that says when each image was taken; ``time`` may be absent.
PATIENT, TIME = "patient_id", "time"


class Measurement(NamedTuple):
    """One value: what, in which unit, when (None where that is not known)."""

    feature: str
    value: float | str
    unit: str | None
    time: datetime | None


@dataclass(frozen=True)
class Person:
    """What does not change: sex as the schema's category, date of birth; None where unknown."""

    sex: str | None
    born: date | None


@dataclass(frozen=True)
class MatchedRecords:
    """A clinical table for images, as text, and what was left out or turned to missing: sentence -> count."""

    text: str
    images: int
    notes: Mapping[str, int]


@dataclass(frozen=True)
class Matching:
    """Which value belongs to an image.

    Args:
        within: Hours before the image from which a value counts.
        zone: Time zone that times without an offset are in, such as ``Europe/Berlin``. Needed only where some times
            have an offset and others have none.
        invalid: "error", or "missing" to turn values that cannot be right to missing, with a count.
    """

    within: float = 24.0
    zone: str | None = None
    invalid: Invalid = "missing"

    def instant(self, time: datetime) -> datetime:
        """A time with its offset, where that can be known."""
        return time if time.tzinfo or not self.zone else time.replace(tzinfo=_zone(self.zone))


def patients_of(metadata: str | Path) -> set[str]:
    """The patients of a table of images.

    Raises:
        UserError: No such table, or it has no ``patient_id``.
    """
    table = read_table(metadata)
    table.require("image_id", PATIENT)
    return {row[PATIENT] for row in table}


def records_of_images(
    metadata: str | Path,
    persons: Mapping[str, Person],
    measured: Mapping[str, Iterable[Measurement]],
    schema: Schema,
    matching: Matching,
) -> MatchedRecords:
    """A clinical table with one row per image, for ``--metadata`` of the imports.

    Args:
        metadata: Table with image_id, patient_id and, where known, time (ISO 8601) of each image. Its columns file,
            split and view go along, and so does every feature that it has: that value then counts.
        persons: By patient.
        measured: By patient, in any order.
        schema: The features wanted.
        matching: Which value counts.

    Raises:
        UserError: The table is malformed, a time cannot be read, times with and without offset meet, or a value cannot
            be right.
    """
    table = read_table(metadata)
    table.require("image_id", PATIENT)
    table.by("image_id")
    kept = [name for name in IMAGE_COLUMNS if name in table.columns and name not in schema.names]
    notes: Counter[str] = Counter()
    if TIME not in table.columns:
        notes["images without a time: the last value of all was taken, even if it is from after the image"] = len(table)
    histories: dict[str, _History] = {}
    rows = []
    for row in table:
        patient = row[PATIENT]
        if patient not in histories:
            histories[patient] = _History(measured.get(patient, ()), matching)
        if patient not in persons:
            notes["images whose patient is not in the records"] += 1
        taken = _time(row, matching)
        given = _at(histories[patient], taken, TIME in table.columns, matching, notes)
        given |= _of_person(persons.get(patient), taken, schema)
        given |= {name: row[name] for name in schema.names if row.cells.get(name)}
        values = _values(schema, given, row, matching, notes)
        rows.append([*(row[name] for name in kept), *map(format_value, schema.features, values)])
    return MatchedRecords(format_table([*kept, *schema.names], rows), len(rows), +notes)


def record_of_patient(
    person: Person | None, measured: Iterable[Measurement], schema: Schema, taken: datetime | None, matching: Matching
) -> tuple[dict[str, object], Counter[str]]:
    """What counts for one image of one patient: feature -> value and unit, and what was left out: sentence -> count.

    Args:
        person, measured: Of the patient.
        schema: The features wanted.
        taken: When the image was taken; None: the last value of all counts, and there is no age.
        matching: Which value counts.

    Raises:
        UserError: Times with and without offset meet.
    """
    notes: Counter[str] = Counter()
    taken = taken and matching.instant(taken)
    if taken is None:
        notes["images without a time: the last value of all was taken, even if it is from after the image"] = 1
    given = _at(_History(measured, matching), taken, taken is not None, matching, notes)
    return given | _of_person(person, taken, schema), +notes


class _History:
    """What was measured of one patient, by feature and in the order of time."""

    def __init__(self, measured: Iterable[Measurement], matching: Matching):
        self.values: dict[str, list[Measurement]] = defaultdict(list)
        self.untimed = 0
        for one in measured:
            if one.time is None:
                self.untimed += 1
            else:
                self.values[one.feature].append(one._replace(time=matching.instant(one.time)))
        for values in self.values.values():
            try:
                values.sort(key=lambda one: one.time)
            except TypeError:
                raise _mixed_times() from None


def _at(
    history: _History, taken: datetime | None, timed: bool, matching: Matching, notes: Counter[str]
) -> dict[str, object]:
    """Feature -> value and unit that count for an image taken then."""
    found: dict[str, object] = {}
    if timed and taken is None:
        notes["images with an empty time: nothing measured was taken"] += 1
        return found
    for feature, values in history.values.items():
        end = len(values)
        if taken is not None:
            try:
                end = bisect.bisect_right(values, taken, key=lambda one: one.time)
            except TypeError:
                raise _mixed_times() from None
        if end and (taken is None or values[end - 1].time >= taken - timedelta(hours=matching.within)):
            last = values[end - 1]
            found[feature] = {"value": last.value, "unit": last.unit} if last.unit else last.value
    notes["measurements without a time, left out"] += history.untimed
    history.untimed = 0
    return found


def _of_person(person: Person | None, taken: datetime | None, schema: Schema) -> dict[str, object]:
    if person is None:
        return {}
    given: dict[str, object] = {name: person.sex for name in ("sex", "gender") if name in schema.names and person.sex}
    if "age" in schema.names and person.born and taken:
        given["age"] = {"value": (taken.date() - person.born).days / 365.25, "unit": "a"}
    return given


def _values(
    schema: Schema, given: Mapping[str, object], row: Row, matching: Matching, notes: Counter[str]
) -> np.ndarray:
    known = {name: value for name, value in given.items() if name in schema.names}
    record = read_record(schema, known, where=row.where, invalid=matching.invalid)
    for name in record.notes:
        notes[f"values of {name} that cannot be right, now missing"] += 1
    return record.values


def _time(row: Row, matching: Matching) -> datetime | None:
    text = row.cells.get(TIME)
    if not text:
        return None
    try:
        return matching.instant(datetime.fromisoformat(text))
    except ValueError:
        what = "the time is not ISO 8601"
        raise UserError(what, where=row.where, fix="such as 2024-03-01T08:05:00 or 2024-03-01 08:05") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UserError(f"unknown time zone {name!r}", fix="such as Europe/Berlin or UTC") from None


def _mixed_times() -> UserError:
    what = "some times have an offset from UTC, others have none"
    return UserError(what, fix="say with --zone in which time zone those without are, such as Europe/Berlin")
