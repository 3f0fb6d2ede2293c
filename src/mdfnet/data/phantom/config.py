"""What a phantom dataset is made from: number, size, seed and how informative the vital signs are."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]


class PhantomConfig(BaseModel):
    """The parameters of the phantom generator; the same ones always give the same bytes.

    Args:
        count: Number of images. Image ``i`` is the same whatever the count.
        size: Width and height of the square images in pixels, 64 to 2048.
        seed: Seed of everything random.
        signal: How much the vital signs depend on the findings, from 0 (not at all) to 1 (the two members of a
            look-alike pair are told apart in 98 of 100 patients).
        missing: Probability that a triage value is missing. Age and gender never are.
        splits: Fractions of images in train, val and test; they sum to 1.

    Raises:
        pydantic.ValidationError: A value is out of its range or a name is unknown.

    Examples:
        >>> PhantomConfig(count=10, signal=0.5).splits
        (0.7, 0.15, 0.15)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(600, ge=1)
    size: int = Field(256, ge=64, le=2048)
    seed: int = Field(0, ge=0)
    signal: Fraction = 1.0
    missing: Fraction = 0.05
    splits: tuple[Fraction, Fraction, Fraction] = (0.7, 0.15, 0.15)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if abs(sum(self.splits) - 1) > 1e-6:
            raise ValueError(f"split fractions must sum to 1, they sum to {sum(self.splits):g}")
        return self
