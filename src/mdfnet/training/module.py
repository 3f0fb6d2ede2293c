"""One training step, the sum of the losses, the optimizer: what Lightning asks for, and nothing else."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from mdfnet.core.errors import UserError
from mdfnet.core.types import Detections
from mdfnet.models.config import TrainConfig
from mdfnet.models.model import Model
from mdfnet.training.batches import Batch
from mdfnet.training.stages import freeze_batch_norm


class LearnedSum(nn.Module):
    """Weighs losses by learned uncertainty: ``sum of 0.5 / p^2 * loss + log(1 + p^2)``, one p per loss, starting at 1.

    Source: arXiv 2302.13390 and the authors' code (after Kendall et al., CVPR 2018; Liebel and Körner, 2018).

    Examples:
        >>> total = LearnedSum(["box", "class"])({"box": torch.tensor(2.0), "class": torch.tensor(4.0)})
        >>> round(total.item(), 4) == round(3 + 2 * math.log(2), 4)
        True
    """

    def __init__(self, names: Sequence[str]):
        super().__init__()
        self.p = nn.ParameterDict({name: nn.Parameter(torch.ones(())) for name in names})

    def forward(self, losses: dict[str, Tensor]) -> Tensor:
        return sum_of(0.5 / p**2 * losses[name] + torch.log1p(p**2) for name, p in self.p.items())


def sum_of(losses: Iterable[Tensor]) -> Tensor:
    """The sum of scalars, added in their order."""
    return functools.reduce(torch.add, losses)


class Training(L.LightningModule):
    """Trains a model; a frozen detector stays as it is, batch statistics included.

    Validation only collects detections; :class:`mdfnet.training.callbacks.Validation` scores them.
    """

    def __init__(self, model: Model, loss_names: Sequence[str]):
        super().__init__()
        self.model, self.settings = model, model.config.train
        self.weigh = LearnedSum(loss_names) if self.settings.loss == "learned" else None
        self.found: dict[str, Detections] = {}
        self.totals: dict[str, float] = {}

    def on_train_epoch_start(self) -> None:
        # All randomness of an epoch comes from here, so that a resumed run goes on exactly as an unbroken one.
        L.seed_everything(self.settings.seed + 1009 * self.current_epoch + self.global_rank, verbose=False)
        self.totals = {"images": 0.0}
        if not any(weights.requires_grad for weights in self.model.detector.parameters()):
            freeze_batch_norm(self.model.detector)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        losses = self.model.losses(batch["images"], batch["targets"], batch["clinical"])
        total = self.weigh(losses) if self.weigh else sum_of(losses.values())
        if not torch.isfinite(total):
            self._stop_on(losses, batch["ids"])
        images = len(batch["ids"])
        self.totals["images"] += images
        for name, value in {"loss": total, **losses}.items():
            self.totals[name] = self.totals.get(name, 0.0) + images * value.item()
        self.log("loss", total.detach(), prog_bar=True, batch_size=images)
        return total

    def validation_step(self, batch: Batch, index: int) -> None:
        found = self.model.detect(batch["images"], batch["clinical"])
        self.found |= zip(batch["ids"], (one.without_masks().cpu() for one in found), strict=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        settings = self.settings
        parameters = [p for p in self.parameters() if p.requires_grad]
        optimizer: torch.optim.Optimizer
        if settings.optimizer == "sgd":
            optimizer = torch.optim.SGD(parameters, settings.lr, momentum=0.9, weight_decay=settings.weight_decay)
        else:
            # Biases and norms have nothing to decay: matrices and kernels only.
            groups = [
                {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
                {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            ]
            optimizer = torch.optim.AdamW(groups, settings.lr)
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, steps, settings))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _stop_on(self, losses: dict[str, Tensor], ids: list[str]) -> None:
        bad = ", ".join(f"{name} = {value.item()}" for name, value in losses.items() if not torch.isfinite(value))
        raise UserError(
            f"the loss is not finite ({bad or 'their weighted sum'})",
            where=f"epoch {self.current_epoch}, images {', '.join(ids)}",
            fix="the last good epoch is saved; look at these images with 'mdfnet data check', lower lr, or set clip",
        )


def learning_rate(step: int, steps: float, settings: TrainConfig) -> float:
    """The learning rate at a step as a share of its peak: a linear warm-up, then a half cosine to 0, or constant.

    Examples:
        >>> settings = TrainConfig(warmup=0.1)
        >>> [round(learning_rate(step, 100, settings), 2) for step in (0, 9, 10, 55, 100)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warmup = settings.warmup * steps
    if step < warmup:
        return min(1.0, (step + 1) / warmup)
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))
