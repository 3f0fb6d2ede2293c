"""The clinical scale as tensors, so that a model's state dict carries it like weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer

#: What the names of these tensors begin with. In a saved model ``model.json`` holds the scale instead.
SCALE = "fitted."


def scale_state(fitted: Standardizer, schema: Schema) -> dict[str, Tensor]:
    """``mean``, ``std`` and ``mode``, float64 ``[F]``, and what training had seen, ``[F, values]``.

    Rows of ``seen`` are filled up with infinity; all of it is minus infinity where that is not known. Keys and shapes
    depend on the schema alone, so that values of two models can be paired. Float64 and no buffers: the type of the
    weights does not round them.

    Examples:
        >>> import numpy as np
        >>> schema = Schema.load("age-sex-view")
        >>> fitted = Standardizer.fit(schema, np.array([[60, 0, 1], [70, 1, np.nan]]))
        >>> scale_state(fitted, schema)["fitted.seen"].tolist()
        [[60.0, 70.0], [0.0, 1.0], [1.0, inf]]
        >>> scale_of(scale_state(fitted, schema)).seen == fitted.seen
        True
    """
    state = {SCALE + name: torch.tensor(values, dtype=torch.float64) for name, values in fitted.to_dict().items()}
    width = max(2, *(len(feature.categories) for feature in schema.features))
    seen = torch.full((len(schema), width), -torch.inf if fitted.seen is None else torch.inf, dtype=torch.float64)
    for row, values in zip(seen, fitted.seen or (), strict=False):
        row[: len(values)] = torch.tensor(values, dtype=torch.float64)
    return {**state, f"{SCALE}seen": seen}


def scale_of(state: Mapping[str, Tensor]) -> Standardizer:
    """The inverse of :func:`scale_state`."""
    values = {key.removeprefix(SCALE): value.double().cpu() for key, value in state.items()}
    seen = values.pop("seen", None)
    had = None if seen is None or seen.isneginf().all() else [row[row.isfinite()].tolist() for row in seen]
    return Standardizer.from_dict(values, had)
