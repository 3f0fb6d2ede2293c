"""Images brought into a dataset's folder: copied, linked to, or written anew as PNG, smaller where asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample
from mdfnet.data.images.metadata import copy_without_metadata
from mdfnet.data.images.read import read_sample_image
from mdfnet.data.images.resize import shrink_image, shrink_sample, write_png
from mdfnet.data.names import image_name

#: How images come into the folder. "png": their pixels alone, without loss and without anything else the file holds.
Place = Literal["copy", "link", "png"]


def placed_samples(samples: Sequence[Sample], place: Place, size: int | None) -> tuple[Sample, ...]:
    """Samples as they will be in the folder: of the size and with the suffix that `place_images` gives their images."""
    if place != "png":
        if size is not None:
            raise UserError("images are made smaller only where they are written anew", fix="leave out size, or link")
        return tuple(samples)
    smaller = (sample if size is None else shrink_sample(sample, size) for sample in samples)
    return tuple(replace(sample, image=Path(f"{sample.id}.png")) for sample in smaller)


def place_images(sources: Sequence[Sample], placed: Sequence[Sample], folder: Path, place: Place) -> None:
    """Bring every image of ``sources`` to its place in ``folder``, on all cores where pixels are written."""
    images = [folder / image_name(sample) for sample in placed]
    for parent in {image.parent for image in images}:
        parent.mkdir(parents=True, exist_ok=True)
    if place == "png":
        sizes = [(sample.width, sample.height) for sample in placed]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow and zlib let other threads run
            try:
                list(pool.map(_write_png, sources, sizes, images))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return
    for source, image in zip(sources, images, strict=True):
        if place == "link":
            os.symlink(source.image.resolve(), image)
        else:
            copy_without_metadata(source.image, image)


def _write_png(sample: Sample, size: tuple[int, int], path: Path) -> None:
    write_png(shrink_image(read_sample_image(sample, at_least=size), size), path)
