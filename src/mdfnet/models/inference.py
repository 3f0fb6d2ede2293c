"""Runs a model over images, without ever showing it their annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from mdfnet.core.types import Detections, Sample
from mdfnet.data.images.read import read_sample_image
from mdfnet.models.model import Model
from mdfnet.models.preprocessing import image_tensor


def detect_images(model: Model, samples: Sequence[Sample], *, batch_size: int = 8) -> Iterator[Detections]:
    """Detections in main memory, one image after the other, in image pixels; the model runs where it is."""
    for start in range(0, len(samples), batch_size):
        part = samples[start : start + batch_size]
        images = [image_tensor(read_sample_image(sample)) for sample in part]
        clinical = torch.stack([torch.from_numpy(sample.clinical) for sample in part])
        yield from (found.without_masks().cpu() for found in model.detect(images, clinical))


def on_best_device(model: Model) -> Model:
    """The model on a GPU where there is one, in evaluation mode."""
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
