"""Clinical records for images out of the OMOP tables ``measurement`` and ``person``, CSV or Parquet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError, first_problem
from mdfnet.core.files import parse_yaml, read_text
from mdfnet.data.importers.measurements import (
    MatchedRecords,
    Matching,
    Measurement,
    Person,
    patients_of,
    records_of_images,
)

_MEASUREMENT = (
    *("person_id", "measurement_concept_id", "value_as_number", "unit_concept_id"),
    *("measurement_datetime", "measurement_date"),
)
_PERSON = ("person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth", "birth_datetime")


class Concepts(BaseModel):
    """What the concept ids of a site mean; ``clinical/omop.yaml`` is the shipped one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    measurements: dict[str, list[int]]  #: Feature -> ids of the measurements that are it
    units: dict[int, str]  #: Id of a unit -> UCUM code
    assume: dict[str, str] = {}  #: Feature -> UCUM code of measurements that have no unit
    genders: dict[int, str]  #: Id of a gender -> the schema's category

    @classmethod
    def read(cls, path: str | Path | None = None) -> Concepts:
        """Read a mapping; None: the shipped one."""
        text = shipped_mapping() if path is None else read_text(path)
        try:
            return cls.model_validate(parse_yaml(text, path))
        except ValidationError as error:
            raise UserError(first_problem(error), where=path, fix="see the shipped mapping") from None


def shipped_mapping() -> str:
    """The mapping that comes with the package, as YAML to start one's own from."""
    return (resources.files("mdfnet.clinical") / "omop.yaml").read_text(encoding="utf-8")


def records_from_omop(
    measurement: str | Path,
    person: str | Path,
    metadata: str | Path,
    schema: Schema,
    *,
    mapping: str | Path | None = None,
    matching: Matching | None = None,
) -> MatchedRecords:
    """A clinical table for images out of OMOP tables; ``patient_id`` of the images is OMOP's ``person_id``.

    A measurement that has a date and no time counts from the end of that day on, so that nothing from after the image
    gets in. Of a birth known by its year alone, 1 July is taken.

    Args:
        measurement, person: CSV (also ``.gz``) or Parquet.
        metadata, schema, matching: See `mdfnet.data.importers.measurements.records_of_images`.
        mapping: YAML file with the site's concepts; see `Concepts`.
    """
    concepts, notes = Concepts.read(mapping), Counter[str]()
    features = {one: name for name, ids in concepts.measurements.items() if name in schema.names for one in ids}
    patients = sorted(patients_of(metadata))
    with duckdb.connect() as database:
        persons = {row[0]: _person(row[1:], concepts, notes) for row in _rows(database, person, _PERSON, patients)}
        measured: dict[str, list[Measurement]] = defaultdict(list)
        wanted = f"try_cast(measurement_concept_id as bigint) in ({', '.join(map(str, features)) or 'null'})"
        for patient, concept, value, unit, *times in _rows(database, measurement, _MEASUREMENT, patients, wanted):
            feature, time = features[int(float(concept))], _time(*times)
            try:
                number = float(value)
            except ValueError:
                notes["measurements without a number, left out"] += 1
                continue
            if time is None:
                notes["measurements whose time cannot be read, left out"] += 1
                continue
            code = _unit(feature, unit, concepts, schema, measurement)
            measured[patient].append(Measurement(feature, number, code, time))
    records = records_of_images(metadata, persons, measured, schema, matching or Matching())
    return replace(records, notes={**notes, **records.notes})


def _rows(
    database: duckdb.DuckDBPyConnection,
    path: str | Path,
    columns: tuple[str, ...],
    patients: list[str],
    where: str = "",
) -> Iterator[tuple[str, ...]]:
    """The columns, as text, of the rows about these patients; empty where a column or a value is absent."""
    if not Path(path).is_file():
        raise UserError("no such file", where=path)
    kind = "read_parquet(?)" if Path(path).suffix == ".parquet" else "read_csv(?, all_varchar=true, header=true)"
    try:
        there = {row[0].lower() for row in database.execute(f"describe select * from {kind}", [str(path)]).fetchall()}
        for column in columns[:2]:
            if column not in there:
                fix = f"an OMOP table with {', '.join(columns)} is expected"
                raise UserError(f"no column {column!r}", where=path, fix=fix)
        cells = ", ".join(f"coalesce(cast({name} as varchar), '')" if name in there else "''" for name in columns)
        query = f"select {cells} from {kind} where cast(person_id as varchar) in (select unnest(?::varchar[]))"
        result = database.execute(f"{query} and {where}" if where else query, [str(path), patients])
        while part := result.fetchmany(100_000):
            yield from part
    except duckdb.Error:  # its message can quote a row
        raise UserError("not an OMOP table in CSV or Parquet, or damaged", where=path) from None


def _time(time: str, day: str) -> datetime | None:
    """A time, or the end of a day."""
    try:
        return datetime.fromisoformat(time) if time else datetime.fromisoformat(day) + timedelta(days=1, seconds=-1)
    except ValueError:
        return None


def _unit(feature: str, unit: str, concepts: Concepts, schema: Schema, where: object) -> str | None:
    identifier = int(float(unit)) if unit else 0
    if identifier in concepts.units:
        return concepts.units[identifier]
    if identifier:
        what = f"{feature} is in unit concept {identifier}, which the mapping does not have"
        raise UserError(what, where=where, fix="add it to 'units' of a mapping file, and give that with --mapping")
    if feature not in concepts.assume and schema[feature].unit != "1":
        fix = f"say which in a mapping file, such as 'assume: {{{feature}: {schema[feature].unit}}}'"
        raise UserError(f"{feature} has no unit", where=where, fix=fix)
    return concepts.assume.get(feature)


def _person(cells: Sequence[str], concepts: Concepts, notes: Counter[str]) -> Person:
    gender, year, month, day, birth = cells
    sex = concepts.genders.get(int(float(gender))) if gender else None
    if sex is None:
        notes["persons whose gender is not in the mapping, now missing"] += 1
    try:
        if birth:
            return Person(sex, datetime.fromisoformat(birth).date())
        born = date(int(float(year)), int(float(month or 7)), int(float(day or 1)))
    except ValueError:
        notes["persons without a date of birth"] += 1
        return Person(sex, None)
    if not month:
        notes["persons whose birth is known by its year alone: 1 July taken"] += 1
    return Person(sex, born)
