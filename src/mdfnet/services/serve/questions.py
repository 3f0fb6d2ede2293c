"""The shapes of requests, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, RootModel, StrictFloat, StrictInt, StrictStr
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from mdfnet.services.serve.answers import Box

#: Characters of a name, a value or a unit.
LONGEST = 100

Name = Annotated[StrictStr, Field(max_length=LONGEST)]


class Strict(BaseModel):
    """Of requests: a name that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Value(Strict):
    """A value that names its unit."""

    value: StrictFloat | StrictInt | Name | None
    unit: Name | None = Field(None, description="UCUM code.", examples=["[degF]"])


class Given(RootModel[StrictFloat | StrictInt | Name | Value | None]):
    """A value in the feature's unit, a category's name, or a value with its unit; null is missing."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """One schema of four types says the same as five schemas of which any may hold, and is easier to read."""
        handler(core)
        properties = {"value": {"type": ["number", "string", "null"], "maxLength": LONGEST}}
        properties["unit"] = {"type": ["string", "null"], "maxLength": LONGEST, "description": "UCUM code."}
        described = {"title": "Given", "description": cls.__doc__, "type": ["number", "string", "object", "null"]}
        one = {"properties": properties, "required": ["value"], "additionalProperties": False, "maxLength": LONGEST}
        return described | one


class Record(RootModel[Annotated[dict[Name, Given], Field(max_length=200)]]):
    """Clinical values by feature. What is left out or null is missing; an implausible value is refused by itself.

    Other names than those of the model's features are passed over, with a note.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"age": 61, "temperature": {"value": 101.3, "unit": "[degF]"}, "o2sat": None}]}
    )

    @property
    def values(self) -> dict[str, Any]:
        """As `mdfnet.clinical.records.read_record` takes them."""
        values: dict[str, Any] = self.model_dump()
        return values


class FhirEntry(BaseModel):
    """One resource."""

    model_config = ConfigDict(extra="allow")

    fullUrl: Annotated[str, Field(max_length=1000)] | None = None
    resource: dict[str, Any]


class FhirBundle(BaseModel):
    """Patient and Observation of one patient, FHIR R4. Of each feature the last value at or before the image counts."""

    model_config = ConfigDict(extra="allow")

    resourceType: Literal["Bundle"]
    entry: list[FhirEntry] = Field(default_factory=list, max_length=5_000)


class LabeledBox(Strict):
    """A place on the image whose score is asked for."""

    label: Name = Field(description="Name of a class.", examples=["Consolidation"])
    box: Box


class GivenDetection(Strict):
    """A detection as this server gave it."""

    label: Name = Field(description="Name of a class.")
    score: float = Field(ge=0, le=1)
    calibrated: float | None = Field(None, ge=0, le=1)
    box: Box


class DetectRequest(Strict):
    """Detect with a record, or without."""

    clinical: Record | FhirBundle | None = None


class WhatIfRequest(Strict):
    """Detect with several records."""

    records: list[Record] = Field(min_length=1)
    boxes: list[LabeledBox] = Field(default_factory=list)


class ExplanationRequest(Strict):
    """What each value of the record does to the score of each box."""

    clinical: Record
    boxes: list[LabeledBox] = Field(min_length=1)


class ReportRequest(Strict):
    """What a file is made of."""

    clinical: Record | None = None
    detections: list[GivenDetection]
    format: Literal["sr", "capture", "coco", "csv"]
