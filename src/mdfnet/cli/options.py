"""Options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

Overrides = Annotated[list[str] | None, typer.Argument(help="Config keys to change, as key=value.", show_default=False)]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads (default: all cores).")]


class Invalid(StrEnum):
    """What to do with a clinical value that cannot be right."""

    error = "error"
    missing = "missing"


def use_threads(threads: int | None) -> None:
    """Bound the CPU threads of what follows; None leaves them as they are."""
    if threads:
        import torch

        torch.set_num_threads(threads)
