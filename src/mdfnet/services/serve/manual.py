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

#: Media type, the schema's name where it has one, else the schema itself.
Shown = tuple[str, str | None, str]


def manual(openapi: dict[str, Any]) -> str:
    """The page.

    Args:
        openapi: The description, version 3.1.
    """
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


def _contents(part: dict[str, Any]) -> list[Shown]:
    return [_shown(kind, one.get("schema", {})) for kind, one in part.get("content", {}).items()]


def _shown(kind: str, schema: dict[str, Any]) -> Shown:
    name = schema.get("$ref", "").rpartition("/")[2] or None
    return kind, name, "" if name else _pretty(schema)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
