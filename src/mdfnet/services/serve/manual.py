"""``/docs``: the API on one page, made from its own OpenAPI, without scripts and without anything from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES = Environment(
    loader=PackageLoader("mdfnet.services.serve", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)


def manual(openapi: dict[str, Any]) -> str:
    """The page of a description, version 3.1."""
    operations = [
        {
            "method": method.upper(),
            "path": path,
            "responses": [
                (status, one["description"], _contents(one)) for status, one in sorted(operation["responses"].items())
            ],
            "body": _contents(operation.get("requestBody", {})),
        }
        | {key: operation.get(key, "") for key in ("description", "operationId")}
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = {name: _pretty(schema) for name, schema in openapi["components"]["schemas"].items()}
    return _TEMPLATES.get_template("manual.html").render(
        info=openapi["info"], operations=operations, schemas=schemas, link=Markup('<a href="#{0}">{0}</a>').format
    )


def _contents(part: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    """Media type, the schema's name where it has one, else the schema itself."""
    contents = []
    for kind, one in part.get("content", {}).items():
        schema = one.get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2] or None
        contents.append((kind, name, "" if name else _pretty(schema)))
    return contents


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
