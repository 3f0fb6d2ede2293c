"""What a request is refused with: a status, a word for programs, a sentence for people, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field

from mdfnet.core.errors import UserError

#: Seconds after which a client that found the server full may try again.
RETRY_AFTER = 1


class Problem(BaseModel):
    """What is wrong."""

    code: str = Field(description="A word for programs.", examples=["not_an_image"])
    message: str = Field(description="A sentence for people.", examples=["not a PNG, JPEG or DICOM image"])
    fix: str | None = Field(None, description="What to do about it.", examples=["fetch or export it again"])


class Refusal(BaseModel):
    """The body of every answer that is an error."""

    error: Problem


class Refused(Exception):
    """A request that gets no answer but a `Problem`, with an HTTP status and, where it needs some, further headers."""

    def __init__(
        self, status: int, code: str, message: str, fix: str | None = None, headers: Mapping[str, str] | None = None
    ):
        super().__init__(message)
        self.status, self.code, self.message, self.fix, self.headers = status, code, message, fix, headers

    @classmethod
    def of(cls, error: UserError, code: str) -> Refused:
        """A mistake in what was sent, without the place: on this machine it is no image's name that the client knows.

        Examples:
            >>> Refused.of(UserError("the image is damaged", where="/proc/self/fd/7"), "not_an_image").message
            'the image is damaged'
        """
        return cls(422, code, error.what, error.fix)

    @property
    def response(self) -> Response:
        """As it goes out."""
        body = Refusal(error=Problem(code=self.code, message=self.message, fix=self.fix)).model_dump_json()
        return Response(body, self.status, self.headers, media_type="application/json")


def busy(message: str = "the server is full") -> Refused:
    """503: the same request may well succeed a little later."""
    fix = f"send it again after {RETRY_AFTER} s"
    return Refused(503, "busy", message, fix, {"retry-after": str(RETRY_AFTER)})


def strict_json(text: str | bytes, what: str) -> Any:
    """Content of JSON as the standard has it: no NaN, no Infinity, no text that is not Unicode.

    What is not such JSON is refused, by the name ``what``.

    Examples:
        >>> strict_json('{"age": NaN}', "clinical")
        Traceback (most recent call last):
        mdfnet.services.serve.refusals.Refused: clinical is not JSON
    """

    def never(constant: str) -> None:
        raise ValueError(constant)

    try:
        content = json.loads(text, parse_constant=never)
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair, which JSON can escape, is no text
        return content
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise Refused(422, "not_json", f"{what} is not JSON", "send one JSON value in UTF-8") from None
