"""The paths of the API below an open image."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from mdfnet.services.serve.answers import Explanation, ImagePrediction, ImageSize, ImageWhatIf, ScoredResult
from mdfnet.services.serve.questions import DetectRequest, ExplanationRequest, ReportRequest, WhatIfRequest
from mdfnet.services.serve.responses import BODY, ImageId, check_count, content, refusals, sent
from mdfnet.services.serve.service import Service

_BINARY = {"type": "string", "format": "binary"}
PIXELS = content({"application/octet-stream": _BINARY}, "Width times height values.") | refusals(404, 422)
FILES: dict[str, dict[str, Any]] = {
    "application/dicom": _BINARY,
    "application/json": {"type": "array", "items": {"type": "object"}},
    "text/csv": {"type": "string"},
}
REPORTS = content(FILES, "The file.") | refusals(*BODY, 404, 409)


def add_image_routes(router: APIRouter, service: Service) -> None:
    """Look at an image, detect on it, explain, report."""
    asks: dict[str, Any] = {"tags": ["images"], "responses": refusals(*BODY, 404)}

    @router.get("/images/{id}/pixels", tags=["images"], response_class=Response, responses=PIXELS)
    async def pixels(request: Request, id: ImageId) -> Response:
        """Gray values, uint16 little endian, rows from the top, after the modality LUT."""
        image = service.images.get(id)
        await service.noted(request.state.who, "view", image.name, None)
        data = await asyncio.to_thread(image.values.astype("<u2", copy=False).tobytes)
        return Response(data, media_type="application/octet-stream")

    @router.post("/images/{id}/detect", response_model=ImagePrediction, **asks)
    async def detect(request: Request, id: ImageId, body: DetectRequest) -> Response:
        """Find boxes with a record, and beside them without."""
        image = service.images.get(id)
        record, nothing = service.record(body.clinical, image.viewing.taken), service.record(None, None)
        with_record, without = await service.detect(image, [record, nothing])
        answer = ImagePrediction(
            **service.about,
            image=ImageSize(width=image.width, height=image.height),
            **dict(service.result(record, with_record)),
            image_only=service.detections(without),
        )
        return await sent(service, request, "detect", image.name, answer)

    @router.post("/images/{id}/what-if", response_model=ImageWhatIf, **asks)
    async def what_if(request: Request, id: ImageId, body: WhatIfRequest) -> Response:
        """Find boxes with each of several records, and say the score of given boxes under each."""
        image = service.images.get(id)
        check_count(body.records, service.settings.records, "records")
        check_count(body.boxes, service.settings.boxes, "boxes")
        records = [service.record(one, image.viewing.taken) for one in body.records]
        found, scores = await service.what_if(image, records, body.boxes)
        results = [
            ScoredResult(**dict(service.result(record, one)), scores=row)
            for record, one, row in zip(records, found, scores, strict=True)
        ]
        return await sent(service, request, "what-if", image.name, ImageWhatIf(results=results))

    @router.post("/images/{id}/explanation", response_model=Explanation, **asks)
    async def explanation(request: Request, id: ImageId, body: ExplanationRequest) -> Response:
        """What each value of a record does to the score of each box: Shapley values, which add up to the difference."""
        image = service.images.get(id)
        check_count(body.boxes, service.settings.boxes, "boxes")
        record = service.record(body.clinical, image.viewing.taken)
        answer = await service.explain(image, record, body.boxes)
        return await sent(service, request, "explain", image.name, answer)

    @router.post("/images/{id}/report", tags=["images"], response_class=Response, responses=REPORTS)
    async def report(request: Request, id: ImageId, body: ReportRequest) -> Response:
        """Detections as a file: a DICOM structured report or picture, COCO results, or CSV."""
        image = service.images.get(id)
        data, kind, name = await service.report(image, body)
        await service.noted(request.state.who, f"report-{body.format}", image.name, data)
        return Response(data, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
