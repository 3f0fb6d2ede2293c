"""Clinical records for images out of FHIR R4: Patient and Observation, in bundles or as NDJSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mdfnet.clinical.schema import Feature, Schema
from mdfnet.clinical.units import UNITS
from mdfnet.core.errors import UserError, first_problem
from mdfnet.core.files import read_json, read_text
from mdfnet.data.importers.fhir_resources import Component, Observation, Patient, Quantity
from mdfnet.data.importers.measurements import (
    MatchedRecords,
    Matching,
    Measurement,
    Person,
    record_of_patient,
    records_of_images,
)

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"

#: Code of a schema -> other codes under which servers send the same: arterial saturation (US Core sends both), and the
#: pain score of MIMIC-IV-on-FHIR.
SYNONYMS = {"59408-5": ("2708-6",), "72514-3": ("98137-3",)}

#: Answers to 75636-1, Emergency Severity Index, which LOINC has as codes.
ANSWERS = {"LA21567-5": 1, "LA21752-3": 2, "LA21753-1": 3, "LA21754-9": 4, "LA21755-6": 5}

#: Units as people write them -> UCUM code.
_SPELLINGS = {
    **{"F": "[degF]", "degF": "[degF]", "°F": "[degF]", "C": "Cel", "degC": "Cel", "°C": "Cel"},
    **{"mmHg": "mm[Hg]", "bpm": "/min", "breaths/min": "/min", "beats/min": "/min", "{score}": "1"},
}
_FINAL = ("final", "amended", "corrected", "preliminary")


def records_from_fhir(
    files: Iterable[str | Path],
    metadata: str | Path,
    schema: Schema,
    *,
    assume: dict[str, str] | None = None,
    matching: Matching | None = None,
) -> MatchedRecords:
    """A clinical table for images out of FHIR resources; ``patient_id`` of the images is a Patient's id or identifier.

    Which Observation is which feature follows from the schema's LOINC codes and `SYNONYMS`; blood pressure is found as
    a panel's components or by itself. Values without a number, with a data-absent reason, withdrawn or of an unknown
    status are left out and counted.

    Args:
        files: Bundles (JSON) or bulk exports (``.ndjson``, one resource a line).
        metadata, schema, matching: See `mdfnet.data.importers.measurements.records_of_images`.
        assume: Feature -> UCUM unit of values that come without one.
    """
    found = _Collected(schema, assume or {})
    for path in files:
        for place, resource in _resources(Path(path)):
            found.add(resource, place)
    records = records_of_images(metadata, found.persons, found.measured_by_name(), schema, matching or Matching())
    return replace(records, notes={**found.notes, **records.notes})


def record_from_fhir(
    resources: Iterable[dict[str, Any]],
    schema: Schema,
    taken: datetime | None = None,
    *,
    assume: dict[str, str] | None = None,
    matching: Matching | None = None,
) -> tuple[dict[str, Any], dict[str, int]]:
    """One patient's record at the time of an image, out of resources in memory; see `records_from_fhir`.

    Args:
        resources: Patient and Observation, bundles of them, or a mixture; all of the same patient.
        schema: The features wanted.
        taken: When the image was taken; None: the last value of all counts, and there is no age.
        assume, matching: See `records_from_fhir`.

    Returns:
        Values as `mdfnet.clinical.records.read_record` takes them, and what was left out: sentence -> count.

    Raises:
        UserError: Not FHIR, of several patients, a unit that is unknown or missing, or times that do not compare.

    Examples:
        >>> heart_rate = {
        ...     "resourceType": "Observation",
        ...     "status": "final",
        ...     "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        ...     "valueQuantity": {"value": 118, "unit": "bpm"},
        ...     "effectiveDateTime": "2024-03-01T08:05:00Z",
        ... }
        >>> record_from_fhir([heart_rate], Schema.load("mimic-ed"))[0]
        {'heartrate': {'value': 118.0, 'unit': '/min'}}
    """
    found = _Collected(schema, assume or {})
    for number, content in enumerate(resources, 1):
        for place, resource in _in_bundle(content, f"resource {number}"):
            found.add(resource, place)
    measured = found.measured_by_name()
    patients = {found.owner.get(name, name) for name in (*found.owner, *measured)} - {""}
    if len(patients) > 1:
        raise UserError(f"resources of {len(patients)} patients", fix="give those of the image's patient alone")
    values = {id(one): one for several in measured.values() for one in several}  # by each name of the patient again
    person = next(iter(found.persons.values()), None)
    record, notes = record_of_patient(person, values.values(), schema, taken, matching or Matching())
    return record, {**found.notes, **notes}


class _Collected:
    """What has been read of all files."""

    def __init__(self, schema: Schema, assume: dict[str, str]):
        self.schema, self.assume = schema, assume
        self.features: dict[str, Feature] = {}
        for feature in schema.features:
            if feature.loinc:
                self.features |= dict.fromkeys((feature.loinc, *SYNONYMS.get(feature.loinc, ())), feature)
        self.persons: dict[str, Person] = {}
        self.owner: dict[str, str] = {}
        self.measured: dict[str, list[Measurement]] = defaultdict(list)
        self.notes: Counter[str] = Counter()

    def add(self, resource: dict[str, Any], place: str) -> None:
        """Take a resource in; kinds other than Patient and Observation are passed over."""
        try:
            if resource.get("resourceType") == "Patient":
                self._add_patient(Patient.model_validate(resource), place)
            elif resource.get("resourceType") == "Observation":
                self._add_observation(Observation.model_validate(resource), place)
        except ValidationError as error:
            raise UserError(f"not FHIR R4: {first_problem(error)}", where=place) from None

    def measured_by_name(self) -> dict[str, list[Measurement]]:
        """Measurements by every name of a patient."""
        of_owner: dict[str, list[Measurement]] = defaultdict(list)
        for name, measured in self.measured.items():
            of_owner[self.owner.get(name, name)].extend(measured)
        return {name: of_owner[owner] for name, owner in self.owner.items()} | of_owner

    def _add_patient(self, patient: Patient, place: str) -> None:
        names = [name for name in (patient.id, *(one.value for one in patient.identifier)) if name]
        for name in names:
            if self.owner.setdefault(name, names[0]) != names[0]:
                fix = "give them in different runs, or remove the identifier from one"
                raise UserError("an identifier is that of two patients", where=place, fix=fix)
        if not names or names[0] in self.persons:  # the same patient comes in many bundles
            return
        sex = {"male": "M", "female": "F"}.get(patient.gender or "")
        if sex is None:
            self.notes["patients whose gender is other, unknown or absent: missing"] += 1
        person = Person(sex, _day(patient.birthDate))
        if person.born is None:
            self.notes["patients without a date of birth"] += 1
        self.persons.update(dict.fromkeys(names, person))

    def _add_observation(self, observation: Observation, place: str) -> None:
        parts = [(self._feature(part), part) for part in (observation, *observation.component)]
        wanted = [(feature, part) for feature, part in parts if feature is not None]
        if not wanted:
            self.notes["observations of something else, passed over"] += 1
            return
        if observation.status not in _FINAL:
            self.notes["observations withdrawn, registered only or of an unknown status, left out"] += 1
            return
        subject = (observation.subject and observation.subject.reference) or ""
        patient = subject.rpartition("/")[2].removeprefix("urn:uuid:")
        for feature, part in wanted:
            value = self._value(feature, part, place)
            if value is not None:
                self.measured[patient].append(Measurement(feature.name, *value, observation.time))

    def _feature(self, part: Component) -> Feature | None:
        codes = part.code.coding if part.code else ()
        known = (self.features.get(one.code or "") for one in codes if one.system == LOINC)
        return next((feature for feature in known if feature), None)

    def _value(self, feature: Feature, part: Component, place: str) -> tuple[float, str | None] | None:
        """Value and unit."""
        if part.number is not None and not part.dataAbsentReason:
            return part.number, self._unit(part.valueQuantity, feature, place)
        answers = part.valueCodeableConcept.coding if part.valueCodeableConcept else ()
        for one in answers:
            if one.code in ANSWERS:
                return ANSWERS[one.code], None
        is_panel = isinstance(part, Observation) and part.component
        self.notes["values absent or without a number, left out"] += not is_panel
        return None

    def _unit(self, quantity: Quantity | None, feature: Feature, place: str) -> str | None:
        given = (quantity.code if quantity.system == UCUM and quantity.code else quantity.unit) if quantity else None
        if not given:
            unit = self.assume.get(feature.name, "1" if feature.unit == "1" else None)
            if unit is None:
                fix = f"say which with --assume-unit, such as --assume-unit {feature.name}={feature.unit}"
                raise UserError(f"{feature.name} has no unit", where=place, fix=fix)
            return unit
        unit = _SPELLINGS.get(given, given)
        if not any(unit in codes for codes in UNITS.values()):
            raise UserError(f"{feature.name} is in an unknown unit {given!r}", where=place, fix="units are UCUM codes")
        return unit


def _resources(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and content of every resource of a file; ids by which a bundle refers to its own are made theirs."""
    if path.suffix != ".ndjson":
        yield from _in_bundle(read_json(path), str(path))
        return
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            place = f"{path} row {number}"
            try:
                content = json.loads(line)
            except ValueError:
                raise UserError("not JSON", where=place) from None
            if not isinstance(content, dict):
                raise UserError("no FHIR resource", where=place)
            yield place, content


def _in_bundle(content: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A resource itself, or those of a bundle."""
    if not isinstance(content, dict) or "resourceType" not in content:
        raise UserError("no FHIR resource", where=place, fix="give a Bundle as JSON, or resources as .ndjson")
    if content["resourceType"] != "Bundle":
        yield place, content
        return
    entries = content.get("entry") or ()
    if not isinstance(entries, list | tuple):
        raise UserError("the bundle's entry is no list", where=place)
    for number, entry in enumerate(entries, 1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            raise UserError("the entry has no resource", where=f"{place} entry {number}")
        url = str(entry.get("fullUrl") or "")
        if url.startswith("urn:uuid:") and resource.get("resourceType") == "Patient":
            alias = {"value": url.removeprefix("urn:uuid:")}
            known = resource.get("identifier")
            resource = resource | {"identifier": [*(known if isinstance(known, list) else ()), alias]}
        yield f"{place} entry {number}", resource


def _day(text: str | None) -> date | None:
    """FHIR's date, which may be a year or a month alone: 1 July, or the first."""
    parts = (text or "").split("-")
    try:
        year, month, day = (int(part) for part in (*parts, *["07", "01"][len(parts) - 1 :]))
        return date(year, month, day)
    except ValueError:
        return None
