"""A dataset folder as PyTorch wants it: a map-style dataset, and the ``collate_fn`` that its batches need.

The only module of this room that imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor
from torch.utils import data

from mdfnet.core.outlines import outline_masks
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.images.read import read_sample_image, unit_range

#: Image, target, clinical record.
Item: TypeAlias = tuple[Tensor, dict[str, Tensor], Tensor]


def collate(items: Sequence[Item]) -> tuple[list[Tensor], list[dict[str, Tensor]], Tensor]:
    """Items of a `DetectionDataset` -> a batch: images and targets as lists, clinical records as ``[B, F]``."""
    images, targets, clinical = zip(*items, strict=True)
    return list(images), list(targets), torch.stack(clinical)


class DetectionDataset(data.Dataset[Item]):
    """Images of one split with targets and clinical records, for a `torch.utils.data.DataLoader`.

    An item is ``(image, target, clinical)``; batches of `collate_fn` are what a model takes. Nothing is resized or
    varied: the model does the first, your own dataset around this one the second.

    - ``image``: float32 ``[1, H, W]`` in [0, 1].
    - ``target``: ``boxes`` float32 ``[N, 4]`` xyxy in pixels of the image; ``labels`` int64 ``[N]``, from 1;
      ``image_id`` int64 ``[]``, the item's position; with ``masks=True`` also ``masks`` uint8 ``[N, H, W]``.
    - ``clinical``: float32 ``[F]`` in the order and units of ``schema``, NaN = missing.

    Args:
        dataset: A dataset, or the folder of one.
        split: "train", "val" or "test"; None: all images.
        masks: Draw the outlines, or the inscribed ellipses where only boxes are known.

    Attributes:
        dataset, split: What it was made of.
        samples: The images' `Sample`s, in the order of the items.
        classes: What the labels mean.
        schema: What the clinical values mean.

    Raises:
        UserError: The folder cannot be read, or the split is unknown or empty. On access: an image cannot be read, or
            has another size than its annotations are for.

    Examples:
        >>> import tempfile
        >>> from torch.utils.data import DataLoader
        >>> from mdfnet.data.phantom import PhantomConfig, write_phantoms
        >>> folder = Path(tempfile.mkdtemp()) / "phantom"
        >>> _ = write_phantoms(PhantomConfig(count=12, size=64), folder)
        >>> train = DetectionDataset(folder, split="train")
        >>> loader = DataLoader(train, batch_size=2, collate_fn=train.collate_fn)
        >>> images, targets, clinical = next(iter(loader))
        >>> images[0].shape, sorted(targets[0]), clinical.shape == (2, len(train.schema))
        (torch.Size([1, 64, 64]), ['boxes', 'image_id', 'labels'], True)
    """

    collate_fn = staticmethod(collate)

    def __init__(self, dataset: Dataset | str | Path, split: str | None = "train", *, masks: bool = False):
        if not isinstance(dataset, Dataset):
            dataset = read_dataset(dataset)
        self.dataset, self.split = dataset, split
        self.samples = dataset.samples if split is None else dataset.split(split)
        self.classes, self.schema, self.masks = dataset.classes, dataset.schema, masks

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        if isinstance(index, slice):
            raise TypeError(
                "an item is one image; for several write torch.utils.data.Subset(images, range(start, stop))"
            )
        position = range(len(self))[index]  # of a negative index, the one that it means
        sample = self.samples[position]
        image = torch.from_numpy(unit_range(read_sample_image(sample)))[None]
        target = {
            "boxes": torch.tensor(sample.target.boxes),
            "labels": torch.tensor(sample.target.labels),
            "image_id": torch.tensor(position),
        }
        if self.masks:
            target["masks"] = torch.from_numpy(outline_masks(sample.target, sample.width, sample.height))
        return image, target, torch.tensor(sample.clinical)
