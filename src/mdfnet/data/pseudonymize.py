"""A dataset in which patients and films go by pseudonyms."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from mdfnet.core.csv_tables import format_table
from mdfnet.core.files import replacing
from mdfnet.core.pseudonyms import Pseudonyms
from mdfnet.core.types import Study
from mdfnet.data.dataset import Dataset


def pseudonymized(dataset: Dataset, names: Pseudonyms) -> Dataset:
    """The dataset with keyed hashes for patients and for films: a film's name is often its accession number.

    Order, splits and everything else stay as they are.

    Examples:
        >>> from mdfnet.clinical.schema import Schema
        >>> from mdfnet.core.types import Classes, Target
        >>> study = Study("4711", Path("4711.png"), 8, 8, Target.of([], []), None, patient="Doe")
        >>> dataset = Dataset("one", Classes(("Mass",)), Schema.load("age-sex-view"), (study,), Path())
        >>> hidden = pseudonymized(dataset, Pseudonyms(b"a key for this example, not a secret"))
        >>> hidden.studies[0].id, hidden.studies[0].patient
        ('film-c65231207bb6de58', 'patient-811371fab62c99de')
    """
    return replace(dataset, studies=tuple(_pseudonymized(study, names) for study in dataset.studies))


def _pseudonymized(study: Study, names: Pseudonyms) -> Study:
    film = names.of("film", study.id)
    patient = film if study.patient == study.id else names.of("patient", study.patient)
    return replace(study, id=film, patient=patient)


def write_linkage(path: str | Path, before: Dataset, after: Dataset) -> None:
    """Write the table that leads from pseudonyms back, for who may have it: readable by its owner alone.

    Args:
        path: CSV to write: film, original film, patient, original patient.
        before, after: The dataset before and after `pseudonymized`, in the same order.

    Raises:
        UserError: It cannot be written.
    """
    rows = [
        (hidden.id, study.id, hidden.patient, study.patient)
        for hidden, study in zip(after.studies, before.studies, strict=True)
    ]
    text = format_table(["film", "original_film", "patient", "original_patient"], rows)
    with replacing(path) as draft:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
