"""Images of the fusion sample: synthetic, and real with synthetic vital signs or with the real age, sex and view."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.types import PAPER_CLASSES, Classes, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.importers import DatasetInfo, import_csv
from mdfnet.data.phantom import PhantomConfig, class_probabilities, phantoms, write_phantoms
from mdfnet.data.phantom.clinical import SCHEMA, draw_record
from mdfnet.data.phantom.findings import PhantomCase
from mdfnet.data.split import split_by_patient


class Source(ABC):
    """Images for one replicate after the other.

    Attributes:
        classes: The findings.
        look_alike: Those that the vital signs tell apart.
        training: Config overrides of all trainings.
        measure: What is reported, and picks the epoch: mean over findings.
    """

    classes: Classes
    look_alike: tuple[str, ...]
    training: Mapping[str, Any]
    measure: str

    @abstractmethod
    def images(self, out: Path, seed: int, signal: float) -> Dataset:
        """Images of a replicate, with the splits train, val and test; the same whatever the signal."""

    @abstractmethod
    def posterior(self, seed: int, sample: Sample) -> np.ndarray:
        """How likely each finding is, ``[classes]``, where one of the look-alikes is, given the record at signal 1."""

    @property
    def merged(self) -> Classes:
        """What the ceiling's detector is taught: the look-alikes are one."""
        return Classes((*(name for name in self.classes.names if name not in self.look_alike), "Opacity"))

    def merge(self, dataset: Dataset) -> Dataset:
        """A dataset with the look-alikes as one class."""

        def target(old: Target) -> Target:
            names = [self.classes.name(int(label)) for label in old.labels]
            labels = [self.merged.label("Opacity" if name in self.look_alike else name) for name in names]
            return Target.of(old.boxes, labels, old.polygons)

        samples = tuple(replace(sample, target=target(sample.target)) for sample in dataset.samples)
        return replace(dataset, classes=self.merged, samples=samples)


class Phantoms(Source):
    """Synthetic images of other patients for every seed: many to train, 160 to pick the epoch, 640 to test.

    Args:
        train: Number of images to train on.
    """

    classes = PAPER_CLASSES
    look_alike = ("Atelectasis", "Consolidation", "Pulmonary edema")
    training: ClassVar = {"size": 128, "lr": 0.002, "epochs": 20, "batch_size": 8}
    measure = "AP@IoU=0.5"

    def __init__(self, train: int):
        self.train = train

    def images(self, out: Path, seed: int, signal: float) -> Dataset:
        folder = out / "data" / f"train-{self.train}-seed-{seed}-signal-{signal:g}"
        return read_dataset(folder) if folder.exists() else write_phantoms(self._config(seed, signal), folder)

    def posterior(self, seed: int, sample: Sample) -> np.ndarray:
        config = self._config(seed, 1.0)
        pattern = _patterns(config)[sample.id]
        # A box on an image without opacity is a false alarm, of either pattern.
        patterns = ("focal", "bilateral") if pattern == "none" else (pattern,)
        return np.mean([class_probabilities(sample.clinical, one, config) for one in patterns], axis=0)

    def _config(self, seed: int, signal: float) -> PhantomConfig:
        count = self.train + 800
        splits = (self.train / count, 160 / count, 640 / count)
        return PhantomConfig(count=count, size=128, seed=5000 + seed, signal=signal, splits=splits)


@cache
def _patterns(config: PhantomConfig) -> dict[str, str]:
    return {phantom.id: phantom.pattern for phantom in phantoms(config)}


#: NIH's findings as a phantom's: whose vital signs an image's patient gets.
LIKE = {
    "Cardiomegaly": "Enlarged cardiac silhouette",
    "Effusion": "Pleural abnormality",
    "Pneumonia": "Consolidation",
    "Atelectasis": "Atelectasis",
}


class NIH(Source):
    """Real images with boxes of NIH ChestX-ray14; the vital signs are synthetic, drawn as for phantoms.

    Tested is on the shared validation images; a seventh of the training patients pick the epoch. Images without boxes
    are left out: they come from other patients, which age alone tells.
    """

    look_alike = ("Atelectasis", "Pneumonia")
    training: ClassVar = {"size": 160, "lr": 0.002, "epochs": 30, "batch_size": 8, "monitor": "AP@IoU=0.25"}
    measure = "AP@IoU=0.25"

    @property
    def classes(self) -> Classes:
        return _nih().classes

    def images(self, out: Path, seed: int, signal: float) -> Dataset:
        dataset, config = _nih(), PhantomConfig(signal=signal)
        samples = _with_validation(dataset.samples, seed)
        drawn = [replace(s, clinical=_vitals(s, dataset.classes, [seed, i], config)) for i, s in enumerate(samples)]
        return replace(dataset, schema=SCHEMA, samples=tuple(drawn), synthetic=("clinical",))

    def posterior(self, seed: int, sample: Sample) -> np.ndarray:
        told, share = class_probabilities(sample.clinical, "focal", PhantomConfig()), np.zeros(len(self.classes))
        for name in self.look_alike:
            share[self.classes.label(name) - 1] = told[PAPER_CLASSES.label(LIKE[name]) - 1]
        return share


class NIHReal(NIH):
    """The same images with the patients' real age and sex, and the view."""

    def images(self, out: Path, seed: int, signal: float) -> Dataset:
        dataset = _nih()
        return replace(dataset, samples=_with_validation(dataset.samples, seed))


@cache
def _nih() -> Dataset:
    folder = Path(os.environ.get("MDFNET_SHARED_DATA", "../shared/data")) / "nih_cxr"
    about = DatasetInfo("nih", "NIH ChestX-ray14, Wang et al., CVPR 2017")
    read = import_csv(folder / "boxes.csv", folder / "images.csv", folder, Schema.load("age-sex-view"), about).dataset
    return replace(read, samples=tuple(sample for sample in read.samples if len(sample.target)))


def _with_validation(samples: Sequence[Sample], seed: int) -> tuple[Sample, ...]:
    """The shared validation images are the test images; a seventh of the training patients take their place."""
    given = tuple(sample for sample in samples if sample.split == "train")
    parted = split_by_patient(given, {"train": 6 / 7, "val": 1 / 7}, seed)
    return (*parted, *(replace(sample, split="test") for sample in samples if sample.split == "val"))


def _vitals(sample: Sample, classes: Classes, seed: list[int], config: PhantomConfig) -> np.ndarray:
    """A synthetic record for a real image: what a phantom with these findings would have."""
    names = {classes.name(int(label)) for label in sample.target.labels}
    opacity = next((LIKE[name] for name in ("Pneumonia", "Atelectasis") if name in names), None)
    case = PhantomCase(
        male=bool(sample.clinical[1] == 1),
        pattern="focal" if opacity else "none",
        opacity=opacity,
        opacities=1 if opacity else 0,
        enlarged_heart="Cardiomegaly" in names,
        effusions=(1,) if "Effusion" in names else (),
    )
    return draw_record(np.random.default_rng([77, *seed]), case, config)


#: Sources by their name.
SOURCES: dict[str, Source] = {
    "phantom": Phantoms(800),
    "phantom-200": Phantoms(200),
    "nih": NIH(),
    "nih-real": NIHReal(),
}
