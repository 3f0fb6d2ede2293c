"""The patient's record at the time of an image: from a FHIR server, from a table, and from the image's own header."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydicom import Dataset

from mdfnet.clinical.records import RecordResult, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.core.conventions import VIEWS
from mdfnet.core.csv_tables import Row, read_table
from mdfnet.core.errors import UserError
from mdfnet.data.images.dicom import age_of
from mdfnet.data.importers.fhir import SYNONYMS, record_from_fhir
from mdfnet.data.importers.measurements import PATIENT, TIME, Matching, Measurement, record_of_patient
from mdfnet.services.pacs.archive import Rejected, Unreachable
from mdfnet.services.pacs.settings import FhirRecord, NoRecord, TableRecord
from mdfnet.services.pacs.suitable import taken_at
from mdfnet.services.pacs.web import HttpClient

#: More pages than this about one patient and one day are a server that goes in circles.
MOST_PAGES = 100

#: Observations asked for at a time.
PAGE = 200


class RecordSource(Protocol):
    """Where records come from."""

    def values(self, source: Dataset) -> dict[str, Any]:
        """What is known of an image's patient at its time: feature -> value, or value and unit."""


def record_source(settings: FhirRecord | TableRecord | NoRecord, schema: Schema) -> RecordSource:
    """The source of records that the config names."""
    if isinstance(settings, FhirRecord):
        return FhirRecords(settings, schema)
    return TableRecords(settings, schema) if isinstance(settings, TableRecord) else NoRecords()


def record_for(source: Dataset, records: RecordSource, schema: Schema) -> RecordResult:
    """The record for an image; sex, age and view of its header where the record does not have them.

    Implausible values are missing, with a note.
    """
    values = {name: value for name, value in own_values(source).items() if name in schema.names}
    values |= {name: value for name, value in records.values(source).items() if name in schema.names}
    return read_record(schema, values, where="record", invalid="missing")


def own_values(source: Dataset) -> dict[str, Any]:
    """What an image's header says of its patient and itself.

    Examples:
        >>> image = Dataset()
        >>> image.PatientSex, image.PatientAge, image.ViewPosition = "F", "061Y", "PA"
        >>> own_values(image)
        {'sex': 'F', 'gender': 'F', 'age': 61.0, 'view': 'PA'}
    """
    sex, view = str(source.get("PatientSex") or ""), str(source.get("ViewPosition") or "").strip().upper()
    known: dict[str, Any] = {name: sex for name in ("sex", "gender") if sex in ("F", "M")}
    age = age_of(source)
    if age is not None:
        known["age"] = age
    return known | ({"view": view} if view in VIEWS else {})


class FhirRecords:
    """A FHIR R4 server: the patient by identifier, then what was measured before the image.

    The LOINC codes of the model's schema say what is asked for.
    """

    def __init__(self, settings: FhirRecord, schema: Schema):
        self.settings, self.schema = settings, schema
        self.server = HttpClient(settings, "the FHIR server")
        codes = [feature.loinc for feature in schema.features if feature.loinc and feature.kind == "number"]
        both = [*codes, *(other for code in codes for other in SYNONYMS.get(code, ()))]
        panels = ["85354-9", "55284-4"] if "8480-6" in codes or "8462-4" in codes else []  # blood pressure
        self.codes = ",".join(f"http://loinc.org|{code}" for code in (*both, *panels))
        self.matching = Matching(settings.within, settings.zone, "missing")

    def values(self, source: Dataset) -> dict[str, Any]:
        patient, taken = str(source.get("PatientID") or "").strip(), taken_at(source, self.settings.zone)
        if not patient or taken is None:
            return {}
        system = f"{self.settings.system}|" if self.settings.system else ""
        identifier = {"identifier": f"{system}{patient}"}
        persons = [person for person in self._all("Patient", identifier) if person.get("id")]
        if len({person["id"] for person in persons}) > 1:
            raise UserError("the identifier is that of several patients", fix="name its system in the config")
        if not persons:
            return {}
        since = taken - timedelta(hours=self.settings.within)
        asked: dict[str, Any] = {
            "patient": persons[0]["id"],
            "code": self.codes,
            "date": [f"ge{since.isoformat()}", f"le{taken.isoformat()}"],
            "_sort": "-date",
            "_count": PAGE,
        }
        resources = [persons[0], *self._all("Observation", asked)]
        assume = self.settings.assume_units
        return record_from_fhir(resources, self.schema, taken, assume=assume, matching=self.matching)[0]

    def _all(self, kind: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Resources of a kind from all pages of an answer."""
        url, params = f"/{kind}", dict(asked)
        for _ in range(MOST_PAGES):
            try:
                page = self.server.json(url, params=params, headers={"Accept": "application/fhir+json"})
            except Rejected as no:
                raise Unreachable(str(no)) from None  # never detect without a record because a question was wrong
            page = page if isinstance(page, dict) else {}
            for entry in page.get("entry") or ():
                resource = entry.get("resource") if isinstance(entry, dict) else None
                if isinstance(resource, dict) and resource.get("resourceType") == kind:
                    yield resource
            following = [link.get("url") for link in page.get("link") or () if link.get("relation") == "next"]
            if not following:
                return
            after = self.server.here(str(following[0]))
            if after is None:
                raise Unreachable("the FHIR server continues on another server")
            url, params = after, {}
        raise Unreachable(f"the FHIR server gave more than {MOST_PAGES} pages")


class TableRecords:
    """A CSV with patient_id, time and features; read again when the file changes."""

    def __init__(self, settings: TableRecord, schema: Schema):
        self.settings, self.schema = settings, schema
        self.matching = Matching(settings.within, settings.zone, "missing")
        self.stamp: tuple[int, int] | None = None
        self.measured: dict[str, list[Measurement]] = {}
        self._read()

    def values(self, source: Dataset) -> dict[str, Any]:
        try:
            self._read()
        except UserError as error:  # it may be in the middle of being written
            raise Unreachable(f"the table of records: {error.what}") from None
        patient, taken = str(source.get("PatientID") or "").strip(), taken_at(source, self.settings.zone)
        if not patient or taken is None:
            return {}
        return record_of_patient(None, self.measured.get(patient, ()), self.schema, taken, self.matching)[0]

    def _read(self) -> None:
        try:
            status = self.settings.file.stat()
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror}", where=self.settings.file) from None
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self.stamp:
            return
        table = read_table(self.settings.file)
        table.require(PATIENT, TIME)
        measured: dict[str, list[Measurement]] = defaultdict(list)
        for row in table:
            measured[row[PATIENT]].extend(self._of(row))
        self.measured, self.stamp = dict(measured), stamp

    def _of(self, row: Row) -> Iterator[Measurement]:
        try:
            time = datetime.fromisoformat(row[TIME])
        except ValueError:
            what = "the time is not ISO 8601"
            raise UserError(what, where=row.where, fix="such as 2024-03-01T08:05:00") from None
        for feature in self.schema.features:
            if row.cells.get(feature.name):
                cell = row.decimal(feature.name) if feature.kind == "number" else row[feature.name]
                yield Measurement(feature.name, cell, None, time)


class NoRecords:
    """A source that knows nothing; what the image's header says is added by `record_for`."""

    def values(self, source: Dataset) -> dict[str, Any]:
        return {}
