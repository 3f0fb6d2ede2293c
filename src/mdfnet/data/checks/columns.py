"""The clinical table as arrays, implausible values included."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mdfnet.clinical.schema import Feature
from mdfnet.core.arrays import Array, Bools, Floats, Ints
from mdfnet.core.csv_tables import Row
from mdfnet.core.errors import UserError
from mdfnet.data.checks.raw import RawDataset


@dataclass(frozen=True)
class ClinicalColumns:
    """Clinical values of the images that have one row, in the file's order."""

    images: tuple[str, ...]  #: Their names
    rows: Ints  #: Row of each in ``clinical.csv``
    patients: Array  #: Patient of each, ``[N]``
    #: Feature name -> float64 ``[N]`` in the schema's unit, whatever range; categories as their index; NaN where
    #: missing or unreadable
    values: dict[str, Floats]
    features: tuple[Feature, ...]  #: The features that have a column

    @classmethod
    def read(cls, raw: RawDataset) -> ClinicalColumns | None:
        """None where the table or the schema cannot be read, or no row is about an image."""
        if raw.clinical is None or raw.description is None or "image" not in raw.clinical.columns:
            return None
        rows: dict[str, Row] = {}
        for row in raw.clinical:
            if row["image"] in raw.labels:
                rows.setdefault(row["image"], row)
        if not rows:
            return None
        schema = raw.description.clinical_schema
        features = tuple(feature for feature in schema.features if feature.name in raw.clinical.columns)
        return cls(
            tuple(rows),
            np.array([row.number for row in rows.values()], int),
            raw.patients_of(tuple(rows)),
            {feature.name: np.array([_value(row, feature) for row in rows.values()], float) for feature in features},
            features,
        )

    def __len__(self) -> int:
        return len(self.images)

    def missing(self, feature: Feature) -> Bools:
        """bool ``[N]``, where a feature is missing."""
        return np.isnan(self.values[feature.name])

    def groups(self, raw: RawDataset) -> dict[str, Bools]:
        """Class name -> bool ``[N]``, which images show it; classes without any are left out."""
        return {label: mask for label, mask in raw.groups(self.images).items() if mask.any()}

    def scores(self, feature: Feature) -> dict[str, Floats]:
        """A column as numbers: a number as it is, a category as one column of 0 and 1 for each, or for the second of
        two."""
        values = self.values[feature.name]
        if feature.kind == "number":
            return {feature.name: values}
        shown = feature.categories[1:] if len(feature.categories) == 2 else feature.categories
        indices = {name: feature.categories.index(name) for name in shown}
        return {
            f"{feature.name} {name}": np.where(np.isnan(values), np.nan, values == index)
            for name, index in indices.items()
        }

    def all_scores(self) -> Iterator[tuple[Feature, str, Floats]]:
        """The `scores` of all features one by one: feature, name of the score, and the score ``[N]``."""
        for feature in self.features:
            for name, scores in self.scores(feature).items():
                yield feature, name, scores

    def design(self) -> Floats:
        """All columns ``[N, F]`` for a regression: missing numbers at the mean, and a column for every missingness."""
        parts = []
        for _, _, values in self.all_scores():
            known = values[~np.isnan(values)]
            parts.append(np.where(np.isnan(values), known.mean() if len(known) else 0.0, values))
        gaps = (self.missing(feature) for feature in self.features)
        parts += [missing.astype(float) for missing in gaps if 0 < missing.sum() < len(self)]
        return np.stack(parts, 1) if parts else np.zeros((len(self), 0))


def _value(row: Row, feature: Feature) -> float:
    text = row[feature.name]
    if feature.kind == "category":
        return float(feature.categories.index(text)) if text in feature.categories else math.nan
    try:
        value = float(row.decimal(feature.name)) if text else math.nan
    except (ValueError, UserError):
        return math.nan
    return value if math.isfinite(value) else math.nan
