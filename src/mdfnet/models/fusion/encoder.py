"""From a patient's record to what fusers read. Missing is NaN on the way in and information inside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.core.errors import UserError


@dataclass(frozen=True)
class Patients:
    """A batch of encoded records."""

    vector: Tensor  #: ``[B, D]``
    tokens: Tensor  #: ``[B, T, D]``, one per feature where the encoder has such, else the vector alone
    present: Tensor  #: bool ``[B, T]``, which tokens say something
    #: bool ``[B]``: where it is False nothing is fused; None: all patients have a record
    has_record: Tensor | None = None

    def where_known(self, fused: Tensor, plain: Tensor, rows: Tensor | None = None, axis: int = 0) -> Tensor:
        """What is fused for patients who have a record, what is plain for the others.

        Patients lie along ``axis``; ``rows`` says how many rows in turn belong to each, one by default.
        """
        if self.has_record is None:
            return fused
        has_record = self.has_record if rows is None else self.has_record.repeat_interleave(rows)
        return torch.where(has_record.view(-1, *[1] * (fused.ndim - 1 - axis % fused.ndim)), fused, plain)

    @classmethod
    def of(cls, vector: Tensor) -> Patients:
        """From a vector alone."""
        return cls(vector, vector[:, None], torch.ones(len(vector), 1, dtype=torch.bool, device=vector.device))


class Columns(nn.Module):
    """Which columns of ``[B, F]`` are numbers and which categories, and what was fitted on the training split.

    The fitted numbers are buffers, so that they follow the module to its device; :mod:`mdfnet.models.scale` saves them.
    """

    #: Standardized values beyond this many deviations add nothing but risk.
    LIMIT = 5.0

    mean: Tensor
    std: Tensor
    mode: Tensor

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
        self.mean.copy_(torch.as_tensor(fitted.mean))
        self.std.copy_(torch.as_tensor(fitted.std))
        self.mode.copy_(torch.as_tensor(fitted.mode))

    def standardized(self, clinical: Tensor) -> Tensor:
        """Numbers ``[B, numbers]`` with mean 0 and deviation 1 over the training split; 0 where missing."""
        numbers: Tensor = ((clinical - self.mean) / self.std)[:, self.numbers]
        return numbers.clamp(-self.LIMIT, self.LIMIT).nan_to_num(0.0)

    def chosen(self, clinical: Tensor) -> list[Tensor]:
        """Categories, one-hot ``[B, count]`` each; all zero where missing."""
        known = ~clinical.isnan()
        return [F.one_hot(clinical[:, i].nan_to_num(0).long(), n) * known[:, i, None] for i, n in self.categories]

    def imputed(self, clinical: Tensor) -> Tensor:
        """Raw ``[B, F]`` with the training mean (number) or most frequent category where missing."""
        fill = self.mean.clone()
        for i, _ in self.categories:
            fill[i] = self.mode[i]
        return torch.where(clinical.isnan(), fill, clinical)


class Encoder(nn.Module, ABC):
    """Turns records ``[B, F]``, NaN where missing, into :class:`Patients` with vectors of width ``dim``."""

    def __init__(self, schema: Schema, dim: int, fitted: Standardizer):
        super().__init__()
        self.columns, self.dim = Columns(schema, fitted), dim

    @abstractmethod
    def forward(self, clinical: Tensor) -> Patients: ...


class MLPEncoder(Encoder):
    """Standardized numbers, one-hot categories and the mask of what is known -> two layers -> ``[B, dim]``.

    A patient of whom nothing is known gets a learned vector of their own.
    """

    def __init__(self, schema: Schema, dim: int, fitted: Standardizer):
        super().__init__(schema, dim, fitted)
        width = len(self.columns.numbers) + sum(count for _, count in self.columns.categories) + len(schema)
        self.net = nn.Sequential(nn.Linear(width, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.no_record = nn.Parameter(torch.zeros(dim))

    def forward(self, clinical: Tensor) -> Patients:
        known = ~clinical.isnan()
        parts = [self.columns.standardized(clinical), *self.columns.chosen(clinical), known]
        z = self.net(torch.cat(parts, 1).to(self.no_record.dtype))
        return Patients.of(torch.where(known.any(1, keepdim=True), z, self.no_record))


class TokenEncoder(Encoder):
    """A token per feature, so that fusers see them one by one: ``[B, features, dim]``, and their mixture ``[B, dim]``.

    A number is a direction times its standardized value plus an offset, a category a vector of its own, as in the
    FT-Transformer (Gorishniy et al., NeurIPS 2021, section 3.3); what is missing has a learned token of its own, too.
    """

    def __init__(self, schema: Schema, dim: int, fitted: Standardizer):
        super().__init__(schema, dim, fitted)
        columns = [*self.columns.numbers, *(i for i, _ in self.columns.categories)]
        self.order = [columns.index(i) for i in range(len(schema))]
        self.direction = nn.Parameter(torch.randn(len(self.columns.numbers), dim) * dim**-0.5)
        self.choice = nn.ParameterList(torch.randn(n, dim) * dim**-0.5 for _, n in self.columns.categories)
        self.offset = nn.Parameter(torch.zeros(len(schema), dim))
        self.missing = nn.Parameter(torch.zeros(len(schema), dim))
        self.mix = nn.Sequential(nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.no_record = nn.Parameter(torch.zeros(dim))

    def forward(self, clinical: Tensor) -> Patients:
        known = ~clinical.isnan()
        numbers = self.columns.standardized(clinical)[:, :, None] * self.direction
        choices = zip(self.columns.chosen(clinical), self.choice, strict=True)
        parts = [numbers, *((one_hot.to(vectors) @ vectors)[:, None] for one_hot, vectors in choices)]
        tokens = torch.cat(parts, 1)[:, self.order] + self.offset
        tokens = torch.where(known[:, :, None], tokens, self.missing)
        vector = torch.where(known.any(1, keepdim=True), self.mix(tokens.mean(1)), self.no_record)
        return Patients(vector, tokens, known)


class PaperEncoder(Encoder):
    """The paper's clinical vector: raw numbers beside embedded categories (arXiv 2302.13390).

    With nine numbers, gender and ``dim`` 64 the embedding is 2 x 55. Missing values become the training mean, or the
    most frequent category: the authors filled with the mean over all splits.
    """

    #: The paper gives the network raw values, of order 100; its other presets differ in this alone.
    scaled = False

    def __init__(self, schema: Schema, dim: int, fitted: Standardizer):
        super().__init__(schema, dim, fitted)
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

    def forward(self, clinical: Tensor) -> Patients:
        known = self.columns.imputed(clinical)
        embedded = [
            embedding(known[:, i].long())
            for (i, _), embedding in zip(self.columns.categories, self.embeddings, strict=True)
        ]
        numbers = self.columns.standardized(clinical) if self.scaled else known[:, self.columns.numbers]
        return Patients.of(torch.cat([numbers, *embedded], 1))


class ScaledPaperEncoder(PaperEncoder):
    """The paper's clinical vector, but standardized over the training images: to see what the scale alone does."""

    scaled = True


#: Encoders by their name in the config.
ENCODERS: dict[str, Callable[[Schema, int, Standardizer], Encoder]] = {
    "mlp": MLPEncoder,
    "tokens": TokenEncoder,
    "paper": PaperEncoder,
    "paper-scaled": ScaledPaperEncoder,
}
