"""Options of earlier versions, understood by every verb with a note that says what they are called now."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import typer
from typer.core import TyperGroup

#: Former option -> what it is called now: the first of these that the verb has.
FORMER = {"--films": ("--metadata", "--images"), "--film-memory": ("--image-memory",)}


class Verbs(TyperGroup):
    """A group of verbs that understand their former options, too; ``--help`` shows the present ones alone."""

    # Any: classes of Click, which Typer imports or brings itself, by version.
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, verb, rest = super().resolve_command(ctx, args)
        known = {option for parameter in (verb.params if verb else ()) for option in parameter.opts}
        options = rest.index("--") if "--" in rest else len(rest)  # what follows is no option
        return name, verb, [*(_present(one, known) for one in rest[:options]), *rest[options:]]


def _present(argument: str, known: Collection[str]) -> str:
    option, *value = argument.split("=", 1)
    now = next((one for one in FORMER.get(option, ()) if one in known), None)
    if now is None or option in known:
        return argument
    typer.echo(f"note: {option} is now {now}", err=True)
    return "=".join([now, *value])
