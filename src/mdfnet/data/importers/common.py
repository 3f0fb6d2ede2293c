"""What all importers share: how tables are to be read, the table of images, and the last steps to a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

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
from mdfnet.data.names import image_id
from mdfnet.data.split import FRACTIONS, split_by_patient

#: Columns of the images' table that are no clinical features; all but the first may be absent.
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
    """How to read the tables.

    Args:
        columns: Name of a feature or of one of the importer's own columns -> column of the file, where they differ.
        units: Feature name -> UCUM unit its column is in, where it is not the schema's.
        invalid: "error", or "missing" to turn values that cannot be right to missing, with a count.
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

    def check_columns(self, known: Sequence[str]) -> None:
        """Make sure that only known names are given a column.

        Raises:
            UserError: Another name is.
        """
        for name in self.columns:
            if name not in known:
                raise UserError(f"column given for unknown {name!r}", fix=nearest(name, known))


@dataclass(frozen=True)
class ImportResult:
    """An imported dataset, not yet written.

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
    """The table of images: clinical records, and where known file, patient, split and view."""

    path: Path | None
    clinical: ClinicalTable
    schema: Schema
    options: ImportOptions
    notes: Counter[str]
    used: set[str | None] = field(default_factory=set)

    @classmethod
    def read(cls, path: str | Path | None, schema: Schema, options: ImportOptions) -> ImageTable:
        """Read it; without a path nothing is known about any image.

        Raises:
            UserError: See `read_clinical_table`.
        """
        if path is None:
            return cls(
                None, ClinicalTable((), np.empty((0, len(schema)), np.float32), {}, (), ()), schema, options, Counter()
            )
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
        unread = {f"columns not read: {', '.join(clinical.unused)}": len(clinical.unused)} if clinical.unused else {}
        notes = Counter(unread) + Counter(
            {f"values of {name} that cannot be right, now missing": count for name, count in clinical.invalid.items()}
        )
        return cls(Path(path), clinical, schema, options, notes)

    def row_of(self, name: str) -> str | None:
        """Id of the row about an image: its file name, with or without folder and suffix."""
        base = PurePosixPath(name).name
        candidates = (name, image_id(name), base, image_id(base))
        return next((candidate for candidate in candidates if candidate in self.clinical.index), None)

    def text(self, row: str | None, name: str) -> str | None:
        """Cell of one of `IMAGE_COLUMNS`, None where it is empty or the column absent."""
        texts = self.clinical.extra.get(self.options.column(name))
        return (texts[self.clinical.index[row]] or None) if texts and row is not None else None

    def sample(self, identifier: str, row: str | None, image: Path, size: tuple[int, int], target: Target) -> Sample:
        """A sample with what the table says about the image.

        Raises:
            UserError: Unknown split or view.
        """
        if row is None:
            self.notes["images without a row in the images' table"] += 1
        self.used.add(row)
        clinical = self.clinical.record(row)
        patient = self.text(row, "patient_id") or identifier
        split, view = self._one_of(row, "split", SPLITS), self._one_of(row, "view", VIEWS)
        return Sample(identifier, image, *size, target, clinical, patient, split, view)

    def unused_rows(self) -> Counter[str]:
        """The note on rows that no sample was made from."""
        return Counter({"clinical rows that belong to no image, left out": len(set(self.clinical.ids) - self.used)})

    def _one_of(self, row: str | None, name: str, known: Sequence[str]) -> str | None:
        text = self.text(row, name)
        if text is None or text in known:
            return text
        if self.options.invalid == "error" or name == "split":
            where = f"{self.path} row {self.clinical.numbers[self.clinical.index[row]]}"
            raise UserError(f"{name} is {quoted(text)}, not one of {', '.join(known)} or empty", where=where)
        self.notes[f"values of {name} that cannot be right, now missing"] += name not in self.schema.names
        return None

    def dataset(
        self, samples: Sequence[Sample], classes: Classes, info: DatasetInfo, notes: Counter[str]
    ) -> ImportResult:
        """The last steps: splits where there are none, and all notes together.

        Raises:
            UserError: There are no images.
        """
        if not samples:
            raise UserError("there are no images", where=self.path)
        if all(sample.split is None for sample in samples):
            samples = split_by_patient(samples, self.options.fractions, self.options.seed)
            notes["images that had no split and were split by patient"] = len(samples)
        unsplit = sum(sample.split is None for sample in samples)
        notes["images that stay without a split"] = unsplit
        dataset = Dataset(classes=classes, schema=self.schema, samples=tuple(samples), folder=Path(), **vars(info))
        return ImportResult(dataset, {note: count for note, count in (self.notes + notes).items() if count})
