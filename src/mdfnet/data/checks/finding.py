"""What a check reports."""

from __future__ import annotations

from dataclasses import dataclass

from mdfnet.core.errors import UserError
from mdfnet.data.checks.kinds import KINDS, SEVERITIES, Severity


@dataclass(frozen=True)
class Finding:
    """One problem of a dataset folder. It names rows, images and columns, and never a patient.

    Args:
        id: Its kind, one of `mdfnet.data.checks.kinds.KINDS`.
        message: What is wrong.
        file: Where, relative to the folder.
        row: Row of a table as spreadsheets count, or id of an annotation or image, where it is about one.
        fix: What to do. Default: what its kind says.
        count: How many images, rows or boxes it is about.
        images: Names of images that show it, for pictures; not all where it is about many.
        boxes: Ids of the annotations concerned; empty where it is not about single boxes.

    Examples:
        >>> found = Finding("box-duplicate", "two boxes are the same", "annotations.json", row=7)
        >>> found.severity, found.fix
        ('warning', 'remove one')
    """

    id: str
    message: str
    file: str
    row: int | str | None = None
    fix: str = ""
    count: int = 1
    images: tuple[str, ...] = ()
    boxes: tuple[int | str, ...] = ()

    def __post_init__(self) -> None:
        if not self.fix:
            object.__setattr__(self, "fix", KINDS[self.id].fix)

    @property
    def severity(self) -> Severity:
        return KINDS[self.id].severity

    @property
    def rank(self) -> int:
        """Errors 0, warnings 1, notes 2: what they are sorted by."""
        return SEVERITIES.index(self.severity)

    @classmethod
    def of_error(
        cls, kind: str, error: UserError, file: str, row: int | str | None = None, images: tuple[str, ...] = ()
    ) -> Finding:
        """An error of the strict reader as a finding."""
        return cls(kind, error.what, file, row, error.fix or "", images=images)
