"""The clinical scale as tensors, so that a model's state dict carries it like weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mdfnet.clinical.standardize import Standardizer

#: What the names of these tensors begin with. In a saved model ``model.json`` holds the scale instead.
SCALE = "fitted."


def scale_state(fitted: Standardizer) -> dict[str, Tensor]:
    """``mean``, ``std`` and ``mode``, float64 ``[F]``, and, if known, what training had seen, ``[F, values]``.

    Rows of ``seen`` are filled up with infinity. Float64 and no buffers: the type of the weights does not round them.

    Examples:
        >>> import numpy as np
        >>> fitted = Standardizer(np.array([65.0, 0]), np.array([5.0, 1]), np.array([0.0, 1]), ((60.0, 70.0), (1.0,)))
        >>> scale_state(fitted)["fitted.seen"].tolist()
        [[60.0, 70.0], [1.0, inf]]
        >>> scale_of(scale_state(fitted)).seen == fitted.seen
        True
    """
    state = {SCALE + name: torch.tensor(values, dtype=torch.float64) for name, values in fitted.to_dict().items()}
    if fitted.seen is not None:
        rows = [torch.tensor(row, dtype=torch.float64) for row in fitted.seen]
        state[f"{SCALE}seen"] = pad_sequence(rows, batch_first=True, padding_value=torch.inf)
    return state


def scale_of(state: Mapping[str, Tensor]) -> Standardizer:
    """The inverse of :func:`scale_state`."""
    values = {key.removeprefix(SCALE): value.double().cpu() for key, value in state.items()}
    seen = values.pop("seen", None)
    had = None if seen is None else [row[row.isfinite()].tolist() for row in seen]
    return Standardizer.from_dict(values, had)
