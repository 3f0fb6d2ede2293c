"""A saved model: a folder with safetensors and JSON, nothing that runs code when it is read.

``model.safetensors`` holds the weights. ``model.json`` holds everything else that is needed to use them and to know
where they come from: config, classes, clinical schema, what was fitted on the training split, preprocessing, versions,
and whatever training noted. ``operating.json`` holds what was fitted on the validation films, if it was. The folder
appears under its name only when it is complete.
"""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from safetensors.torch import save as serialize
from torch import Tensor

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.config import Config
from mdfnet.detectors.registry import find
from mdfnet.detectors.weights import load_fitting, read_weights
from mdfnet.errors import UserError, first_problem
from mdfnet.files import read_json, replacing_folder
from mdfnet.operating import read_operating, write_operating
from mdfnet.preprocessing import Preprocessing
from mdfnet.types import Classes

if TYPE_CHECKING:
    from mdfnet.model import Model

#: Version of the folder's format. A later one is refused.
FORMAT_VERSION = 1
WEIGHTS, CARD = "model.safetensors", "model.json"
NOTICE = "Research use only. Not a medical device."


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
    def _fitted_to_schema(self):
        lengths = {name: len(values) for name, values in self.fitted.items()}
        if lengths != dict.fromkeys(("mean", "std", "mode"), len(self.clinical_schema)):
            raise ValueError("fitted needs mean, std and mode of every clinical feature")
        if self.seen is not None and len(self.seen) != len(self.clinical_schema):
            raise ValueError("seen needs every clinical feature")
        return self


def save(model: Model, folder: str | Path, **training: Any) -> None:
    """Write a model as a folder, replacing one of that name only when the new one is complete.

    Args:
        model: What to save.
        folder: Where.
        training: JSON-able facts about its training: data set, fingerprint, epoch, scores, what was synthetic.

    Raises:
        UserError: The folder exists and is not a model, or it cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / CARD).is_file():
        raise UserError("the folder exists and holds no model", where=folder, fix="choose another name")
    with replacing_folder(folder) as draft:
        # Copies, since safetensors refuses weights that a network has under two names.
        state = {key: value.detach().cpu().clone().contiguous() for key, value in model.state_dict().items()}
        (draft / WEIGHTS).write_bytes(serialize(state))  # save_file hides a full disk from us
        card = _card(model, _sha256(draft / WEIGHTS), training)
        (draft / CARD).write_text(card.model_dump_json(indent=1), encoding="utf-8")
        if model.operating is not None:
            write_operating(model.operating, draft)


def load(folder: str | Path) -> Model:
    """Read a model that :func:`save` wrote; ready for detection.

    Raises:
        UserError: A file is missing or altered, of a later version, or does not fit the rest.
    """
    from mdfnet.model import Model

    folder = Path(folder)
    card = read_card(folder)
    state = _read_weights(folder, card)
    try:
        classes = Classes(tuple(card.classes), tuple(card.classes.values()))
        model = Model(card.config, classes, card.clinical_schema, Standardizer.from_dict(card.fitted, card.seen))
        model.preprocessing = Preprocessing.of_card(card.config.input, card.preprocessing)
    except UserError as error:
        raise error.at(folder / CARD) from None
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(f"weights do not fit: {str(error).splitlines()[-1].strip()}", where=folder / WEIGHTS) from None
    model.operating = read_operating(folder, classes)
    return model.eval()


def is_model(folder: str | Path) -> bool:
    """Whether a saved model is there."""
    return (Path(folder) / CARD).is_file()


def start_from(model: Model, folder: str | Path) -> None:
    """Give a model's detector the weights that a saved model's detector has; for other classes, their layers stay.

    Args:
        model: Same detector and same settings of it; classes, schema, fusion and size of film may differ.
        folder: The saved model.

    Raises:
        UserError: The saved model cannot be read or has another detector.
    """
    card = read_card(folder)
    ours, theirs = model.config.detector, card.config.detector
    if ours.name != theirs.name:
        fix = f"detector.name={theirs.name}, or weights of {ours.name}"
        raise UserError(f"a model with the detector {theirs.name}, not {ours.name}", where=folder, fix=fix)
    parts = _read_weights(Path(folder), card).items()
    state = {key.removeprefix("detector."): value for key, value in parts if key.startswith("detector.")}
    fresh = () if tuple(card.classes) == model.classes.names else _of_classes(model)
    known = {key: value for key, value in state.items() if key not in fresh}
    load_fitting(model.detector, known, str(folder), "use the settings of that model's detector", fresh)


def _of_classes(model: Model) -> list[str]:
    """Names of the weights that depend on what is to be found: those that have another shape with one class more."""
    config, more = model.config, len(model.classes) + 1
    other = find(config.detector.name).build(config.detector, config.input, more).state_dict()
    return [key for key, value in model.detector.state_dict().items() if value.shape != other[key].shape]


def _read_weights(folder: Path, card: Card) -> dict[str, Tensor]:
    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(f"{WEIGHTS} is missing", where=folder, fix="copy the whole model folder")
    if _sha256(path) != card.weights_sha256:
        raise UserError(f"{WEIGHTS} is not the file {CARD} was written with", where=folder, fix="copy the model again")
    return read_weights(path)


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
    try:
        return Card.model_validate(values)
    except ValidationError as error:
        fix = "the file was altered; copy the model again"
        raise UserError(first_problem(error), where=path, fix=fix) from None


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    names = ("mdfnet", "torch", "torchvision", "lightning", "numpy", "pillow", "pydicom")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _card(model: Model, sha256: str, training: dict[str, Any]) -> Card:
    return Card(
        format_version=FORMAT_VERSION,
        notice=NOTICE,
        config=model.config,
        classes=dict(zip(model.classes.names, model.classes.ids, strict=True)),
        clinical_schema=model.schema,
        fitted=model.fitted.to_dict(),
        seen=model.fitted.seen,
        preprocessing=model.preprocessing.card(),
        versions=versions(),
        weights_sha256=sha256,
        training=training,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
