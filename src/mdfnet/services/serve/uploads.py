"""Forms with an image in them, read in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mdfnet.core.errors import first_problem
from mdfnet.services.serve.refusals import Refused, strict_json
from mdfnet.services.serve.settings import Settings

KINDS = "image/png, image/jpeg, application/dicom"


@dataclass(frozen=True)
class JsonPart:
    """A part of the form that is JSON: its name, what it must be, and whether it has to be there."""

    name: str
    type: Any
    required: bool = False


async def read_form(request: Request, part: JsonPart, settings: Settings) -> tuple[bytes, Any]:
    """The image's bytes, and the content of the JSON part, None where it is absent."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused(415, "not_a_form", "the body is not multipart/form-data", "send the image as the part 'image'")
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=2, max_fields=2, max_part_size=settings.max_json
    )
    parser.spool_max_size = settings.max_bytes + 1  # nothing is ever spooled to a disk
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, ValueError, KeyError):
        what = "the form is damaged, or has more parts than an image and a record"
        raise Refused(400, "bad_form", what, "send multipart/form-data") from None
    if form.keys() - {"image", part.name}:
        what = "the form has a part that is not known"
        raise Refused(422, "unknown_part", what, f"known are: image, {part.name}")
    if len(form.multi_items()) > len(form):
        raise Refused(422, "part_twice", "the form has a part twice", "send one image, and one record with it")
    image = form.get("image")
    if not isinstance(image, UploadFile):
        raise Refused(422, "no_image", "the form has no file 'image'", "send PNG, JPEG or DICOM, with a file name")
    return await image.read(), await _json(form.get(part.name), part)


async def _json(given: UploadFile | str | None, part: JsonPart) -> Any:
    text = await given.read() if isinstance(given, UploadFile) else given
    if not text:
        if part.required:
            raise Refused(422, f"no_{part.name}", f"the form has no part '{part.name}'", "send it as JSON")
        return None
    content = strict_json(text, part.name)
    try:
        return TypeAdapter(part.type).validate_python(content)
    except ValidationError as error:
        raise Refused(422, "does_not_fit", f"{part.name}: {first_problem(error)}") from None


def form_schema(part: JsonPart) -> dict[str, Any]:
    """The request body of an operation, for OpenAPI."""
    content = TypeAdapter(part.type).json_schema(ref_template="#/components/schemas/{model}")
    content.pop("$defs", None)  # what it refers to is there already
    image = {"type": "string", "format": "binary", "description": "PNG, JPEG or DICOM."}
    schema = {
        "type": "object",
        "properties": {"image": image, part.name: content},
        "required": ["image", *([part.name] if part.required else [])],
        "additionalProperties": False,
    }
    encoding = {"image": {"contentType": KINDS}, part.name: {"contentType": "application/json"}}
    form = {"schema": schema, "encoding": encoding}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": form}}}
