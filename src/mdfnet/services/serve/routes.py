"""The API below no open film, and the worklist. What each path does is in `mdfnet.services.serve.service`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from mdfnet.clinical.records import RecordResult
from mdfnet.services.serve.about import model_facts
from mdfnet.services.serve.answers import FilmSize, ListedFilm, ModelFacts, OpenedFilm, Prediction, WhatIf, Worklist
from mdfnet.services.serve.film_routes import add_film_routes
from mdfnet.services.serve.questions import FhirBundle, Record
from mdfnet.services.serve.records import clinical_answer
from mdfnet.services.serve.responses import UPLOAD, FilmId, check_count, refusals, sent
from mdfnet.services.serve.service import Service
from mdfnet.services.serve.uploads import Part, form_schema, read_form
from mdfnet.services.serve.worklist import Folder

CLINICAL, RECORDS = (
    Part("clinical", Record | FhirBundle),
    Part("records", Annotated[list[Record], Field(min_length=1)], required=True),
)


def api(service: Service, folder: Folder) -> APIRouter:
    """All of ``/v1``."""
    router = APIRouter(prefix="/v1")
    facts = model_facts(service.card, service.operating, service.fused, service.settings)

    @router.get("/model", tags=["model"], responses=refusals())
    async def model() -> ModelFacts:
        """The model: its classes, the features of its record, its operating points, its card."""
        return facts

    _add_predictions(router, service)
    _add_opening(router, service, folder)
    add_film_routes(router, service)
    return router


def _add_predictions(router: APIRouter, service: Service) -> None:
    """A film in, boxes out; nothing is kept."""
    predicts = {"tags": ["predict"], "responses": refusals(*UPLOAD)}

    @router.post("/predict", response_model=Prediction, openapi_extra=form_schema(CLINICAL), **predicts)
    async def predict(request: Request) -> Response:
        """Find boxes on a film, with a record or without."""
        data, given = await read_form(request, CLINICAL, service.settings)
        decoded = await service.decode(data)
        record = service.record(given, decoded.viewing.taken)
        (result,) = await service.predict(decoded.film, [record])
        answer = Prediction(**service.about, film=_size(decoded.values), **dict(result))
        return await sent(service, request, "predict", service.film_name(data), answer)

    @router.post("/what-if", response_model=WhatIf, openapi_extra=form_schema(RECORDS), **predicts)
    async def what_if(request: Request) -> Response:
        """Find boxes on a film with each of several records; the film is encoded once."""
        data, given = await read_form(request, RECORDS, service.settings)
        check_count(given, service.settings.records, "records")
        decoded = await service.decode(data)
        records = [service.record(one, decoded.viewing.taken) for one in given]
        results = await service.predict(decoded.film, records)
        answer = WhatIf(**service.about, film=_size(decoded.values), results=results)
        return await sent(service, request, "what-if", service.film_name(data), answer)


def _add_opening(router: APIRouter, service: Service, folder: Folder) -> None:
    """Films are opened out of an upload or out of the folder that is served."""
    opens = {"status_code": 201, "response_model": OpenedFilm}

    async def opened(request: Request, data: bytes, given: Any) -> Response:
        identifier, film = await service.open(data)
        answer = service.opened(identifier, film)
        if given is not None:
            record = given if isinstance(given, RecordResult) else service.record(given, film.viewing.taken)
            answer = answer.model_copy(
                update={"clinical": clinical_answer(service.schema, record, service.use(record))}
            )
        return await sent(service, request, "open", film.name, answer, 201)

    @router.post("/films", tags=["films"], responses=refusals(*UPLOAD), openapi_extra=form_schema(CLINICAL), **opens)
    async def open_film(request: Request) -> Response:
        """Open a film: decode and encode it once, for all that follows. It is kept in memory for a while."""
        return await opened(request, *await read_form(request, CLINICAL, service.settings))

    @router.get("/films", tags=["worklist"], responses=refusals())
    async def worklist() -> Worklist:
        """The films of the folder that is served; empty where there is none."""
        films = await asyncio.to_thread(folder.films)
        return Worklist(films=[ListedFilm(id=number, name=path.name) for number, path in films.items()])

    @router.post("/worklist/{id}", tags=["worklist"], responses=refusals(404, 413, 422), **opens)
    async def open_listed(request: Request, id: FilmId) -> Response:
        """Open a film of the worklist, with its record where the folder has one."""
        return await opened(request, *await asyncio.to_thread(folder.read, id, service.settings.max_bytes))


def _size(values: Any) -> FilmSize:
    return FilmSize(width=values.shape[1], height=values.shape[0])
