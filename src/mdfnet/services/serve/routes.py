"""The API below no open image, and the worklist. What each path does is in `mdfnet.services.serve.service`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from mdfnet.clinical.records import RecordResult
from mdfnet.services.serve.answers import ImageSize, ListedImage, ModelFacts, OpenedImage, Prediction, WhatIf, Worklist
from mdfnet.services.serve.image_routes import add_image_routes
from mdfnet.services.serve.model_facts import model_facts
from mdfnet.services.serve.questions import FhirBundle, Record
from mdfnet.services.serve.records import clinical_answer
from mdfnet.services.serve.responses import BODY, ImageId, check_count, refusals, sent
from mdfnet.services.serve.service import Service
from mdfnet.services.serve.uploads import JsonPart, form_schema, read_form
from mdfnet.services.serve.worklist import Folder

CLINICAL, RECORDS = (
    JsonPart("clinical", Record | FhirBundle),
    JsonPart("records", Annotated[list[Record], Field(min_length=1)], required=True),
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
    add_image_routes(router, service)
    return router


def _add_predictions(router: APIRouter, service: Service) -> None:
    """An image in, boxes out; nothing is kept."""
    predicts: dict[str, Any] = {"tags": ["predict"], "responses": refusals(*BODY)}

    @router.post("/predict", response_model=Prediction, openapi_extra=form_schema(CLINICAL), **predicts)
    async def predict(request: Request) -> Response:
        """Find boxes on an image, with a record or without."""
        data, given = await read_form(request, CLINICAL, service.settings)
        decoded = await service.decode(data)
        record = service.record(given, decoded.viewing.taken)
        (result,) = await service.predict(decoded.image, [record])
        answer = Prediction(**service.about, image=_size(decoded.values), **dict(result))
        return await sent(service, request, "predict", service.image_name(data), answer)

    @router.post("/what-if", response_model=WhatIf, openapi_extra=form_schema(RECORDS), **predicts)
    async def what_if(request: Request) -> Response:
        """Find boxes on an image with each of several records; the image is encoded once."""
        data, given = await read_form(request, RECORDS, service.settings)
        check_count(given, service.settings.records, "records")
        decoded = await service.decode(data)
        records = [service.record(one, decoded.viewing.taken) for one in given]
        results = await service.predict(decoded.image, records)
        answer = WhatIf(**service.about, image=_size(decoded.values), results=results)
        return await sent(service, request, "what-if", service.image_name(data), answer)


def _add_opening(router: APIRouter, service: Service, folder: Folder) -> None:
    """Images are opened out of an upload or out of the folder that is served."""
    opens: dict[str, Any] = {"status_code": 201, "response_model": OpenedImage}

    async def opened(request: Request, data: bytes, given: Any) -> Response:
        identifier, image = await service.open(data)
        answer = service.opened(identifier, image)
        if given is not None:
            record = given if isinstance(given, RecordResult) else service.record(given, image.viewing.taken)
            answer = answer.model_copy(
                update={"clinical": clinical_answer(service.schema, record, service.use(record))}
            )
        return await sent(service, request, "open", image.name, answer, 201)

    @router.post("/images", tags=["images"], responses=refusals(*BODY), openapi_extra=form_schema(CLINICAL), **opens)
    async def open_image(request: Request) -> Response:
        """Open an image: decode and encode it once, for all that follows. It is kept in memory for a while."""
        return await opened(request, *await read_form(request, CLINICAL, service.settings))

    @router.get("/images", tags=["worklist"], responses=refusals())
    async def worklist() -> Worklist:
        """The images of the folder that is served; empty where there is none."""
        images = await asyncio.to_thread(folder.images)
        return Worklist(images=[ListedImage(id=number, name=path.name) for number, path in images.items()])

    @router.post("/worklist/{id}", tags=["worklist"], responses=refusals(404, 413, 422), **opens)
    async def open_listed(request: Request, id: ImageId) -> Response:
        """Open an image of the worklist, with its record where the folder has one."""
        return await opened(request, *await asyncio.to_thread(folder.read, id, service.settings.max_bytes))


def _size(values: Any) -> ImageSize:
    return ImageSize(width=values.shape[1], height=values.shape[0])
