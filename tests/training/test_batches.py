"""Which images are drawn, how often, and what a batch holds."""

from collections import Counter

import numpy as np
import pytest
import torch

from mdfnet.core.types import Sample, Target
from mdfnet.models.config import load_config
from mdfnet.training.batches import EpochSampler, ImageDataModule, WholeImages, repeat_factors


def samples_with(*labels):
    empty = np.zeros(1, np.float32)
    return [
        Sample(str(i), "x.png", 8, 8, Target.of([[0, 0, 4, 4]] * len(found), found), empty)
        for i, found in enumerate(labels)
    ]


def test_an_epoch_holds_every_image_once():
    sampler = EpochSampler(10, seed=0)
    assert sorted(index for index, _ in sampler) == list(range(10))


def test_epochs_differ_and_depend_on_nothing_before():
    sampler, fresh = EpochSampler(50, seed=0), EpochSampler(50, seed=0)
    first = list(sampler)
    sampler.set_epoch(1)
    fresh.set_epoch(1)
    assert list(sampler) == list(fresh) != first
    assert list(EpochSampler(50, seed=1)) != first


@pytest.mark.parametrize("count", [8, 9], ids=["even", "odd: one image twice, so that no rank waits"])
def test_ranks_share_an_epoch(count):
    parts = [list(EpochSampler(count, seed=0, rank=rank, world=2)) for rank in (0, 1)]
    assert len(parts[0]) == len(parts[1])
    assert {index for part in parts for index, _ in part} == set(range(count))


def test_rare_findings_are_drawn_more_often():
    samples = samples_with(*([[1]] * 90 + [[2]] * 10))
    factors = repeat_factors(samples)
    assert factors[0] == 1 and factors[-1] == pytest.approx(3)
    sampler = EpochSampler(100, seed=0, weights=factors)
    drawn = Counter(index >= 90 for epoch in range(50) for index, _ in _epoch(sampler, epoch))
    assert drawn[True] / drawn.total() == pytest.approx(30 / 120, abs=0.03)


def test_healthy_images_are_drawn_as_they_are():
    assert repeat_factors(samples_with([], [1], [])).tolist() == [1, 1, 1]
    assert repeat_factors(samples_with([], [])).tolist() == [1, 1]


def _epoch(sampler, epoch):
    sampler.set_epoch(epoch)
    return sampler


def test_a_training_batch_is_at_the_networks_size(tiny_dataset):
    dataset = tiny_dataset(schema="mimic-ed")
    images = ImageDataModule(
        dataset.split("train"), dataset.split("val"), load_config("tiny", ["size=64", "mask_head=true"])
    )
    batch = next(iter(images.train_dataloader()))
    assert {tuple(image.shape) for image in batch["images"]} == {(1, 64, 64)}
    assert batch["clinical"].shape == (len(batch["ids"]), 10)
    for target in batch["targets"]:
        assert target["masks"].shape == (len(target["boxes"]), 64, 64)
        inside = [mask.any() for mask in target["masks"]]
        assert all(inside)


def test_for_detection_nothing_of_the_target_is_handed_out(tiny_dataset):
    sample = WholeImages(tiny_dataset().samples)[0]
    assert set(sample) == {"ids", "images", "clinical"}
    assert sample["images"].dtype == torch.float32 and sample["images"].min() >= 0 and sample["images"].max() <= 1
