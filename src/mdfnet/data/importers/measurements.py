"""Clinical records of images from measurements: for each feature the last value at or before the image's time."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mdfnet.clinical.records import Invalid, format_value, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.core.csv_tables import Row, format_table, read_table
from mdfnet.core.errors import UserError
from mdfnet.data.importers.common import IMAGE_COLUMNS, implausible

#: Columns of the table that says when each image was taken; ``time`` may be absent.
PATIENT, TIME = "patient_id", "time"

_UNTIMED = "images without a time: the last value of all was taken, even if it is from after the image"


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
    """Which value belongs to an image."""

    within: float = 24.0  #: Hours before the image from which a value counts
    #: Time zone of times without an offset, such as ``Europe/Berlin``; needed only if others have one
    zone: str | None = None
    invalid: Invalid = "missing"  #: "missing" turns implausible values to missing, with a count

    def instant(self, time: datetime) -> datetime:
        """A time with its offset, where that can be known."""
        if time.tzinfo or not self.zone:
            return time
        try:
            return time.replace(tzinfo=ZoneInfo(self.zone))
        except (ZoneInfoNotFoundError, ValueError):
            raise UserError(f"unknown time zone {self.zone!r}", fix="such as Europe/Berlin or UTC") from None


def patients_of(metadata: str | Path) -> set[str]:
    """The patients of a table of images."""
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

    ``metadata`` has image_id, patient_id and, where known, time (ISO 8601) of each image. Its columns file, split and
    view go along, and so does every feature that it has: that value then counts. ``measured`` has values by patient in
    any order.
    """
    table = read_table(metadata)
    table.require("image_id", PATIENT)
    table.by("image_id")
    kept = [name for name in IMAGE_COLUMNS if name in table.columns and name not in schema.names]
    timed, notes = TIME in table.columns, Counter[str]()
    if not timed:
        notes[_UNTIMED] = len(table)
    histories: dict[str, _History] = {}
    rows = []
    for row in table:
        patient = row[PATIENT]
        if patient not in histories:
            histories[patient] = _History(measured.get(patient, ()), matching)
        if patient not in persons:
            notes["images whose patient is not in the records"] += 1
        taken = _time(row, matching)
        given = histories[patient].at(taken, timed, notes) | _of_person(persons.get(patient), taken, schema)
        given |= {name: row[name] for name in schema.names if row.cells.get(name)}
        known = {name: value for name, value in given.items() if name in schema.names}
        record = read_record(schema, known, where=row.where, invalid=matching.invalid)
        notes.update(map(implausible, record.notes))
        rows.append([*(row[name] for name in kept), *map(format_value, schema.features, record.values)])
    return MatchedRecords(format_table([*kept, *schema.names], rows), len(rows), +notes)


def record_of_patient(
    person: Person | None, measured: Iterable[Measurement], schema: Schema, taken: datetime | None, matching: Matching
) -> tuple[dict[str, Any], Counter[str]]:
    """What counts for one image of one patient: feature -> value and unit, and what was left out: sentence -> count.

    Where it is not known when the image was taken, the last value of all counts, and there is no age.
    """
    taken = taken and matching.instant(taken)
    notes = Counter({_UNTIMED: 1} if taken is None else {})
    given = _History(measured, matching).at(taken, taken is not None, notes)
    return given | _of_person(person, taken, schema), +notes


class _History:
    """What was measured of one patient, by feature and in the order of time."""

    def __init__(self, measured: Iterable[Measurement], matching: Matching):
        self.within = timedelta(hours=matching.within)
        self.values: dict[str, list[tuple[datetime, Measurement]]] = defaultdict(list)
        self.untimed = 0
        for one in measured:
            if one.time is None:
                self.untimed += 1
            else:
                self.values[one.feature].append((matching.instant(one.time), one))
        try:
            for values in self.values.values():
                values.sort(key=itemgetter(0))
        except TypeError:
            raise _mixed_times() from None

    def at(self, taken: datetime | None, timed: bool, notes: Counter[str]) -> dict[str, Any]:
        """Feature -> value and unit that count for an image taken then; ``timed``: times of images are known."""
        found: dict[str, Any] = {}
        if timed and taken is None:
            notes["images with an empty time: nothing measured was taken"] += 1
            return found
        for feature, values in self.values.items():
            try:
                end = len(values) if taken is None else bisect.bisect_right(values, taken, key=itemgetter(0))
            except TypeError:
                raise _mixed_times() from None
            if end and (taken is None or values[end - 1][0] >= taken - self.within):
                last = values[end - 1][1]
                found[feature] = {"value": last.value, "unit": last.unit} if last.unit else last.value
        notes["measurements without a time, left out"] += self.untimed
        self.untimed = 0  # counted once
        return found


def _of_person(person: Person | None, taken: datetime | None, schema: Schema) -> dict[str, Any]:
    if person is None:
        return {}
    given: dict[str, Any] = {name: person.sex for name in ("sex", "gender") if name in schema.names and person.sex}
    if "age" in schema.names and person.born and taken:
        given["age"] = {"value": (taken.date() - person.born).days / 365.25, "unit": "a"}
    return given


def _time(row: Row, matching: Matching) -> datetime | None:
    text = row.cells.get(TIME)
    if not text:
        return None
    try:
        return matching.instant(datetime.fromisoformat(text))
    except ValueError:
        fix = "such as 2024-03-01T08:05:00 or 2024-03-01 08:05"
        raise UserError("the time is not ISO 8601", where=row.where, fix=fix) from None


def _mixed_times() -> UserError:
    what = "some times have an offset from UTC, others have none"
    return UserError(what, fix="say with --zone in which time zone those without are, such as Europe/Berlin")
