"""The shapes of answers, as OpenAPI shows them. Boxes are x1, y1, x2, y2 in pixels of the image."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Pixels = Annotated[
    float, Field(ge=0, le=100_000, description="Pixels of the original image, from its top-left corner.")
]
Box = Annotated[tuple[Pixels, Pixels, Pixels, Pixels], Field(examples=[[112.5, 273.0, 255.25, 413.0]])]


class ModelName(BaseModel):
    """Which model answered."""

    name: str
    sha256: str = Field(description="Of its weights.")


class PreprocessingFacts(BaseModel):
    """What the image went through."""

    name: str
    version: int
    intensity: str = Field(description="Recipe from DICOM to gray values.")


class ImageSize(BaseModel):
    """In pixels."""

    width: int
    height: int


class Clinical(BaseModel):
    """How the record was used. Every feature is in one of used, missing and refused."""

    values: dict[str, float | str | None] = Field(description="What the network was given, in the schema's units.")
    used: list[str]
    missing: list[str]
    refused: dict[str, str] = Field(description="Feature -> why its value is implausible; it was taken as missing.")
    unseen: list[str] = Field(description="Used, although no training image had such a value.")
    notes: dict[str, str] = Field(
        description="What training had instead of unseen values; why other names were not used."
    )


class Detection(BaseModel):
    """One box."""

    label: str
    score: float
    calibrated: float | None = Field(None, description="Score as a probability, where that was fitted.")
    box: Box


class _Answer(BaseModel):
    model: ModelName
    notice: str
    preprocessing: PreprocessingFacts
    image: ImageSize


class Prediction(_Answer):
    """What was found, highest score first, and with what."""

    clinical: Clinical | None = Field(description="null: the model looks at images alone.")
    detections: list[Detection]


class ImagePrediction(Prediction):
    """The same beside what the image alone gives."""

    image_only: list[Detection]


class Result(BaseModel):
    """What one record gives."""

    clinical: Clinical | None
    detections: list[Detection]


class ScoredResult(Result):
    """What one record gives, and the score of each box that was asked for."""

    scores: list[float | None] = Field(description="In the order of the boxes; null where nothing was found there.")


class WhatIf(_Answer):
    """One image, several records."""

    results: list[Result]


class ImageWhatIf(BaseModel):
    """Results in the order of the records."""

    results: list[ScoredResult]


class Window(BaseModel):
    """As DICOM has it, in the values of the pixels that the server gives."""

    center: float
    width: float


class OpenedImage(BaseModel):
    """An image that is kept in memory for a while."""

    id: str
    width: int
    height: int
    bits: int = Field(description="The largest value there can be has so many.")
    invert: bool = Field(description="High values are dark (MONOCHROME1).")
    window: Window
    kind: Literal["dicom", "png", "jpeg"]
    view: Literal["PA", "AP"] | None = None
    clinical: Clinical | None = Field(None, description="Of the record that came with it.")


class ListedImage(BaseModel):
    """An image of the worklist."""

    id: str
    name: str


class Worklist(BaseModel):
    """Images of the folder that the server was given."""

    images: list[ListedImage]


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
    """What the training images had."""

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
    preprocessing: PreprocessingFacts
    fused: bool = Field(description="Whether it reads records at all.")
    limits: Limits
    card: dict[str, Any] = Field(description="What the model's folder says: config, schema, training.")


class State(BaseModel):
    """Of the server."""

    status: Literal["ok"]
