"""What a check reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mdfnet.errors import UserError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One problem of a dataset folder.

    Args:
        id: Kind of problem, stable across versions, such as ``box-degenerate``.
        severity: "error" (the folder cannot be used), "warning" (results may mislead), "note".
        message: What is wrong.
        file: Where, relative to the folder.
        row: Row of a table as spreadsheets count, or id of an annotation, where it is about one.
        fix: What to do.
        count: How many films, rows or boxes it is about.
    """

    id: str
    severity: Severity
    message: str
    file: str
    row: int | str | None = None
    fix: str = ""
    count: int = 1

    @classmethod
    def of_error(cls, kind: str, error: UserError, file: str, row: int | str | None = None) -> Finding:
        """An error of the strict reader as a finding."""
        return cls(kind, "error", error.what, file, row, error.fix or "")
