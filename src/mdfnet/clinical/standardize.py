"""What is fitted on the training split's clinical data: the scale of numbers and the most frequent categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Floats

#: Per feature: of a number the smallest and the largest value, of a category the indices; empty where never known.
Seen = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Standardizer:
    """Mean, deviation and most frequent category per feature, in schema order.

    Args:
        mean, std: float64 ``[F]``, in schema units; of a category 0 and 1.
        mode: float64 ``[F]``, index of the most frequent category; of a number 0.
        seen: What the training split had, see :data:`Seen`. None: not known, as before anything is fitted.
    """

    mean: Floats
    std: Floats
    mode: Floats
    seen: Seen | None = None

    @classmethod
    def fit(cls, schema: Schema, values: Floats) -> Standardizer:
        """Fit on values ``[N, F]`` of the training split only, NaN where missing.

        A constant number gets deviation 1; one that is altogether missing also, and the middle of its plausible range
        as mean.

        Examples:
            >>> schema = Schema.load("age-sex-view")
            >>> fitted = Standardizer.fit(schema, np.array([[60, 0, 1], [70, 1, np.nan], [np.nan, 1, 1]]))
            >>> fitted.mean.tolist(), fitted.std.tolist(), fitted.mode.tolist()
            ([65.0, 0.0, 0.0], [5.0, 1.0, 1.0], [0.0, 1.0, 1.0])
            >>> fitted.seen
            ((60.0, 70.0), (0.0, 1.0), (1.0,))
        """
        fallback = cls.of_ranges(schema)
        mean, std, mode = fallback.mean.copy(), np.ones(len(schema)), np.zeros(len(schema))
        seen: list[tuple[float, ...]] = [()] * len(schema)
        for i, feature in enumerate(schema.features):
            known = values[:, i][~np.isnan(values[:, i])].astype(np.float64)
            if not len(known):
                continue
            if feature.kind == "number":
                mean[i], std[i] = known.mean(), known.std() if np.ptp(known) else 1.0
                seen[i] = (float(known.min()), float(known.max()))
            else:
                mode[i] = np.bincount(known.astype(np.int64)).argmax()
                seen[i] = tuple(np.unique(known).tolist())
        return cls(mean, std, mode, tuple(seen))

    @classmethod
    def of_ranges(cls, schema: Schema) -> Standardizer:
        """Before anything is fitted: the middle and a quarter of each plausible range."""
        mean, std = np.zeros(len(schema)), np.ones(len(schema))
        for i, feature in schema.numbers.items():
            mean[i], std[i] = (feature.low + feature.high) / 2, (feature.high - feature.low) / 4
        return cls(mean, std, np.zeros(len(schema)))

    def to_dict(self) -> dict[str, list[float]]:
        """Mean, std and mode as JSON-able lists."""
        return {name: getattr(self, name).tolist() for name in ("mean", "std", "mode")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], seen: Sequence[Sequence[float]] | None = None) -> Standardizer:
        """Back from :meth:`to_dict`, and what was seen."""
        mean, std, mode = (np.asarray(values[name], np.float64) for name in ("mean", "std", "mode"))
        return cls(mean, std, mode, None if seen is None else tuple(map(tuple, seen)))
