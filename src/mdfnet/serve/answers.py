"""The shapes of requests and answers, as OpenAPI shows them. Boxes are x1, y1, x2, y2 in pixels of the film."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictFloat, StrictInt, StrictStr

Pixels = Annotated[float, Field(ge=0, le=100_000, description="Pixels of the original film, from its top-left corner.")]
Box = Annotated[tuple[Pixels, Pixels, Pixels, Pixels], Field(examples=[[112.5, 273.0, 255.25, 413.0]])]
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
    def __get_pydantic_json_schema__(cls, core, handler) -> dict[str, Any]:
        """One schema of four types says the same as five schemas of which any may hold, and is easier to read."""
        handler(core)
        properties = {"value": {"type": ["number", "string", "null"], "maxLength": LONGEST}}
        properties["unit"] = {"type": ["string", "null"], "maxLength": LONGEST, "description": "UCUM code."}
        described = {"title": "Given", "description": cls.__doc__, "type": ["number", "string", "object", "null"]}
        one = {"properties": properties, "required": ["value"], "additionalProperties": False, "maxLength": LONGEST}
        return described | one


class Record(RootModel[Annotated[dict[Name, Given], Field(max_length=200)]]):
    """Clinical values by feature. What is left out or null is missing; what cannot be right is refused by itself.

    Other names than those of the model's features are passed over, with a note.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"age": 61, "temperature": {"value": 101.3, "unit": "[degF]"}, "o2sat": None}]}
    )

    @property
    def values(self) -> dict[str, Any]:
        """As `mdfnet.clinical.records.read_record` takes them."""
        return self.model_dump()


class FhirEntry(BaseModel):
    """One resource."""

    model_config = ConfigDict(extra="allow")

    fullUrl: Annotated[str, Field(max_length=1000)] | None = None
    resource: dict[str, Any]


class FhirBundle(BaseModel):
    """Patient and Observation of one patient, FHIR R4. Of each feature the last value at or before the film counts."""

    model_config = ConfigDict(extra="allow")

    resourceType: Literal["Bundle"]
    entry: list[FhirEntry] = Field(default_factory=list, max_length=5_000)


class MarkedBox(Strict):
    """A place on the film whose score is asked for."""

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
    boxes: list[MarkedBox] = Field(default_factory=list)


class ExplanationRequest(Strict):
    """What each value of the record does to the score of each box."""

    clinical: Record
    boxes: list[MarkedBox] = Field(min_length=1)


class ReportRequest(Strict):
    """What a file is made of."""

    clinical: Record | None = None
    detections: list[GivenDetection]
    format: Literal["sr", "capture", "coco", "csv"]


class ModelName(BaseModel):
    """Which model answered."""

    name: str
    sha256: str = Field(description="Of its weights.")


class Preprocessing(BaseModel):
    """What the film went through."""

    name: str
    version: int
    intensity: str = Field(description="Recipe from DICOM to grey values.")


class FilmSize(BaseModel):
    """In pixels."""

    width: int
    height: int


class Clinical(BaseModel):
    """What became of the record. Every feature is in one of used, missing and refused."""

    values: dict[str, float | str | None] = Field(description="What the network was given, in the schema's units.")
    used: list[str]
    missing: list[str]
    refused: dict[str, str] = Field(description="Feature -> why its value cannot be right; it was taken as missing.")
    unseen: list[str] = Field(description="Used, although no film of the training had such a value.")
    notes: dict[str, str] = Field(description="What training had of unseen ones; why other names were passed over.")


class Detection(BaseModel):
    """One box."""

    label: str
    score: float
    calibrated: float | None = Field(None, description="Score as a probability, where that was fitted.")
    box: Box


class Prediction(BaseModel):
    """What was found, highest score first, and with what."""

    model: ModelName
    notice: str
    preprocessing: Preprocessing
    film: FilmSize
    clinical: Clinical | None = Field(description="null: the model looks at films alone.")
    detections: list[Detection]


class FilmPrediction(Prediction):
    """The same beside what the film alone gives."""

    image_only: list[Detection]


class Result(BaseModel):
    """What one record gives."""

    clinical: Clinical | None
    detections: list[Detection]


class ScoredResult(Result):
    """What one record gives, and the score of each box that was asked for."""

    scores: list[float | None] = Field(description="In the order of the boxes; null where nothing was found there.")


class WhatIf(BaseModel):
    """One film, several records."""

    model: ModelName
    notice: str
    preprocessing: Preprocessing
    film: FilmSize
    results: list[Result]


class FilmWhatIf(BaseModel):
    """Results in the order of the records."""

    results: list[ScoredResult]


class Window(BaseModel):
    """As DICOM has it, in the values of the pixels that the server gives."""

    center: float
    width: float


class OpenedFilm(BaseModel):
    """A film that is kept in memory for a while."""

    id: str
    width: int
    height: int
    bits: int = Field(description="The largest value there can be has so many.")
    invert: bool = Field(description="High values are dark (MONOCHROME1).")
    window: Window
    kind: Literal["dicom", "png", "jpeg"]
    view: Literal["PA", "AP"] | None = None
    clinical: Clinical | None = Field(None, description="Of the record that came with it.")


class ListedFilm(BaseModel):
    """A film of the worklist."""

    id: str
    name: str


class Worklist(BaseModel):
    """Films of the folder that the server was given."""

    films: list[ListedFilm]


class BoxExplanation(BaseModel):
    """Baseline and values add up to the full score."""

    baseline: float = Field(description="Score without any record.")
    full: float = Field(description="Score with the record.")
    values: dict[str, float] = Field(description="Feature -> Shapley value.")


class Explanation(BaseModel):
    """In the order of the boxes."""

    boxes: list[BoxExplanation]
    exact: bool = Field(description="All coalitions of features were run; otherwise a sample.")


class ModelClass(BaseModel):
    """A finding."""

    name: str
    id: int = Field(description="Category id, for COCO.")
    color: str = Field(examples=["#0068a3"])


class Seen(BaseModel):
    """What the training films had."""

    min: float
    max: float
    mean: float
    sd: float


class FeatureFacts(BaseModel):
    """A feature of the record."""

    name: str
    title: str
    kind: Literal["number", "category"]
    unit: str | None = Field(None, description="UCUM code.")
    categories: list[str] | None = None
    plausible: tuple[float, float] | None = Field(None, description="A number outside is refused.")
    normal: tuple[float, float] | None = Field(None, description="Usual in a healthy adult at rest.")
    seen: Seen | None = None


class Limits(BaseModel):
    """What the server takes."""

    max_bytes: int
    max_pixels: int
    seconds: float
    records: int
    boxes: int


class ModelFacts(BaseModel):
    """The model that answers."""

    name: str
    version: str = Field(description="Of the mdfnet that trained it.")
    sha256: str
    notice: str
    classes: list[ModelClass]
    features: list[FeatureFacts]
    operating: dict[str, Any] | None = Field(description="Operating points and calibration, where they were fitted.")
    preprocessing: Preprocessing
    fused: bool = Field(description="Whether it reads records at all.")
    limits: Limits
    card: dict[str, Any] = Field(description="What the model's folder says: config, schema, training.")


class State(BaseModel):
    """Of the server."""

    status: Literal["ok"]
