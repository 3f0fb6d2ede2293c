"""``/docs``: the API on one page, made from its own OpenAPI, without scripts and without anything from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES = Environment(
    loader=PackageLoader("mdfnet.serve", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def manual(openapi: dict[str, Any]) -> str:
    """The page.

    Args:
        openapi: The description, version 3.1.
    """
    operations = [
        {"method": method.upper(), "path": path, "responses": _responses(operation), "body": _body(operation)}
        | {key: operation.get(key, "") for key in ("description", "operationId")}
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = {name: _pretty(schema) for name, schema in openapi["components"]["schemas"].items()}
    return _TEMPLATES.get_template("manual.html").render(
        info=openapi["info"], operations=operations, schemas=schemas, link=_link
    )


def _body(operation: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    content = operation.get("requestBody", {}).get("content", {})
    return [_shown(kind, one.get("schema", {})) for kind, one in content.items()]


def _responses(operation: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, str | None, str]]]]:
    return [
        (status, one["description"], [_shown(kind, body.get("schema", {})) for kind, body in one.get("content", {}).items()])
        for status, one in sorted(operation["responses"].items())
    ]


def _shown(kind: str, schema: dict[str, Any]) -> tuple[str, str | None, str]:
    """Media type, the schema's name where it has one, else the schema itself."""
    name = schema.get("$ref", "").rpartition("/")[2] or None
    return kind, name, "" if name else _pretty(schema)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _link(name: str) -> Markup:
    return Markup('<a href="#{0}">{0}</a>').format(name)
