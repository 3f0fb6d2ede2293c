"""From samples to batches: which images are drawn, how they are read, how they are collated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from mdfnet.core.outlines import outline_masks
from mdfnet.core.types import Sample, Target
from mdfnet.data.images.read import read_sample_image
from mdfnet.models.config import Config
from mdfnet.models.preprocessing import Preprocessing, image_tensor
from mdfnet.training.augment import AUGMENTATIONS

Item = dict[str, Any]  #: What is known of one image, by name; of a batch the same, as lists
Batch = dict[str, Any]


def collate(samples: Sequence[Item]) -> Batch:
    """Put samples together: lists, but clinical records as ``[B, F]``."""
    batch = {key: [sample[key] for sample in samples] for key in samples[0]}
    return batch | {"clinical": torch.stack(batch["clinical"])}


class TrainingImages(Dataset[Item]):
    """Images at the network's size, augmented. Indexed by ``(index, seed)``: the same draw is the same everywhere."""

    def __init__(self, samples: Sequence[Sample], config: Config):
        self.samples, self.preprocessing = samples, Preprocessing(config.input)
        self.augment = AUGMENTATIONS[config.train.augment]
        self.outlines = config.detector.outlines == "ellipse"

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: tuple[int, int]) -> Item:
        index, seed = draw
        sample = self.samples[index]
        image, geometry = self.preprocessing(image_tensor(read_sample_image(sample)))
        outlines = [None if p is None else geometry.to_network(p).astype(np.float32) for p in sample.target.polygons]
        target = Target.of(geometry.to_network(sample.target.boxes), sample.target.labels, outlines)
        image, target = self.augment(image, target, np.random.default_rng([seed, index]))
        tensors = {"boxes": torch.from_numpy(target.boxes), "labels": torch.from_numpy(target.labels)}
        if self.outlines:
            tensors["masks"] = torch.from_numpy(outline_masks(target, image.shape[-1], image.shape[-2]))
        return {"ids": sample.id, "images": image, "targets": tensors, "clinical": torch.from_numpy(sample.clinical)}


class WholeImages(Dataset[Item]):
    """Images as they are, for detection, without their annotations."""

    def __init__(self, samples: Sequence[Sample]):
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        sample = self.samples[index]
        image = image_tensor(read_sample_image(sample))
        return {"ids": sample.id, "images": image, "clinical": torch.from_numpy(sample.clinical)}


class EpochSampler(Sampler[tuple[int, int]]):
    """Draws every image once per epoch in an order that depends on seed and epoch alone, or by weight with replacement.

    Yields ``(index, seed of the draw)``. Because nothing depends on earlier draws, a resumed run continues with the
    very draws that an unbroken one would have made. Ranks of a distributed run share an epoch evenly.
    """

    def __init__(self, count: int, seed: int, weights: np.ndarray | None = None, rank: int = 0, world: int = 1):
        self.count, self.seed, self.weights, self.rank, self.world = count, seed, weights, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.count // self.world)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        random = np.random.default_rng([self.seed, self.epoch])
        if self.weights is None:
            order = random.permutation(self.count)
        else:
            order = random.choice(self.count, self.count, p=self.weights / self.weights.sum())
        seeds = random.integers(2**31, size=len(self) * self.world)
        order = np.resize(order, len(seeds))  # all ranks need the same number
        for index, seed in zip(order[self.rank :: self.world], seeds[self.rank :: self.world], strict=True):
            yield int(index), int(seed)


def repeat_factors(samples: Sequence[Sample]) -> np.ndarray:
    """How often to draw each image so that rare findings are seen more: float ``[images]``, at least 1.

    Repeat-factor sampling (Gupta et al., LVIS, CVPR 2019, section 5.1): the largest ``sqrt(t / frequency)`` of an
    image's classes, with t the frequency of the most frequent class.
    """
    present = [set(sample.target.labels.tolist()) for sample in samples]
    counts = {label: sum(label in labels for labels in present) for label in set().union(*present)}
    most = max(counts.values(), default=1)
    return np.array([max([1.0, *((most / counts[label]) ** 0.5 for label in labels)]) for labels in present])


class ImageDataModule(L.LightningDataModule):
    """Training and validation images for Lightning."""

    def __init__(self, train: Sequence[Sample], val: Sequence[Sample], config: Config):
        super().__init__()
        self.train, self.val, self.config = train, val, config

    def train_dataloader(self) -> DataLoader[Item]:
        weights = repeat_factors(self.train) if self.config.train.balance else None
        sampler = EpochSampler(len(self.train), self.config.train.seed, weights, *self._place())
        return self._loader(TrainingImages(self.train, self.config), sampler)

    def val_dataloader(self) -> DataLoader[Item]:
        rank, world = self._place()
        # Every rank needs the same number of batches; an image that comes twice is scored once.
        places = np.resize(np.arange(len(self.val)), -(-len(self.val) // world) * world)
        return self._loader(WholeImages(self.val), places[rank::world].tolist())

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _loader(self, images: Dataset[Item], sampler: Sampler[Any] | Sequence[int]) -> DataLoader[Item]:
        settings = self.config.train
        return DataLoader(
            images,
            settings.batch_size,
            sampler=sampler,
            num_workers=settings.workers,
            collate_fn=collate,
            generator=torch.Generator(),  # a loader draws a number when it starts: not from the training's generator
            persistent_workers=settings.workers > 0,
        )
