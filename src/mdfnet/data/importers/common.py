"""What all importers share: how tables are to be read, the table of images, and the last steps to a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mdfnet.clinical.records import Invalid
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import ClinicalTable, read_clinical_table
from mdfnet.core.conventions import SPLITS, VIEWS
from mdfnet.core.csv_tables import read_table
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.pseudonyms import quoted
from mdfnet.core.types import Classes, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.images.intensity import AS_IS, Intensity
from mdfnet.data.names import image_id, names_of
from mdfnet.data.split import FRACTIONS, split_by_patient

#: Columns of the table of images that are no clinical features; all but the first may be absent.
IMAGE_COLUMNS = ("image_id", "file", "patient_id", "split", "view")


@dataclass(frozen=True)
class DatasetInfo:
    """What a dataset says about itself; see `mdfnet.data.dataset.Dataset`."""

    name: str
    source: str = ""
    license: str = ""
    synthetic: tuple[str, ...] = ()
    intensity: Intensity = AS_IS


@dataclass(frozen=True)
class ImportOptions:
    """How an importer reads its tables.

    Args:
        columns: Name of a feature or of one of the importer's own columns -> column of the file, where they differ.
        units: Feature name -> UCUM unit its column is in, where it is not the schema's.
        invalid: "error", or "missing" to turn implausible values to missing, with a count.
        fractions, seed: For `split_by_patient`, where no image has a split yet.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    invalid: Invalid = "error"
    fractions: Mapping[str, float] = field(default_factory=lambda: FRACTIONS)
    seed: int = 0

    def column(self, name: str) -> str:
        """The file's column for a name."""
        return self.columns.get(name, name)


@dataclass(frozen=True)
class ImportResult:
    """What an importer gives: a dataset that is not yet written.

    Args:
        dataset: The dataset; its images lie where they were.
        notes: What was left out or turned to missing: sentence -> count.
        left_out: Files of a folder that were left out -> why.
    """

    dataset: Dataset
    notes: Mapping[str, int]
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageTable:
    """The table of images (``metadata``): clinical records, and where known file, patient, split and view.

    ``notes`` counts what is left out or turned to missing while samples are made.
    """

    path: Path | None
    clinical: ClinicalTable
    schema: Schema
    options: ImportOptions
    notes: Counter[str] = field(default_factory=Counter)
    used: set[str] = field(default_factory=set)

    @classmethod
    def read(
        cls, path: str | Path | None, schema: Schema, options: ImportOptions | None, other_columns: Sequence[str] = ()
    ) -> ImageTable:
        """Read it; without a path nothing is known about any image. ``options`` may name ``other_columns``, too."""
        options = options or ImportOptions()
        known = (*schema.names, *IMAGE_COLUMNS, *other_columns)
        for name in options.columns:
            if name not in known:
                raise UserError(f"column given for unknown {name!r}", fix=nearest(name, known))
        if path is None:
            return cls(None, ClinicalTable((), np.empty((0, len(schema)), np.float32), {}, (), ()), schema, options)
        columns = read_table(path).columns
        extra = [name for name in IMAGE_COLUMNS[1:] if options.column(name) in columns or name in options.columns]
        clinical = read_clinical_table(
            path,
            schema,
            id_column=options.column("image_id"),
            extra=[options.column(name) for name in extra],
            columns={name: column for name, column in options.columns.items() if name in schema.names},
            units=options.units,
            invalid=options.invalid,
            unused="ignore",
        )
        table = cls(Path(path), clinical, schema, options)
        if clinical.unused:
            table.notes[f"columns not read: {', '.join(clinical.unused)}"] = len(clinical.unused)
        for name, count in clinical.invalid.items():
            table.notes[implausible(name)] = count
        return table

    def sample(
        self,
        name: str,
        image: Path,
        size: tuple[int, int],
        target: Target,
        *,
        patient: str = "",
        split: str | None = None,
        view: str | None = None,
        spacing: tuple[float, float] | None = None,
    ) -> Sample:
        """A sample with what the table says of the image; where it says nothing, patient, split and view as given."""
        row = next((candidate for candidate in names_of(name) if candidate in self.clinical.index), None)
        if row is not None:
            self.used.add(row)
        elif self.path is not None:
            self.notes["images without a row in the table of images"] += 1
        return Sample(
            image_id(name),
            image,
            *size,
            target,
            self.clinical.record(row),
            self.text(row, "patient_id") or patient,
            self._one_of(row, "split", SPLITS) or split,
            self._one_of(row, "view", VIEWS) or view,
            spacing,
        )

    def text(self, row: str | None, name: str) -> str | None:
        """Cell of one of `IMAGE_COLUMNS`, None where it is empty or the column absent."""
        texts = self.clinical.extra.get(self.options.column(name))
        return (texts[self.clinical.index[row]] or None) if texts and row is not None else None

    def _one_of(self, row: str | None, name: str, known: Sequence[str]) -> str | None:
        text = self.text(row, name)
        if row is None or text is None or text in known:
            return text
        if self.options.invalid == "error" or name == "split":
            where = f"{self.path} row {self.clinical.numbers[self.clinical.index[row]]}"
            raise UserError(f"{name} is {quoted(text)}, not one of {', '.join(known)} or empty", where=where)
        self.notes[implausible(name)] += name not in self.schema.names
        return None

    def result(
        self, samples: Sequence[Sample], classes: Classes, info: DatasetInfo, left_out: Mapping[str, str] | None = None
    ) -> ImportResult:
        """The last steps: splits where there are none, and all notes."""
        if not samples:
            raise UserError("there are no images", where=self.path)
        self.notes["clinical rows that belong to no image, left out"] = len(set(self.clinical.ids) - self.used)
        if all(sample.split is None for sample in samples):
            samples = split_by_patient(samples, self.options.fractions, self.options.seed)
            self.notes["images that had no split and were split by patient"] = len(samples)
        self.notes["images that stay without a split"] = sum(sample.split is None for sample in samples)
        dataset = Dataset(classes=classes, schema=self.schema, samples=tuple(samples), folder=Path(), **vars(info))
        return ImportResult(dataset, +self.notes, left_out or {})


def implausible(name: str) -> str:
    """The note on a feature's implausible values."""
    return f"implausible values of {name}, now missing"


def classes_named(names: Sequence[str] | None, found: Iterable[str], where: object) -> Classes:
    """The classes asked for, else those found, sorted."""
    classes = tuple(names or sorted(set(found)))
    if not classes:
        raise UserError("no boxes, so no classes are known", where=where, fix="name the classes")
    return Classes(classes)


def check_size(size: tuple[int, int], given: tuple[object, object], where: object) -> None:
    """Make sure that annotations are for an image of this width and height."""
    if tuple(map(str, size)) != tuple(map(str, given)):
        what = f"the image has {size[0]} x {size[1]} pixels, not {given[0]} x {given[1]}"
        raise UserError(what, where=where, fix="boxes must be in pixels of this image")
