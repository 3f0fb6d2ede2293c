"""What happens between epochs: scoring on the validation images, keeping the best model, writing the history."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from mdfnet.core.files import replacing
from mdfnet.core.types import Classes, Sample
from mdfnet.metrics.evaluation import score_detections
from mdfnet.models.operating_points import fit_operating
from mdfnet.training.gain import DetectionsById, detect_without_records, gain
from mdfnet.training.module import Training
from mdfnet.training.run_folder import LAST, write_history


class Validation(Callback):
    """Scores every epoch on the validation images, keeps the model of the best one, writes ``history.csv``.

    Must come before an averaging callback: it saves the weights that were validated, which are the averaged ones. The
    model's card notes the ``facts``. Kept are epochs ``better`` than all before; or, of fusion on a trained detector,
    which is kept as it starts, ``any`` that is better than the detector, or those whose gain is ``shown`` not to be
    chance.
    """

    def __init__(
        self,
        training: Training,
        images: Sequence[Sample],
        run: Path,
        facts: dict[str, Any],
        print_line: Callable[[str], None],  # ``log`` is Lightning's own
        *,
        keep: Literal["better", "any", "shown"] = "better",
    ):
        self.training, self.images, self.run, self.facts = training, images, run, facts
        self.print_line, self.keep = print_line, keep
        self.best = -1.0
        self.history: list[dict[str, Any]] = []
        self.image_only: DetectionsById = {}
        self.started = time.perf_counter()

    def on_fit_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if self.keep == "better":
            return
        self.image_only = detect_without_records(self.training.model, self.images)
        if self.best >= 0:  # a resumed run
            return
        scores = self._scores(self.image_only)
        self.best = scores[self.training.settings.monitor]
        if trainer.is_global_zero:
            self._save({"epoch": -1, **scores}, self.image_only)
            self.print_line(f"the detector alone  {_in_words(scores)}")

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.started = time.perf_counter()

    def on_validation_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.training.found.clear()

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        found = self._found(trainer)
        scores = self._scores(found)
        module.log_dict({f"val_{name}": value for name, value in scores.items()}, rank_zero_only=True)
        totals, images = self.training.totals, self.training.totals.get("images") or 1.0
        losses = {name: round(value / images, 5) for name, value in totals.items() if name != "images"}
        row = {"epoch": trainer.current_epoch, **losses, **scores}
        row["lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        row["seconds"] = round(time.perf_counter() - self.started, 2)
        self.history.append(row)
        score = scores[self.training.settings.monitor]
        mark = self._mark(score, found)
        if mark == BEST:
            self.best = score
        if trainer.is_global_zero:
            write_history(self.run / "history.csv", self.history)
            if mark == BEST:
                self._save({key: row[key] for key in ("epoch", *SCORES)}, found)
            line = [f"epoch {row['epoch'] + 1:>3}/{trainer.max_epochs}", f"loss {row['loss']:.3f}", _in_words(row)]
            self.print_line("  ".join([*line, f"{row['seconds']:.0f} s", *([mark] if mark else [])]))

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "history": self.history}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.history = state["best"], state["history"]

    def _found(self, trainer: L.Trainer) -> DetectionsById:
        """The detections of all processes."""
        found = self.training.found
        if trainer.world_size > 1:
            parts: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(parts, found)
            found = {name: one for part in parts for name, one in part.items()}
        return found

    def _scores(self, found: DetectionsById) -> dict[str, float]:
        return validation_scores(self.images, found, self.training.model.classes)

    def _mark(self, score: float, found: DetectionsById) -> str:
        """:data:`BEST` for the best epoch so far; why not, where it scores higher but is not shown to be better."""
        if score <= self.best:
            return ""
        if self.keep == "shown":
            classes, monitor = self.training.model.classes, self.training.settings.monitor
            one = gain(self.images, self.image_only, found, classes, monitor)
            if one.verdict != "higher":
                return f"not shown to be better: {one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f}), p {one.p:.2f}"
        return BEST

    def _save(self, scores: dict[str, Any], found: DetectionsById) -> None:
        model, detections = self.training.model, [found[sample.id] for sample in self.images]
        fitted_on = f"{len(self.images)} images of the split val of {self.facts['dataset']}"
        model.operating = fit_operating(self.images, detections, model.classes, fitted_on)
        model.save(self.run / "model", **self.facts, validation=scores)


BEST = "best"  #: How an epoch is marked whose model is kept
SCORES = ("AP@IoU=0.25", "AP@IoU=0.5", "AP@IoBB=0.5")  #: What is watched on the validation images


def validation_scores(images: Sequence[Sample], found: DetectionsById, classes: Classes) -> dict[str, float]:
    """The means over classes of :data:`SCORES`; 0 where no image has any finding."""
    ids = [sample.id for sample in images]
    scores = score_detections([found[name] for name in ids], [sample.target for sample in images], classes, images=ids)
    return {name: 0.0 if math.isnan(scores.mean(name)) else scores.mean(name) for name in SCORES}


class LastCheckpoint(Callback):
    """Writes :data:`LAST` after every epoch, so that a killed run loses one epoch at most."""

    def __init__(self, run: Path):
        self.path = run / LAST

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        with replacing(self.path) if trainer.is_global_zero else nullcontext(self.path) as draft:
            trainer.save_checkpoint(draft)


def _in_words(scores: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {scores[name]:.3f}" for name in SCORES)
