"""How long an experiment will take: a few steps of each arm are timed, and multiplied."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mdfnet.experiments.work import Job
from mdfnet.models.inference import detect_images, on_best_device
from mdfnet.models.model import build
from mdfnet.training.batches import TrainingImages, collate
from mdfnet.training.module import sum_of


@dataclass(frozen=True)
class Pace:
    """Seconds per image of training and of detection, loading included."""

    training: float
    detection: float

    def seconds(self, job: Job) -> float:
        """Of a whole cell: its epochs with validation, and its tests."""
        train, val, test = (len(job.dataset.split(name)) for name in ("train", "val", "test"))
        tests = test * len(job.settings["records"]) + (len(job.other.samples) if job.other else 0)
        return job.config.train.epochs * (train * self.training + val * self.detection) + tests * self.detection


def estimate(jobs: Sequence[Job]) -> dict[str, float]:
    """Seconds that each cell will take on this machine, by its name; a clinical-only cell takes next to none.

    An untrained model finds other boxes than a trained one, so this is right to a factor of about two.
    """
    trained = {job.cell.arm: job for job in reversed(jobs) if not job.settings["clinical_only"]}
    paces = {arm: _pace(job) for arm, job in trained.items()}
    return {job.cell.name: paces[job.cell.arm].seconds(job) if job.cell.arm in paces else 0.0 for job in jobs}


def _pace(job: Job, steps: int = 3) -> Pace:
    config = job.config
    model = on_best_device(build(config, classes=job.dataset.classes, schema=job.dataset.schema, pretrained=False))
    samples, size = job.dataset.split("train"), config.train.batch_size
    images = TrainingImages(samples, config)
    model.train()
    training = []
    for step in range(steps + 1):  # the first one is always slow
        started = time.perf_counter()
        batch = collate([images[(step * size + place) % len(images), step] for place in range(size)])
        losses = model.losses(batch["images"], batch["targets"], batch["clinical"])
        torch.autograd.backward(sum_of(losses.values()))
        training.append((time.perf_counter() - started) / size)
    model.eval()
    started, shown = time.perf_counter(), samples[: 2 * size]
    with torch.no_grad():
        list(detect_images(model, shown))
    return Pace(min(training[1:]), (time.perf_counter() - started) / len(shown))
