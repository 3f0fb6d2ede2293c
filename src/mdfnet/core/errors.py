"""Errors that are the user's to fix: what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class UserError(Exception):
    """A mistake in what the user gave; the command line prints it in one line and exits with code 2.

    Args:
        what: What is wrong, as a sentence without a full stop.
        where: File, row, column or config key, so that nobody has to search.
        fix: What to do about it.

    Examples:
        >>> print(UserError("temperature is 370 Cel, not 25 to 45", where="clinical.csv row 4", fix="check the unit"))
        clinical.csv row 4: temperature is 370 Cel, not 25 to 45; check the unit
    """

    exit_code = 2

    def __init__(self, what: str, *, where: object = None, fix: str | None = None):
        self.what, self.where, self.fix = what, where, fix
        text = f"{where}: {what}" if where is not None else what
        super().__init__(" ".join((f"{text}; {fix}" if fix else text).splitlines()))

    def at(self, where: object) -> UserError:
        """The same mistake, with the place it was found in.

        Examples:
            >>> print(UserError("there are no classes").at("dataset.yaml"))
            dataset.yaml: there are no classes
        """
        return type(self)(self.what, where=where, fix=self.fix)


def nearest(name: str, known: Iterable[str]) -> str:
    """A fix for a misspelled name: the nearest known one, or all of them when none is near.

    Examples:
        >>> nearest("temprature", ["temperature", "heartrate"])
        "did you mean 'temperature'?"
        >>> nearest("x", ["temperature", "heartrate"])
        'known are: temperature, heartrate'
    """
    known = list(known)
    return meant(name, known) or f"known are: {', '.join(known)}"


def meant(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """What a misspelled name was likely meant to be, if anything; likeness is in [0, 1], see :mod:`difflib`.

    Examples:
        >>> meant("temprature", ["temperature", "heartrate"]), meant("x", ["temperature", "heartrate"])
        ("did you mean 'temperature'?", None)
    """
    match = difflib.get_close_matches(name, known, n=1, cutoff=likeness)
    return f"did you mean {match[0]!r}?" if match else None


def first_problem(error: ValidationError) -> str:
    """The first thing pydantic found wrong, in one line: the key and what it should be.

    Examples:
        >>> from pydantic import BaseModel, ValidationError
        >>> class Image(BaseModel):
        ...     width: int
        >>> try:
        ...     Image(width="wide")
        ... except ValidationError as error:
        ...     print(first_problem(error))
        width: Input should be a valid integer, unable to parse string as an integer
    """
    first = error.errors()[0]
    if first["type"] == "missing":
        *place, key = map(str, first["loc"])
        return f"{'.'.join(place) or 'the whole'} needs {key}"
    key = ".".join(map(str, first["loc"])) or "the whole"
    return f"{key}: {first['msg'].removeprefix('Value error, ')}"
