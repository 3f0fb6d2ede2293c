"""The server on one page: the API, the page of the viewer, and the guard around both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.routing import Match

from mdfnet.models.card import NOTICE
from mdfnet.services.serve.answers import State
from mdfnet.services.serve.description import describe
from mdfnet.services.serve.guard import Guard, log, place_of
from mdfnet.services.serve.manual import manual
from mdfnet.services.serve.refusals import Refused
from mdfnet.services.serve.responses import content, refusals
from mdfnet.services.serve.routes import api
from mdfnet.services.serve.service import Service
from mdfnet.services.serve.tokens import Tokens
from mdfnet.services.serve.worklist import Folder

#: The built page of the viewer.
PAGE = Path(str(files("mdfnet.services.serve") / "page"))


def make_app(service: Service, tokens: Tokens, folder: Folder) -> Guard:
    """The ASGI application of a server; without tokens it answers on loopback only."""

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_warm_up(service)), asyncio.create_task(_sweep(service))]
        yield
        for task in tasks:
            task.cancel()
        await service.stop()

    app = FastAPI(
        title="MDF-Net",
        version=version("mdfnet"),
        description=f"Boxes on chest X-rays, from the image and the patient's clinical data. {NOTICE}",
        lifespan=alive,
        docs_url=None,
        redoc_url=None,
    )
    _add_error_handlers(app)
    app.include_router(api(service, folder))
    _add_health(app, service)
    _add_manual(app)
    for file in PAGE.iterdir():  # a mount at the root would answer a wrong method of the API with 404
        path = "/" if file.name == "index.html" else f"/{file.name}"
        app.add_route(path, partial(_send_file, file), include_in_schema=False)
    describe(app, service, tokens)
    return Guard(app, service.settings, tokens, service.metrics)


async def _send_file(file: Path, _: Request) -> Response:
    return FileResponse(file)


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["health"], responses=refusals())
    async def healthz() -> State:
        """The process answers."""
        return State(status="ok")

    @app.get("/readyz", tags=["health"], responses=refusals())
    async def readyz() -> State:
        """The model has run once, and images can be decoded."""
        service.check_ready()
        return State(status="ok")

    text = content({"text/plain": {"type": "string"}}, "Prometheus' text format.")

    @app.get("/metrics", tags=["health"], response_class=Response, responses=refusals() | text)
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


def _add_manual(app: FastAPI) -> None:
    style = (files("mdfnet.services.serve") / "templates" / "manual.css").read_text(encoding="utf-8")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(manual(app.openapi()), media_type="text/html")

    @app.get("/docs.css", include_in_schema=False)
    async def docs_style() -> Response:
        return Response(style, media_type="text/css")


async def _warm_up(service: Service) -> None:
    """A server that cannot get ready stays up, says why in its log, and answers 503."""
    try:
        await service.warm_up()
    except Exception as error:
        log.error("the server cannot get ready: %s", place_of(error))


async def _sweep(service: Service) -> None:
    """Images are closed after their time, also when nobody asks for any."""
    while True:
        await asyncio.sleep(min(60.0, service.settings.kept_seconds))
        service.images.sweep()


def _add_error_handlers(app: FastAPI) -> None:
    """Every error is answered with a `Refusal`."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return error.response

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        """The guard logs it."""
        return Refused(500, "internal", "the server made a mistake").response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return Refused(422, "does_not_fit", f"{place}: {first['msg']}").response

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
        headers = error.headers
        if error.status_code == 405:  # the route that refused knows its own methods, not those of the whole path
            routes = [route for route in app.routes if route.matches(request.scope)[0] is not Match.NONE]
            methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
            headers = {"allow": ", ".join(sorted(methods))}
        return Refused(error.status_code, code, str(error.detail).lower(), None, headers).response
