"""What a report says, as plain values: models with their scores, example images, the dataset, the settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdfnet.core.arrays import Array
from mdfnet.core.types import Detections, Target
from mdfnet.data.summary import summarize
from mdfnet.metrics.evaluation import Evaluation

if TYPE_CHECKING:
    from mdfnet.data.dataset import Dataset
    from mdfnet.evaluation.compare import Comparison


@dataclass(frozen=True)
class ModelResult:
    """One model's part of a report."""

    name: str  #: What the model is called in tables and plots, such as "image-only"
    evaluation: Evaluation
    #: One row per epoch of training with ``epoch`` and, where measured, ``train_loss`` and ``val_ap``
    curve: Sequence[Mapping[str, float]] = ()
    parameters: int | None = None  #: Number of learnable ones
    config: str = ""  #: Its settings as YAML
    sees: str = ""  #: What it looks at, in words, such as "images alone"
    #: What is behind the scores, as ``evaluation.json`` has it: ``intervals``, ``sweep``, ``froc``, ``roc``,
    #: ``reliability``, ``mistakes``, ``operating_points``, ``groups``; what is not there is not shown
    details: Mapping[str, Any] = field(default_factory=dict)

    def intervals(self, measure: str) -> list[tuple[float, float]]:
        """95 % intervals per class and, last, of all; NaN where there are none."""
        found: Sequence[tuple[float, float]] | None = self.details.get("intervals", {}).get(measure)
        return list(found) if found else [(math.nan, math.nan)] * (len(self.evaluation.classes) + 1)


@dataclass(frozen=True)
class ImageExample:
    """One image of a report, to be shown once per model; boxes are in its pixels."""

    id: str
    image: Array  #: uint8 or full-scale uint16 ``[H, W]``
    target: Target
    detections: Mapping[str, Detections]  #: By the name of the model, arrays or tensors in main memory
    record: Sequence[tuple[str, str]] = ()  #: From :func:`mdfnet.report.record.describe`


@dataclass(frozen=True)
class SplitCard:
    """How much a split holds: images, images with findings, patients, and annotated boxes per class."""

    name: str
    images: int
    images_with_findings: int
    patients: int
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class DatasetCard:
    """Where the data of a report come from, as the dataset says, and how much of what they hold."""

    name: str
    source: str
    license: str
    classes: tuple[str, ...]  #: In label order
    splits: tuple[SplitCard, ...]
    synthetic: tuple[str, ...] = ()  #: Which of "images", "findings" and "clinical" are made up

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetCard:
        """The card of a dataset; images that are in no split yet are counted as "unsplit"."""
        splits = (
            SplitCard(name, one.images, one.boxed, one.patients, tuple(found.boxes for found in one.classes.values()))
            for name, one in summarize(dataset).items()
        )
        classes = dataset.classes.names
        return cls(dataset.name, dataset.source, dataset.license, classes, tuple(splits), dataset.synthetic)


def synthetic_parts(parts: Sequence[str]) -> list[str]:
    """Which parts of a dataset are made up, as a reader would call them.

    Examples:
        >>> synthetic_parts(["images", "clinical"])
        ['images', 'clinical records']
    """
    return ["clinical records" if part == "clinical" else part for part in parts]


@dataclass(frozen=True)
class EvaluationReport:
    """Everything that :func:`mdfnet.report.evaluation.write_report` puts on the page.

    Raises:
        ValueError: There is no model, or two have the same name.
    """

    title: str
    models: tuple[ModelResult, ...]  #: One or more. The first is the reference: differences are shown against it
    dataset: DatasetCard  #: What the models were trained and evaluated on
    split: str = "test"  #: They were evaluated on
    images: Sequence[ImageExample] = ()
    images_note: str = ""  #: How the examples were chosen, in a sentence
    image_score: float = 0.3  #: Only detections of at least this score are drawn on the examples
    environment: Mapping[str, str] = field(default_factory=dict)  #: Versions, hardware, command, seed
    comparisons: tuple[Comparison, ...] = ()  #: Of each other model with the first; none where patients are unknown
    people: str = ""  #: Who the patients of that split are, in words

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a report needs models with different names, got {names}")
