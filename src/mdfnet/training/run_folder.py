"""A run's folder: what lies in it, whether a training can start there or go on, its history. No torch in here."""

from __future__ import annotations

import csv
import os
import zipfile
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError
from mdfnet.core.files import check_folder_can_be_made, replacing
from mdfnet.data.dataset import Dataset
from mdfnet.models.card import read_card
from mdfnet.models.config import Config, load_config
from mdfnet.models.detectors.settings import TransformersConfig

IMAGE_ONLY = "image-only"  #: Folder of the first stage's run, within the run's folder
SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")  #: By which weights are told to be a file
LAST = "last.ckpt"  #: The checkpoint of a run that is not done

#: Where launchers say which of several processes this is. The first, 0, makes the folder that the others then find.
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


def has_checkpoint(run: Path) -> bool:
    """Whether a run has an epoch to go on from, of either stage."""
    first = run / IMAGE_ONLY
    return any(path.exists() for path in (run / LAST, first / LAST, first / "model"))


def check_training(config: Config, dataset: Dataset, run: Path, *, resume: bool = False) -> None:
    """Whether this can be trained into this folder, as far as that can be told without torch.

    Raises:
        UserError: A split is empty or has no finding, a file is missing, or the folder is not new, or not that of this
            training where it is to be resumed.
    """
    check_folder_can_be_made(run)
    for name in ("train", "val"):
        if not any(len(sample.target) for sample in dataset.split(name)):
            raise UserError(f"no image of the split {name!r} has a finding", where=dataset.folder, fix="see splits.csv")
    weights = config.detector.weights
    hub = isinstance(config.detector, TransformersConfig)
    if weights is not None and _is_path(weights, hub) and not Path(weights).exists():
        fix = "give a .safetensors file, the folder of a saved model, or a name that the detector knows"
        raise UserError("no such weights file or folder", where=weights, fix=fix)
    if resume:
        _check_resumable(run, config, dataset)
    elif run.is_dir() and any(run.iterdir()) and all(os.environ.get(name, "0") == "0" for name in RANKS):
        fix = "choose another name, or --resume" if has_checkpoint(run) else "choose another name, or remove it"
        raise UserError("the run's folder is not empty", where=run, fix=fix)


def _is_path(weights: str, hub: bool) -> bool:
    """Whether weights are a path by their looks; with a ``hub``, OWNER/NAME may be a name there."""
    if weights.endswith((*SUFFIXES, "/")) or weights.startswith((".", "/", "~")):
        return True
    return weights.count("/") > int(hub)


def _check_resumable(run: Path, config: Config, dataset: Dataset) -> None:
    last = run / LAST
    if not run.is_dir():
        raise UserError("no run to resume here", where=run, fix="name its folder with --out, or leave out --resume")
    if not has_checkpoint(run):
        fix = "no epoch was finished: remove the folder and start without --resume"
        raise UserError(f"nothing to resume: {LAST} is missing", where=run, fix=fix)
    if last.is_file() and not zipfile.is_zipfile(last):
        raise UserError("the checkpoint is damaged", where=last, fix="start anew; the best model so far is whole")
    if load_config(run / "config.yaml") != config:
        raise UserError("the config differs from the run's", where=run / "config.yaml", fix="resume with the same one")
    model = run / "model" if last.is_file() else run / IMAGE_ONLY / "model"
    if read_card(model).training["fingerprint"] != dataset.fingerprint:
        raise UserError("not the dataset the run began with", where=dataset.folder, fix="resume with the same one")


def write_history(path: Path, history: list[dict[str, Any]]) -> None:
    """Write the epochs so far as CSV, one row each, complete or not at all."""
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def read_history(path: Path) -> list[dict[str, float]]:
    """The epochs that :func:`write_history` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
