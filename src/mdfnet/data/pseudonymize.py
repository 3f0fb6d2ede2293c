"""A dataset in which patients and images go by pseudonyms."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from mdfnet.core.csv_tables import format_table
from mdfnet.core.files import replacing
from mdfnet.core.pseudonyms import IMAGE, Pseudonyms
from mdfnet.data.dataset import Dataset


def pseudonymized(dataset: Dataset, names: Pseudonyms) -> Dataset:
    """The dataset with keyed hashes for patients and for images: an image's name is often its accession number.

    Order, splits and everything else stay as they are.

    Examples:
        >>> from mdfnet.clinical.schema import Schema
        >>> from mdfnet.core.types import Classes, Sample, Target
        >>> sample = Sample("4711", Path("4711.png"), 8, 8, Target.of([], []), None, patient="Doe")
        >>> dataset = Dataset("one", Classes(("Mass",)), Schema.load("age-sex-view"), (sample,), Path())
        >>> hidden = pseudonymized(dataset, Pseudonyms(b"a key for this example, not a secret"))
        >>> hidden.samples[0].id, hidden.samples[0].patient
        ('film-c65231207bb6de58', 'patient-811371fab62c99de')
    """
    samples = []
    for sample in dataset.samples:
        image = names.of(IMAGE, sample.id)
        patient = image if sample.patient == sample.id else names.of("patient", sample.patient)
        samples.append(replace(sample, id=image, patient=patient))
    return replace(dataset, samples=tuple(samples))


def write_linkage(path: str | Path, before: Dataset, after: Dataset) -> None:
    """Write the table that leads back from `pseudonymized` images and patients; only its owner can read it."""
    rows = [
        (hidden.id, sample.id, hidden.patient, sample.patient)
        for hidden, sample in zip(after.samples, before.samples, strict=True)
    ]
    text = format_table(["image", "original_image", "patient", "original_patient"], rows)
    with replacing(path) as draft:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
