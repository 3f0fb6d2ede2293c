"""Training in two stages: the detector on images alone, then the fusion by itself, on the detector as it is.

What the image shows is then learned by itself, and no record can spoil it: without a record the fused model is the
image-only one, bit by bit, and the fusion only adds what helps.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from mdfnet.core.errors import UserError
from mdfnet.models import checkpoint
from mdfnet.models.card import is_model, read_card
from mdfnet.models.config import Config
from mdfnet.models.model import Model
from mdfnet.training.run_folder import IMAGE_ONLY, LAST


def first_stage(config: Config, run: Path, train: Callable[[Config, Path, bool], object]) -> Path:
    """Train the image-only detector, resume its training, or find it done; gives the folder of its best model.

    ``train`` trains a config into a folder; its third argument says whether to resume from the ``last.ckpt`` there.
    """
    first = run / IMAGE_ONLY
    resume, done = (first / LAST).is_file(), (first / "model").is_dir()
    if resume or not done:
        if not resume:
            rank_zero_only(shutil.rmtree)(first, ignore_errors=True)  # stopped in its first epoch
        train(config.image_only, first, resume)
        (first / LAST).unlink(missing_ok=True)  # done: its model and its history are what counts
    return first / "model"


def freeze_batch_norm(detector: nn.Module) -> None:
    """Keep a frozen detector's batch statistics, too, while the rest is in training mode."""
    for part in detector.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()


def init_from(model: Model, folder: str | Path) -> None:
    """Start a model with the detector of a saved one, frozen. One of other classes would need training."""
    if not is_model(folder):
        fix = "give the folder of a model that mdfnet saved, or epochs to train the detector"
        raise UserError("with epochs=0 the detector is a saved model's", where=folder, fix=fix)
    theirs = read_card(folder).classes
    if tuple(theirs) != model.classes.names:
        what = f"the model finds {', '.join(theirs)}, and the data are annotated for {', '.join(model.classes.names)}"
        raise UserError(what, where=folder, fix="train the detector too: give it epochs")
    checkpoint.start_from(model.detector, model.config, model.classes, folder)
    model.detector.requires_grad_(False)
