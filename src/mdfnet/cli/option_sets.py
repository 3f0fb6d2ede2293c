"""Options that several verbs share, or that a dataclass lists, written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from inspect import Parameter
from typing import Any, TypeVar, get_type_hints

Verb = TypeVar("Verb", bound=Callable[..., Any])


def options_of(group: type) -> list[Parameter]:
    """The fields of a dataclass as parameters of a verb; each is annotated as Typer wants an option to be."""
    hints, parameters = get_type_hints(group, include_extras=True), []
    for field in fields(group):
        default = Parameter.empty if field.default is MISSING else field.default
        default = field.default_factory() if field.default_factory is not MISSING else default
        parameters.append(Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]))
    return parameters


def with_options(options: Sequence[Parameter]) -> Callable[[Verb], Verb]:
    """Give a verb these options in place of its ``**given``, under which they arrive.

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Shared:
        ...     size: int = 512
        >>> @with_options(options_of(Shared))
        ... def verb(folder: str, **given: int): ...
        >>> inspect.signature(verb)
        <Signature (*, folder: str, size: int = 512)>
    """

    def give(verb: Verb) -> Verb:
        signature = inspect.signature(verb, eval_str=True)
        own = [one for one in signature.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
        parameters = [*(one.replace(kind=Parameter.KEYWORD_ONLY) for one in own), *options]
        vars(verb)["__signature__"] = signature.replace(parameters=parameters)
        verb.__annotations__ = {one.name: one.annotation for one in parameters}
        return verb

    return give
