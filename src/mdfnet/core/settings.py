"""What all parts of a config have in common, and the network's input. No torch in here: a config is read at once."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator
from pydantic import ConfigDict as Settings

Positive = Annotated[float, Field(gt=0)]  #: A number above zero


class Part(BaseModel):
    """A part of a config: frozen, unknown keys and numbers that are not finite refused."""

    model_config = Settings(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class InputConfig(Part):
    """How an image of any size becomes the network's input."""

    size: int = Field(512, ge=32, multiple_of=32, description="side of the network's square input, pixels")
    fit: Literal["letterbox", "squash"] = Field("letterbox", description="keep the aspect ratio (pad), or not (paper)")
    channels: Literal[1, 3] = Field(
        1, description="gray once, or copied to three channels as pretrained networks expect"
    )
    mean: tuple[float, ...] = Field((0.5,), description="subtracted from values in [0, 1], one per channel")
    std: tuple[Positive, ...] = Field((0.25,), description="divided by, one per channel")

    @model_validator(mode="after")
    def _channels(self) -> Self:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std need {self.channels} values each")
        return self
