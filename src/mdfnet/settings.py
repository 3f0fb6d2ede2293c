"""What all parts of a config have in common. No torch in here: a config is read in no time."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field
from pydantic import ConfigDict as Settings

#: A number above zero.
Positive = Annotated[float, Field(gt=0)]


class Part(BaseModel):
    """A part of a config: frozen, unknown keys and numbers that are not finite refused."""

    model_config = Settings(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)
