"""The paths of the API below an open film."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from mdfnet.services.serve.answers import Explanation, FilmPrediction, FilmSize, FilmWhatIf, ScoredResult
from mdfnet.services.serve.questions import DetectRequest, ExplanationRequest, ReportRequest, WhatIfRequest
from mdfnet.services.serve.responses import JSON, FilmId, check_count, content, refusals, sent
from mdfnet.services.serve.service import Service

_BINARY = {"type": "string", "format": "binary"}
PIXELS = content({"application/octet-stream": _BINARY}, "Width times height values.") | refusals(404, 422)
FILES = {
    "application/dicom": _BINARY,
    "application/json": {"type": "array", "items": {"type": "object"}},
    "text/csv": {"type": "string"},
}
REPORTS = content(FILES, "The file.") | refusals(*JSON, 404, 409)


def add_film_routes(router: APIRouter, service: Service) -> None:
    """Look at a film, detect on it, explain, report."""
    asks = {"tags": ["films"], "responses": refusals(*JSON, 404)}

    @router.get("/films/{id}/pixels", tags=["films"], response_class=Response, responses=PIXELS)
    async def pixels(request: Request, id: FilmId) -> Response:
        """Grey values, uint16 little endian, rows from the top, after the modality LUT."""
        film = service.films.get(id)
        await service.noted(request.state.who, "view", film.name, None)
        data = await asyncio.to_thread(film.values.astype("<u2", copy=False).tobytes)
        return Response(data, media_type="application/octet-stream")

    @router.post("/films/{id}/detect", response_model=FilmPrediction, **asks)
    async def detect(request: Request, id: FilmId, body: DetectRequest) -> Response:
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
        return await sent(service, request, "detect", film.name, answer)

    @router.post("/films/{id}/what-if", response_model=FilmWhatIf, **asks)
    async def what_if(request: Request, id: FilmId, body: WhatIfRequest) -> Response:
        """Find boxes with each of several records, and say the score of given boxes under each."""
        film = service.films.get(id)
        check_count(body.records, service.settings.records, "records")
        check_count(body.boxes, service.settings.boxes, "boxes")
        records = [service.record(one, film.viewing.taken) for one in body.records]
        found, scores = await service.what_if(film, records, body.boxes)
        results = [
            ScoredResult(**dict(service.result(record, one)), scores=row)
            for record, one, row in zip(records, found, scores, strict=True)
        ]
        return await sent(service, request, "what-if", film.name, FilmWhatIf(results=results))

    @router.post("/films/{id}/explanation", response_model=Explanation, **asks)
    async def explanation(request: Request, id: FilmId, body: ExplanationRequest) -> Response:
        """What each value of a record does to the score of each box: Shapley values, which add up to the difference."""
        film = service.films.get(id)
        check_count(body.boxes, service.settings.boxes, "boxes")
        record = service.record(body.clinical, film.viewing.taken)
        answer = await service.explain(film, record, body.boxes)
        return await sent(service, request, "explain", film.name, answer)

    @router.post("/films/{id}/report", tags=["films"], response_class=Response, responses=REPORTS)
    async def report(request: Request, id: FilmId, body: ReportRequest) -> Response:
        """Detections as a file: a DICOM structured report or picture, COCO results, or CSV."""
        film = service.films.get(id)
        data, kind, name = await service.report(film, body)
        await service.noted(request.state.who, f"report-{body.format}", film.name, data)
        return Response(data, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
