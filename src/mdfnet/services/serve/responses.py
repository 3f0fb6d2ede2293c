"""What the paths of the API have in common: the errors they declare, and how an answer goes out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic import BaseModel

from mdfnet.services.serve.refusals import Refusal, Refused
from mdfnet.services.serve.service import Service

ImageId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{16,32}$", description="What opening the image gave.")]

_REASONS = {
    400: "The request cannot be read.",
    401: "No valid token.",
    403: "A page of another server asks.",
    404: "No such image.",
    409: "The report cannot be made of this image.",
    413: "The body is too large.",
    415: "The body is of another kind.",
    421: "Without a token the server answers on loopback only.",
    422: "The image or the record cannot be used; the message says why.",
    503: "The server is full or still starting; try again after Retry-After.",
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}

#: What may go wrong with a body: an upload, or JSON.
BODY = (413, 415, 422)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses that are errors, for OpenAPI; those that any request may get are added."""
    return {
        status: {"model": Refusal, "description": _REASONS[status], "headers": _HEADERS.get(status, {})}
        for status in sorted({400, 401, 403, 421, 503, *statuses})
    }


def content(kinds: dict[str, dict[str, Any]], description: str) -> dict[int | str, dict[str, Any]]:
    """A response that is no JSON object, for OpenAPI: media type -> schema."""
    return {200: {"description": description, "content": {kind: {"schema": one} for kind, one in kinds.items()}}}


async def sent(
    service: Service, request: Request, action: str, image: str, answer: BaseModel, status: int = 200
) -> Response:
    """An answer that the audit log knows by the hash of its body."""
    body = answer.model_dump_json().encode()
    await service.noted(request.state.who, action, image, body)
    return Response(body, status, media_type="application/json")


def check_count(given: list[Any], most: int, what: str) -> None:
    """Refuse what asks for too much at once."""
    if len(given) > most:
        raise Refused(422, f"too_many_{what}", f"{len(given)} {what}, more than {most}", "send several requests")
