"""The clinical table as arrays, also where its values cannot be right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mdfnet.clinical.schema import Feature
from mdfnet.core.csv_tables import Row
from mdfnet.core.errors import UserError
from mdfnet.data.checks.raw import RawDataset


@dataclass(frozen=True)
class Columns:
    """Clinical values of the images that have one row, in the file's order.

    Args:
        images: Their names.
        rows: Where each stands in ``clinical.csv``.
        patients: Patient of each, ``[N]``.
        values: Feature name -> float64 ``[N]`` in the schema's unit, whatever range; categories as their index; NaN
            where missing or unreadable.
        features: The features that have a column.
    """

    images: tuple[str, ...]
    rows: np.ndarray
    patients: np.ndarray
    values: dict[str, np.ndarray]
    features: tuple[Feature, ...]

    @classmethod
    def read(cls, raw: RawDataset) -> Columns | None:
        """None where the table or the schema cannot be read."""
        if raw.clinical is None or raw.description is None or "image" not in raw.clinical.columns:
            return None
        rows: dict[str, Row] = {}
        for row in raw.clinical:
            if row["image"] in raw.labels:
                rows.setdefault(row["image"], row)
        schema = raw.description.clinical_schema
        features = tuple(feature for feature in schema.features if feature.name in raw.clinical.columns)
        return cls(
            tuple(rows),
            np.array([row.number for row in rows.values()], int),
            np.array([raw.patients[name] for name in rows]),
            {feature.name: np.array([_value(row, feature) for row in rows.values()], float) for feature in features},
            features,
        )

    def __len__(self) -> int:
        return len(self.images)

    def marked(self, raw: RawDataset) -> dict[str, np.ndarray]:
        """Class name -> bool ``[N]``, which images show it; classes without any are left out."""
        marked = {
            label: np.array([category_id in raw.labels[name] for name in self.images], bool)
            for category_id, label in raw.category_names.items()
        }
        return {label: mask for label, mask in marked.items() if mask.any()}

    def boxed(self, raw: RawDataset) -> np.ndarray:
        """bool ``[N]``, which images have a box of any class."""
        return np.array([bool(raw.labels[name]) for name in self.images], bool)

    def scores(self, feature: Feature) -> dict[str, np.ndarray]:
        """What a column says as numbers: a number as it is, a category as one column of 0 and 1 for each but one."""
        values = self.values[feature.name]
        if feature.kind == "number":
            return {feature.name: values}
        shown = feature.categories[1:] if len(feature.categories) == 2 else feature.categories
        return {
            f"{feature.name} {name}": np.where(
                np.isnan(values), np.nan, (values == feature.categories.index(name)).astype(float)
            )
            for name in shown
        }

    def design(self) -> np.ndarray:
        """All columns ``[N, F]`` for a regression: missing numbers at the mean, and a column for every missingness."""
        parts = []
        for feature in self.features:
            for values in self.scores(feature).values():
                known = values[~np.isnan(values)]
                parts.append(np.where(np.isnan(values), known.mean() if len(known) else 0.0, values))
            missing = np.isnan(self.values[feature.name])
            if 0 < missing.sum() < len(self):
                parts.append(missing.astype(float))
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
