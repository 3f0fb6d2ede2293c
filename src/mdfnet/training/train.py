"""Trains a model on a dataset: the whole run on one page."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from mdfnet.clinical.standardize import Standardizer
from mdfnet.core.errors import UserError
from mdfnet.data.dataset import Dataset
from mdfnet.models.config import Config, load_config
from mdfnet.models.load import load
from mdfnet.models.model import Model, build
from mdfnet.training.batches import ImageDataModule
from mdfnet.training.callbacks import LastCheckpoint, Validation
from mdfnet.training.module import Training
from mdfnet.training.run_folder import LAST, check_training
from mdfnet.training.stages import first_stage, init_from

#: A config's precision -> Lightning's name of it.
PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


def train(
    config: Config | str | Path,
    dataset: Dataset,
    run: str | Path,
    *,
    resume: bool = False,
    devices: int | str = "auto",
    image_only: Path | None = None,
    callbacks: list[Callback] | None = None,
    log: Callable[[str], None] = print,
) -> Model:
    """Train on the training images, pick the best epoch on the validation images. Test images are never touched.

    Args:
        config: What to train.
        dataset: Its samples carry their splits.
        run: Folder of the run: ``config.yaml``, ``history.csv``, ``last.ckpt``, ``logs/`` and the best ``model/``; with
            ``fusion_epochs`` also ``image-only/``, the run of the detector.
        resume: Go on from the run's ``last.ckpt`` as if it had never been interrupted.
        devices: How many processes or GPUs.
        image_only: Model that :attr:`Config.image_only` gave on the same images, to take instead of training another.
        callbacks: More Lightning callbacks.
        log: Where to print.

    Returns:
        The best model.

    Raises:
        UserError: The run exists and is not to be resumed, a split is empty, the loss is not finite, ...
    """
    config, run = load_config(config), Path(run)
    check_training(config, dataset, run, resume=resume)
    images = ImageDataModule(dataset.split("train"), dataset.split("val"), config)
    _silence_lightning()
    L.seed_everything(config.train.seed, workers=True, verbose=False)
    model = build(config, classes=dataset.classes, schema=dataset.schema, pretrained=False)
    model.preprocessing = replace(model.preprocessing, intensity=dataset.intensity)
    model.set_scale(Standardizer.fit(dataset.schema, np.stack([sample.clinical for sample in images.train])))
    if config.train.epochs == 0 and config.detector.weights is not None:
        init_from(model, config.detector.weights)
    elif not resume:
        model.load_pretrained()
    if not resume:
        _create(run, config)
    last = run / LAST if resume and (run / LAST).is_file() else None  # none while the first of two stages is not done
    if config.staged and config.train.epochs:

        def first(config: Config, run: Path, resume: bool) -> None:
            train(config, dataset, run, resume=resume, devices=devices, callbacks=callbacks, log=log)

        init_from(model, image_only or first_stage(config, run, first))
        L.seed_everything(config.train.seed, workers=True, verbose=False)
    training = Training(model, model.detector.loss_names)
    keep = config.train.fusion_gain if config.staged else "better"
    validation = Validation(training, images.val, run, _facts(dataset, images), log, keep=keep)
    logger = _tensorboard(run, log)
    trainer = _trainer(config, run, devices, logger, [*_callbacks(config, validation, run), *(callbacks or [])])
    try:
        trainer.fit(training, images, ckpt_path=last, weights_only=False if last else None)
    except SystemExit:  # how Lightning ends on Ctrl-C and SIGTERM
        raise KeyboardInterrupt from None
    except OSError as error:
        fix = "the last good epoch is kept; --resume goes on from it"
        raise UserError(f"cannot write: {error.strerror or error}", where=run, fix=fix) from None
    return load(run / "model")


@rank_zero_only
def _create(run: Path, config: Config) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write: {error.strerror or error}", where=run) from None


def _facts(dataset: Dataset, images: ImageDataModule) -> dict[str, Any]:
    """What a model's card says of its training data."""
    return {
        "dataset": dataset.name,
        "source": dataset.source,
        "license": dataset.license,
        "synthetic": list(dataset.synthetic),
        "fingerprint": dataset.fingerprint,
        "images": {"train": len(images.train), "val": len(images.val)},
    }


def _callbacks(config: Config, validation: Validation, run: Path) -> list[Callback]:
    settings = config.train
    callbacks: list[Callback] = [validation]
    if settings.ema:
        callbacks.append(EMAWeightAveraging("cuda" if torch.cuda.is_available() else "cpu", decay=settings.ema))
    if settings.patience:
        monitor = f"val_{settings.monitor}"
        callbacks.append(EarlyStopping(monitor, mode="max", patience=settings.patience, check_on_train_epoch_end=False))
    if sys.stdout.isatty():
        callbacks.append(RichProgressBar(leave=False))
    return [*callbacks, LastCheckpoint(run)]


def _tensorboard(run: Path, log: Callable[[str], None]) -> TensorBoardLogger | Literal[False]:
    if find_spec("tensorboard") is not None:
        return TensorBoardLogger(run, name=None, version="logs")
    log(f"note: no TensorBoard logs in {run}: it is not installed; pip install 'mdfnet[tensorboard]'")
    return False


def _trainer(
    config: Config,
    run: Path,
    devices: int | str,
    logger: TensorBoardLogger | Literal[False],
    callbacks: list[Callback],
) -> L.Trainer:
    settings = config.train
    gpu = torch.cuda.is_available()
    return L.Trainer(
        max_epochs=config.last_epochs,
        devices=devices,
        precision=PRECISIONS[settings.precision] if gpu or settings.precision != "16" else "32-true",
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=settings.clip,
        # A few CUDA kernels (bilinear resizing backward) have no deterministic form: warn there, insist elsewhere.
        deterministic=("warn" if gpu else True) if settings.deterministic else False,
        callbacks=callbacks,
        logger=logger,
        default_root_dir=run,
        enable_checkpointing=False,
        enable_progress_bar=sys.stdout.isatty(),
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
    )


def _silence_lightning() -> None:
    """Its advice on workers, hardware and batch sizes is not the user's concern here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*(does not have many workers|srun|isinstance.treespec).*")
