"""``model.json``: what a saved model says of itself, read without its weights and without torch."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError, first_problem
from mdfnet.core.files import read_json
from mdfnet.core.former_names import with_current_keys, with_current_parts
from mdfnet.core.types import Classes
from mdfnet.models.config import Config

#: Version of the folder's format. A later one is refused.
FORMAT_VERSION = 2

WEIGHTS, CARD = "model.safetensors", "model.json"

NOTICE = "Research use only. Not a medical device."

#: The model that ships with the package, trained on synthetic images; ``scripts/make_demo_model.py`` makes it.
DEMO_MODEL = Path(__file__).parent / "demo_model"


class Card(BaseModel):
    """What ``model.json`` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int
    notice: str
    config: Config
    classes: dict[str, int]
    clinical_schema: Schema
    fitted: dict[str, list[float]]
    seen: list[list[float]] | None = None
    preprocessing: dict[str, Any]
    versions: dict[str, str]
    weights_sha256: str
    training: dict[str, Any]

    @model_validator(mode="after")
    def _fitted_to_schema(self) -> Self:
        lengths = {name: len(values) for name, values in self.fitted.items()}
        if lengths != dict.fromkeys(("mean", "std", "mode"), len(self.clinical_schema)):
            raise ValueError("fitted needs mean, std and mode of every clinical feature")
        if self.seen is not None and len(self.seen) != len(self.clinical_schema):
            raise ValueError("seen needs every clinical feature")
        return self

    def known_classes(self) -> Classes:
        """What the model finds."""
        return Classes(tuple(self.classes), tuple(self.classes.values()))


def is_model(folder: str | Path) -> bool:
    """Whether a folder is that of a saved model."""
    return (Path(folder) / CARD).is_file()


def find_model(path: str | Path) -> Path:
    """The folder of a model: itself, the best model of a run, or the shipped ``demo``."""
    path = Path(path)
    for folder in (path, path / "model"):
        if is_model(folder):
            return folder
    if str(path) == "demo":
        return DEMO_MODEL
    fix = "give a run's folder, a model's folder, or 'demo' for the shipped one"
    raise UserError(f"no model here: {CARD} is missing", where=path, fix=fix)


def read_card(folder: str | Path) -> Card:
    """Everything about a saved model but its weights.

    Raises:
        UserError: There is no such model, or its card cannot be read.
    """
    path = Path(folder) / CARD
    if not path.is_file():
        raise UserError(f"no model here: {CARD} is missing", where=folder, fix="give the folder that training wrote")
    values = read_json(path)
    version = values.get("format_version") if isinstance(values, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(f"written by a later mdfnet (format {version})", where=path, fix="update mdfnet")
    if version == 1:
        values = _of_version_1(values)
    try:
        return Card.model_validate(values)
    except ValidationError as error:
        fix = "the file was altered; copy the model again"
        raise UserError(first_problem(error), where=path, fix=fix) from None


def _of_version_1(values: dict[str, Any]) -> dict[str, Any]:
    """A card of the first format, whose keys said film where they now say image."""
    values = with_current_keys(values) | {"format_version": FORMAT_VERSION}
    if isinstance(values.get("preprocessing"), dict) and values["preprocessing"].get("name") == "grey":
        values["preprocessing"]["name"] = "gray"
    training = values.get("training")
    if isinstance(training, dict) and "synthetic" in training:
        training["synthetic"] = with_current_parts(training["synthetic"])
    return values


def versions() -> dict[str, str]:
    """Versions of what a result depends on, by name."""
    names = ("mdfnet", "torch", "torchvision", "lightning", "numpy", "pillow", "pydicom")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
