"""The paths of the API. What each does is in `mdfnet.serve.service`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from mdfnet.clinical.records import RecordResult
from mdfnet.serve.about import model_facts
from mdfnet.serve.answers import (
    DetectRequest,
    FhirBundle,
    FilmPrediction,
    FilmSize,
    FilmWhatIf,
    ListedFilm,
    ModelFacts,
    OpenedFilm,
    Prediction,
    Record,
    ReportRequest,
    ScoredResult,
    WhatIf,
    WhatIfRequest,
    Worklist,
)
from mdfnet.serve.refusals import Refusal, Refused
from mdfnet.serve.service import Service
from mdfnet.serve.uploads import Part, form_schema, read_form
from mdfnet.serve.worklist import Folder

CLINICAL = Part("clinical", Record | FhirBundle)
RECORDS = Part("records", Annotated[list[Record], "records"], required=True)

FilmId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{16,32}$", description="What opening the film gave.")]

_REASONS = {
    400: "The body cannot be read.",
    403: "A page of another server asks.",
    404: "No such film is open.",
    409: "The report needs a DICOM film.",
    413: "The body is too large.",
    415: "The body is of another kind.",
    421: "The server answers on loopback only.",
    422: "The film or the record cannot be used; the message says why.",
    503: "The server is full or still starting; try again after Retry-After.",
}
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses that are errors, for OpenAPI; those that any request may get are added."""
    listed = sorted({403, 421, 503, *statuses})
    return {
        status: {"model": Refusal, "description": _REASONS[status], **({"headers": _RETRY} if status == 503 else {})}
        for status in listed
    }


UPLOAD, JSON = (400, 413, 415, 422), (400, 404, 413, 415, 422)


#: What a report comes as.
_FILES = {
    "application/dicom": {"schema": {"type": "string", "format": "binary"}},
    "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
    "text/csv": {"schema": {"type": "string"}},
}
REPORTS = refusals(*JSON, 409) | {200: {"description": "The file.", "content": _FILES}}


def api(service: Service, folder: Folder) -> APIRouter:
    """All of ``/v1``."""
    router = APIRouter(prefix="/v1")
    most = service.settings.max_bytes
    facts = model_facts(service.card, service.operating, service.fused, service.settings)

    @router.get("/model", tags=["model"], responses=refusals())
    async def model() -> ModelFacts:
        """The model: its classes, the features of its record, its operating points, its card."""
        return facts

    @router.post("/predict", tags=["predict"], responses=refusals(*UPLOAD), openapi_extra=form_schema(CLINICAL))
    async def predict(request: Request) -> Prediction:
        """Find boxes on a film, with a record or without."""
        data, given = await read_form(request, CLINICAL, most)
        decoded = await service.decode(data)
        record = service.record(given, decoded.viewing.taken)
        (result,) = await service.predict(decoded.film, [record])
        answer = Prediction(**service.about, film=_size(decoded.values), **dict(result))
        return await service.audited(request, "predict", service.film_name(data), answer)

    @router.post("/what-if", tags=["predict"], responses=refusals(*UPLOAD), openapi_extra=form_schema(RECORDS))
    async def what_if(request: Request) -> WhatIf:
        """Find boxes on a film with each of several records; the film is encoded once."""
        data, given = await read_form(request, RECORDS, most)
        _check_count(given, service.settings.records, "records")
        decoded = await service.decode(data)
        records = [service.record(one, decoded.viewing.taken) for one in given]
        results = await service.predict(decoded.film, records)
        answer = WhatIf(**service.about, film=_size(decoded.values), results=results)
        return await service.audited(request, "what-if", service.film_name(data), answer)

    _films(router, service)
    _worklist(router, service, folder)
    return router


def _films(router: APIRouter, service: Service) -> None:
    """What is done with a film that is open."""

    @router.post(
        *("/films",), status_code=201, tags=["films"], responses=refusals(*UPLOAD), openapi_extra=form_schema(CLINICAL)
    )
    async def open_film(request: Request) -> OpenedFilm:
        """Open a film: decode and encode it once, for all that follows. It is kept in memory for a while."""
        data, given = await read_form(request, CLINICAL, service.settings.max_bytes)
        return await _opened(request, service, data, given)

    @router.get(
        "/films/{id}/pixels",
        tags=["films"],
        response_class=Response,
        responses=refusals(404, 422)
        | {200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def pixels(request: Request, id: FilmId) -> Response:
        """Grey values, uint16 little endian, rows from the top, after the modality LUT."""
        film = service.films.get(id)
        await service.audited(request, "view", film.name, None)
        content = await asyncio.to_thread(film.values.astype("<u2", copy=False).tobytes)
        return Response(content, media_type="application/octet-stream")

    @router.post("/films/{id}/detect", tags=["films"], responses=refusals(*JSON))
    async def detect(request: Request, id: FilmId, body: DetectRequest) -> FilmPrediction:
        """Find boxes with a record, and beside them without."""
        film = service.films.get(id)
        record, nothing = service.record(body.clinical, film.viewing.taken), service.record(None, None)
        with_record, without = await service.detect(film, [record, nothing])
        answer = FilmPrediction(
            **service.about,
            film=FilmSize(width=film.width, height=film.height),
            **dict(service.result(record, with_record)),
            image_only=service.detections(without),
        )
        return await service.audited(request, "detect", film.name, answer)

    @router.post("/films/{id}/what-if", tags=["films"], responses=refusals(*JSON))
    async def film_what_if(request: Request, id: FilmId, body: WhatIfRequest) -> FilmWhatIf:
        """Find boxes with each of several records, and say the score of given boxes under each."""
        film = service.films.get(id)
        _check_count(body.records, service.settings.records, "records")
        _check_count(body.boxes, service.settings.boxes, "boxes")
        records = [service.record(one, film.viewing.taken) for one in body.records]
        found, scores = await service.what_if(film, records, body.boxes)
        results = [
            ScoredResult(**dict(service.result(record, one)), scores=row)
            for record, one, row in zip(records, found, scores, strict=True)
        ]
        return await service.audited(request, "what-if", film.name, FilmWhatIf(results=results))

    @router.post("/films/{id}/report", tags=["films"], response_class=Response, responses=REPORTS)
    async def report(request: Request, id: FilmId, body: ReportRequest) -> Response:
        """Detections as a file: a DICOM structured report or picture, COCO results, or CSV."""
        film = service.films.get(id)
        content, kind = await service.report(film, body)
        await service.audited(request, f"report-{body.format}", film.name, content)
        return Response(content, media_type=kind)


def _worklist(router: APIRouter, service: Service, folder: Folder) -> None:
    @router.get("/films", tags=["worklist"], responses=refusals())
    async def worklist() -> Worklist:
        """The films of the folder that is served; empty where there is none."""
        films = await asyncio.to_thread(folder.films)
        return Worklist(films=[ListedFilm(id=number, name=path.name) for number, path in films.items()])

    @router.post("/worklist/{id}", status_code=201, tags=["worklist"], responses=refusals(404, 413, 422))
    async def open_listed(request: Request, id: FilmId) -> OpenedFilm:
        """Open a film of the worklist, with its record where the folder has one."""
        data, record = await asyncio.to_thread(folder.read, id, service.settings.max_bytes)
        return await _opened(request, service, data, record)


async def _opened(request: Request, service: Service, data: bytes, given: Any) -> OpenedFilm:
    identifier, film = await service.open(data)
    answer = service.opened(identifier, film)
    if given is not None:
        record = given if isinstance(given, RecordResult) else service.record(given, film.viewing.taken)
        answer = answer.model_copy(update={"clinical": service.clinical(record)})
    return await service.audited(request, "open", film.name, answer)


def _check_count(given: list[Any], most: int, what: str) -> None:
    if len(given) > most:
        raise Refused(422, f"too_many_{what}", f"{len(given)} {what}, more than {most}", "send several requests")


def _size(values: Any) -> FilmSize:
    return FilmSize(width=values.shape[1], height=values.shape[0])
