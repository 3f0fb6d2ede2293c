"""Phantom patients, one by one, and whole datasets of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mdfnet.core.arrays import Array, Floats
from mdfnet.core.types import PAPER_CLASSES, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import write_dataset
from mdfnet.data.phantom.clinical import SCHEMA, draw_record
from mdfnet.data.phantom.config import PhantomConfig
from mdfnet.data.phantom.findings import PhantomCase, draw_case
from mdfnet.data.phantom.radiograph import Radiograph, draw_radiograph

#: Points of an ellipse's outline.
OUTLINE = 32


@dataclass(frozen=True)
class Phantom:
    """One synthetic patient: image, annotations and record.

    Args:
        index: Position in its set.
        image: uint8 ``[size, size]``.
        target: The reader's ellipses: their boxes and outlines of 32 points, clipped to the image.
        clinical: float32 ``[10]`` in the order and units of the ``mimic-ed`` schema, NaN = missing.
        pattern: Opacity process: "none", "focal" or "bilateral".
        view: "PA" or "AP".
        split: "train", "val" or "test".
    """

    index: int
    image: Array
    target: Target
    clinical: Floats
    pattern: str
    view: str
    split: str

    @property
    def id(self) -> str:
        """Name of the image; every phantom is a patient of its own."""
        return f"phantom-{self.index:05d}"


def phantoms(config: PhantomConfig) -> Iterator[Phantom]:
    """Make phantom patients one by one; the same configuration gives the same bytes.

    Image, findings and record come from random streams of their own, so the images depend on ``size`` and ``seed``
    alone and carry no trace of which of two look-alike classes an opacity has.

    Examples:
        >>> phantom = next(phantoms(PhantomConfig(count=1, size=128)))
        >>> phantom.image.shape, phantom.image.dtype.name, phantom.clinical.shape
        ((128, 128), 'uint8', (10,))
    """
    return (_phantom(index, config) for index in range(config.count))


def write_phantoms(config: PhantomConfig, folder: str | Path) -> Dataset:
    """Write phantoms as a dataset folder with PNG images, labeled as synthetic throughout.

    Args:
        config: What to make.
        folder: Where; what :func:`mdfnet.data.dataset_folder.write_dataset` says about existing folders holds.

    Returns:
        The dataset as written.

    Raises:
        UserError: The folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="mdfnet-phantom-") as drawings:
        samples = tuple(_sample(phantom, Path(drawings)) for phantom in phantoms(config))
        dataset = Dataset(
            name="phantom",
            classes=PAPER_CLASSES,
            schema=SCHEMA,
            samples=samples,
            folder=Path(drawings),
            source=f"mdfnet phantom generator: {config.model_dump_json()}",
            license="Apache-2.0",
            synthetic=("images", "findings", "clinical"),
        )
        return write_dataset(dataset, Path(folder), images="copy")


def _phantom(index: int, config: PhantomConfig) -> Phantom:
    streams = np.random.SeedSequence([config.seed, index]).spawn(3)
    case_stream, image_stream, record_stream = map(np.random.default_rng, streams)
    case = draw_case(case_stream)
    radiograph = draw_radiograph(image_stream, case, config.size)
    return Phantom(
        index=index,
        image=radiograph.image,
        target=_target(case, radiograph, config.size),
        clinical=draw_record(record_stream, case, config),
        pattern=case.pattern,
        view=radiograph.view,
        split=_split(index, config.splits),
    )


def _target(case: PhantomCase, radiograph: Radiograph, size: int) -> Target:
    """What a reader who knows the diagnosis writes down."""
    drawn = [("Enlarged cardiac silhouette", ellipse) for ellipse in radiograph.heart]
    drawn += [("Pleural abnormality", ellipse) for ellipse in radiograph.effusions]
    drawn += [(case.opacity, ellipse) for ellipse in radiograph.opacities if case.opacity]
    angles = 2 * np.pi * np.arange(OUTLINE) / OUTLINE
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = [size * (ellipse.center + circle * ellipse.axes) for _, ellipse in drawn]
    outlines = [np.clip(outline, 0, size).astype(np.float32) for outline in points]
    boxes = [[*outline.min(axis=0), *outline.max(axis=0)] for outline in outlines]
    return Target.of(boxes, [PAPER_CLASSES.label(name) for name, _ in drawn], outlines)


def _split(index: int, fractions: tuple[float, float, float]) -> str:
    """Split of an image, independent of how many there are: steps of the golden ratio fill the unit interval evenly."""
    place = index * 0.6180339887498949 % 1
    train, val, _ = fractions
    return "train" if place < train else "val" if place < train + val else "test"


def _sample(phantom: Phantom, folder: Path) -> Sample:
    """A phantom as a sample, its image written to ``folder``."""
    path = folder / f"{phantom.id}.png"
    Image.fromarray(phantom.image).save(path, compress_level=1)
    height, width = phantom.image.shape
    return Sample(
        id=phantom.id,
        image=path,
        width=width,
        height=height,
        target=phantom.target,
        clinical=phantom.clinical,
        patient=phantom.id,
        split=phantom.split,
        view=phantom.view,
    )
