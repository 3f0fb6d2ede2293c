"""A record as it was sent, read for the model; and how it was used, for the answer."""

from __future__ import annotations

from datetime import datetime

from mdfnet.clinical.records import RecordResult, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.core.types import RecordUse
from mdfnet.data.importers.fhir import record_from_fhir
from mdfnet.data.importers.measurements import Matching
from mdfnet.services.serve.answers import Clinical
from mdfnet.services.serve.questions import FhirBundle, Record
from mdfnet.services.serve.refusals import Refused

#: Key under which the answer's notes have what was left out of a FHIR bundle.
FHIR = "FHIR"


def read_clinical(
    schema: Schema, given: Record | FhirBundle | None, taken: datetime | None, matching: Matching
) -> RecordResult:
    """Read a record or a bundle as it was sent; implausible values become missing and are noted.

    ``matching`` says which values of a bundle count for an image ``taken`` then. Refused is a bundle of several
    patients, what is no FHIR, and a unit that does not fit.
    """
    try:
        notes: dict[str, int] = {}
        if isinstance(given, FhirBundle):
            content = given.model_dump()
            record, notes = record_from_fhir([content], schema, taken, matching=matching)
        else:
            record = given.values if given is not None else {}
            if "resourceType" in record:
                raise UserError("FHIR, but no Bundle", fix="put Patient and Observation into one Bundle")
        result = read_record(schema, record, invalid="missing", unknown="note")
    except UserError as error:
        raise Refused.of(error, "record") from None
    if notes:
        said = "; ".join(f"{sentence} ({count})" for sentence, count in notes.items())
        return RecordResult(result.values, {**result.notes, FHIR: said})
    return result


def clinical_answer(schema: Schema, given: RecordResult, use: RecordUse | None) -> Clinical | None:
    """How a record was used; None where the model looks at images alone."""
    if use is None:
        return None
    values = {
        feature.name: feature.categories[int(value)] if feature.kind == "category" else float(str(value))
        for feature, value in zip(schema.features, given.values, strict=True)
        if feature.name in use.used
    }
    return Clinical(
        values=dict.fromkeys(schema.names) | values,
        used=list(use.used),
        missing=list(use.missing),
        refused=dict(use.refused),
        unseen=list(use.unseen),
        notes={**use.unseen, **use.unknown},
    )
