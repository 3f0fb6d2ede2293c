"""The last gate before the network: implausible values become missing, whoever gave them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mdfnet.clinical.plausible import pairs
from mdfnet.clinical.schema import Schema


class Screen(nn.Module):
    """Turns implausible values to NaN: ``[B, F]`` -> ``[B, F]``, float32.

    These are numbers outside the schema's plausible range, what is no index of a category, and both of two numbers that
    contradict each other (:data:`mdfnet.clinical.plausible.NEVER_BELOW`). A few operations on the batch's own device,
    without waiting for it; :mod:`mdfnet.clinical.use` puts them into words.

    Examples:
        >>> screen = Screen(Schema.load("age-sex-view"))
        >>> screen(torch.tensor([[61, 1, 0], [612, 2, 0.5]]))
        tensor([[61.,  1.,  0.],
                [nan, nan, nan]])
    """

    low: Tensor
    high: Tensor
    whole: Tensor

    def __init__(self, schema: Schema):
        super().__init__()
        features = schema.features
        low = [0.0 if feature.kind == "category" else feature.low for feature in features]
        high = [len(feature.categories) - 1.0 if feature.kind == "category" else feature.high for feature in features]
        for name, ends in (("low", low), ("high", high)):
            self.register_buffer(name, torch.tensor(ends), persistent=False)
        whole = torch.tensor([feature.kind == "category" for feature in features])
        self.register_buffer("whole", whole, persistent=False)
        self.pairs = pairs(schema)

    def forward(self, clinical: Tensor) -> Tensor:
        clinical = clinical.float()
        plausible = (clinical >= self.low) & (clinical <= self.high) & ~(self.whole & (clinical % 1 != 0))
        kept = clinical.masked_fill(~plausible, torch.nan)
        for upper, lower in self.pairs:
            below = kept[:, upper] < kept[:, lower]
            kept[:, upper].masked_fill_(below, torch.nan)
            kept[:, lower].masked_fill_(below, torch.nan)
        return kept
