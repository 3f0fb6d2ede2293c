"""Tables for the terminal, and where they are printed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table


def terminal(width: int = 160) -> Console:
    """The terminal; for a log or a pipe so many columns, so that nothing is squeezed to 80."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def table_of(texts: Iterable[str], numbers: Iterable[str], title: str, **style: Any) -> Table:
    """An empty table with columns of texts, then of numbers, which stand to the right."""
    table = Table(*texts, title=title, title_justify="left", **style)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table
