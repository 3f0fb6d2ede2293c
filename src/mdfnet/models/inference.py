"""Runs a model over films, without ever showing it what was marked on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from mdfnet.core.types import Detections, Study
from mdfnet.data.images.read import read_study_film
from mdfnet.models.model import Model
from mdfnet.models.preprocessing import film_tensor


def detect_films(model: Model, studies: Sequence[Study], *, batch_size: int = 8) -> Iterator[Detections]:
    """Detections in main memory, one film after the other, in film pixels.

    Args:
        model: Runs where it is; move it to a GPU first, where there is one.
        studies: Films and records; their targets are not read.
        batch_size: Films at a time.

    Raises:
        UserError: A film cannot be read, or has not the study's size.
    """
    for start in range(0, len(studies), batch_size):
        part = studies[start : start + batch_size]
        images = [film_tensor(read_study_film(study)) for study in part]
        clinical = torch.stack([torch.from_numpy(study.clinical) for study in part])
        yield from (found.without_masks().cpu() for found in model.detect(images, clinical))


def on_best_device(model: Model) -> Model:
    """The model on a GPU where there is one, in evaluation mode."""
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
