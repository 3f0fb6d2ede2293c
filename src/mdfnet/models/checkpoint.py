"""A saved model: a folder with safetensors and JSON, nothing that runs code when it is read.

``model.safetensors`` holds the weights. ``model.json`` holds everything else that is needed to use them and to know
where they come from: config, classes, clinical schema, what was fitted on the training split, preprocessing, versions,
and whatever training noted. ``operating.json`` holds what was fitted on the validation images, if it was. The folder
appears under its name only when it is complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save as serialize
from torch import Tensor

from mdfnet.core.errors import UserError
from mdfnet.core.files import replacing_folder
from mdfnet.core.types import Classes
from mdfnet.models.card import CARD, WEIGHTS, Card, read_card
from mdfnet.models.config import Config
from mdfnet.models.detectors.base import Detector
from mdfnet.models.detectors.registry import find
from mdfnet.models.detectors.weights import load_fitting, read_weights
from mdfnet.models.operating_points import Operating, write_operating


def write_model(folder: str | Path, card: Card, state: Mapping[str, Tensor], operating: Operating | None) -> None:
    """Write a saved model, replacing one of that name only when the new one is complete.

    The hash of the weights is filled into the card.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / CARD).is_file():
        raise UserError("the folder exists and holds no model", where=folder, fix="choose another name")
    with replacing_folder(folder) as draft:
        # Copies, since safetensors refuses weights that a network has under two names.
        weights = {key: value.detach().cpu().clone().contiguous() for key, value in state.items()}
        (draft / WEIGHTS).write_bytes(serialize(weights))  # save_file hides a full disk from us
        card = card.model_copy(update={"weights_sha256": _sha256(draft / WEIGHTS)})
        (draft / CARD).write_text(card.model_dump_json(indent=1), encoding="utf-8")
        if operating is not None:
            write_operating(operating, draft)


def start_from(detector: Detector, config: Config, classes: Classes, folder: str | Path) -> None:
    """Give a detector the weights that a saved model's detector has; for other classes, their layers stay.

    Detector and settings must be the same; classes, schema, fusion and size of image may differ.
    """
    card = read_card(folder)
    ours, theirs = config.detector, card.config.detector
    if ours.name != theirs.name:
        fix = f"detector.name={theirs.name}, or weights of {ours.name}"
        raise UserError(f"a model with the detector {theirs.name}, not {ours.name}", where=folder, fix=fix)
    parts = read_state(Path(folder), card).items()
    state = {key.removeprefix("detector."): value for key, value in parts if key.startswith("detector.")}
    fresh = () if tuple(card.classes) == classes.names else _of_classes(detector, config, classes)
    known = {key: value for key, value in state.items() if key not in fresh}
    load_fitting(detector, known, str(folder), "use the settings of that model's detector", fresh)


def _of_classes(detector: Detector, config: Config, classes: Classes) -> list[str]:
    """Names of the weights that depend on what is to be found: those that have another shape with one class more."""
    other = find(config.detector.name).build(config.detector, config.input, len(classes) + 1).state_dict()
    return [key for key, value in detector.state_dict().items() if value.shape != other[key].shape]


def read_state(folder: Path, card: Card) -> dict[str, Tensor]:
    """The weights that a card belongs to."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(f"{WEIGHTS} is missing", where=folder, fix="copy the whole model folder")
    if _sha256(path) != card.weights_sha256:
        raise UserError(f"{WEIGHTS} is not the file {CARD} was written with", where=folder, fix="copy the model again")
    return read_weights(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
