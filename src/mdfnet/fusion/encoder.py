"""From a patient's record to a clinical vector. Missing is NaN on the way in and information inside."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.errors import UserError


class Columns(nn.Module):
    """Which columns of ``[B, F]`` are numbers and which categories, and what was fitted on the training split.

    The fitted numbers are buffers that follow the module to its device, but are saved once, as JSON beside the weights.
    """

    def __init__(self, schema: Schema, fitted: Standardizer):
        super().__init__()
        self.numbers = [i for i, feature in enumerate(schema.features) if feature.kind == "number"]
        self.categories = [
            (i, len(feature.categories)) for i, feature in enumerate(schema.features) if feature.categories
        ]
        for name in ("mean", "std", "mode"):
            self.register_buffer(name, torch.zeros(len(schema)), persistent=False)
        self.fit(fitted)

    def fit(self, fitted: Standardizer) -> None:
        """Take over what was fitted on the training split."""
        for name in ("mean", "std", "mode"):
            getattr(self, name).copy_(torch.as_tensor(getattr(fitted, name)))

    def standardized(self, clinical: Tensor) -> Tensor:
        """Numbers ``[B, numbers]`` with mean 0 and deviation 1 over the training split; NaN where missing."""
        return ((clinical - self.mean) / self.std)[:, self.numbers]

    def imputed(self, clinical: Tensor) -> Tensor:
        """Raw ``[B, F]`` with the training mean (number) or most frequent category where missing."""
        fill = self.mean.clone()
        for i, _ in self.categories:
            fill[i] = self.mode[i]
        return torch.where(clinical.isnan(), fill, clinical)


class MLPEncoder(nn.Module):
    """Standardized numbers, one-hot categories and the mask of what is known -> two layers -> ``[B, dim]``.

    A patient of whom nothing is known gets a learned vector of their own. In training, whole records and single values
    are hidden at random, so that one model serves with all, some or no clinical data.

    Args:
        schema: What the columns mean.
        dim: Width of the clinical vector.
        fitted: What was fitted on the training split.
        record_dropout, feature_dropout: Share of records and of single values hidden in training, in [0, 1].
    """

    #: Standardized values beyond this many deviations add nothing but risk.
    LIMIT = 5.0

    def __init__(
        self, schema: Schema, dim: int, fitted: Standardizer, record_dropout: float = 0.0, feature_dropout: float = 0.0
    ):
        super().__init__()
        self.columns, self.dim = Columns(schema, fitted), dim
        self.record_dropout, self.feature_dropout = record_dropout, feature_dropout
        width = len(self.columns.numbers) + sum(count for _, count in self.columns.categories) + len(schema)
        self.net = nn.Sequential(nn.Linear(width, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.no_record = nn.Parameter(torch.zeros(dim))

    def forward(self, clinical: Tensor) -> Tensor:
        if self.training:
            clinical = self._hide(clinical)
        known = ~clinical.isnan()
        parts = [self.columns.standardized(clinical).clamp(-self.LIMIT, self.LIMIT).nan_to_num(0.0)]
        for i, count in self.columns.categories:
            parts.append(F.one_hot(clinical[:, i].nan_to_num(0).long(), count) * known[:, i, None])
        z = self.net(torch.cat([*parts, known], 1).to(self.no_record.dtype))
        return torch.where(known.any(1, keepdim=True), z, self.no_record)

    def _hide(self, clinical: Tensor) -> Tensor:
        records = torch.rand(len(clinical), 1, device=clinical.device) < self.record_dropout
        values = torch.rand(clinical.shape, device=clinical.device) < self.feature_dropout
        return clinical.masked_fill(records | values, torch.nan)


class PaperEncoder(nn.Module):
    """The paper's clinical vector: raw numbers beside embedded categories (arXiv 2302.13390).

    With nine numbers, gender and ``dim`` 64 the embedding is 2 x 55. Missing values become the training mean, or the
    most frequent category: the authors filled with the mean over all splits.
    """

    def __init__(self, schema: Schema, dim: int, fitted: Standardizer):
        super().__init__()
        self.columns, self.dim = Columns(schema, fitted), dim
        counts = [count for _, count in self.columns.categories]
        if dim < len(self.columns.numbers) + len(counts):
            fix = f"at least {len(self.columns.numbers) + len(counts)} for schema {schema.name!r}"
            raise UserError(f"{dim} is too narrow for the paper's encoder", where="fusion.dim", fix=fix)
        width = (dim - len(self.columns.numbers)) // max(1, len(counts))
        self.widths = [width] * len(counts)
        if counts:  # the last one takes what does not divide
            self.widths[-1] += dim - len(self.columns.numbers) - width * len(counts)
        self.embeddings = nn.ModuleList(nn.Embedding(count, w) for count, w in zip(counts, self.widths, strict=True))
        if not counts:
            self.dim = len(self.columns.numbers)

    def forward(self, clinical: Tensor) -> Tensor:
        known = self.columns.imputed(clinical)
        embedded = [
            embedding(known[:, i].long())
            for (i, _), embedding in zip(self.columns.categories, self.embeddings, strict=True)
        ]
        return torch.cat([known[:, self.columns.numbers], *embedded], 1)
