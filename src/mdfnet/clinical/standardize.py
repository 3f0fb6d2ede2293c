"""What is fitted on the training split's clinical data: the scale of numbers and the most frequent categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdfnet.clinical.schema import Schema


@dataclass(frozen=True)
class Standardizer:
    """Mean, deviation and most frequent category per feature, in schema order.

    Args:
        mean, std: float64 ``[F]``, in schema units; of a category 0 and 1.
        mode: float64 ``[F]``, index of the most frequent category; of a number 0.
    """

    mean: np.ndarray
    std: np.ndarray
    mode: np.ndarray

    @classmethod
    def fit(cls, schema: Schema, values: np.ndarray) -> Standardizer:
        """Fit on the training split only.

        Args:
            values: float ``[N, F]`` with NaN where missing. A constant number gets deviation 1; one that is altogether
                missing also, and the middle of its plausible range as mean.

        Examples:
            >>> schema = Schema.load("age-sex-view")
            >>> fitted = Standardizer.fit(schema, np.array([[60, 0, 1], [70, 1, np.nan], [np.nan, 1, 1]]))
            >>> fitted.mean.tolist(), fitted.std.tolist(), fitted.mode.tolist()
            ([65.0, 0.0, 0.0], [5.0, 1.0, 1.0], [0.0, 1.0, 1.0])
        """
        fallback = cls.of_ranges(schema)
        mean, std, mode = fallback.mean.copy(), np.ones(len(schema)), np.zeros(len(schema))
        for i, feature in enumerate(schema.features):
            known = values[:, i][~np.isnan(values[:, i])].astype(np.float64)
            if not len(known):
                continue
            if feature.kind == "number":
                mean[i], std[i] = known.mean(), known.std() if np.ptp(known) else 1.0
            else:
                mode[i] = np.bincount(known.astype(np.int64)).argmax()
        return cls(mean, std, mode)

    @classmethod
    def of_ranges(cls, schema: Schema) -> Standardizer:
        """Before anything is fitted: the middle and a quarter of each plausible range."""
        mean, std = np.zeros(len(schema)), np.ones(len(schema))
        for i, feature in enumerate(schema.features):
            if feature.kind == "number":
                mean[i], std[i] = (feature.low + feature.high) / 2, (feature.high - feature.low) / 4
        return cls(mean, std, np.zeros(len(schema)))

    def to_dict(self) -> dict[str, list[float]]:
        """As JSON-able lists."""
        return {name: values.tolist() for name, values in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Standardizer:
        """Back from :meth:`to_dict`."""
        return cls(*(np.asarray(values[name], np.float64) for name in ("mean", "std", "mode")))
