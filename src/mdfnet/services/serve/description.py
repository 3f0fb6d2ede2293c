"""The OpenAPI description, with what is known only when a model is loaded: its classes, its features, the tokens."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from mdfnet.clinical.schema import Feature
from mdfnet.services.serve.guard import GUARDED
from mdfnet.services.serve.service import Service
from mdfnet.services.serve.tokens import Tokens

#: Status -> whether it can come from a server with tokens, and from one without.
_ONLY = {"401": True, "403": False, "421": False}


def describe(app: FastAPI, service: Service, tokens: Tokens) -> None:
    """Complete the description of an application; called once, when all its paths are there."""
    description = app.openapi()
    schemas = description["components"]["schemas"]
    for name in ("LabeledBox", "GivenDetection"):
        schemas[name]["properties"]["label"] = {"type": "string", "enum": list(service.classes.names)}
    schemas["Record"]["properties"] = {feature.name: _feature(feature) for feature in service.schema.features}
    operations = [(path, operation) for path, methods in description["paths"].items() for operation in methods.values()]
    for path, operation in operations:
        for status, with_tokens in _ONLY.items():
            if with_tokens != bool(len(tokens)) or (status == "401" and not path.startswith(GUARDED)):
                operation["responses"].pop(status, None)
        if len(tokens) and path.startswith(GUARDED):
            operation["security"] = [{"token": []}]
    if len(tokens):
        description["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}


def _feature(feature: Feature) -> dict[str, Any]:
    """What a value may be; a value that is no such thing is refused by itself, so the type stays open."""
    if feature.kind == "category":
        meaning = f"{feature.meaning}: {', '.join(feature.categories)}."
    else:
        meaning = f"{feature.meaning}, {feature.unit}, plausible {feature.low:g} to {feature.high:g}."
    return {"description": meaning, "$ref": "#/components/schemas/Given"}
