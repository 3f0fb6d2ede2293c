"""Images a second on one core, from what they can be stored as to the network's input, beside a training step.

    OMP_NUM_THREADS=1 python benchmarks/images.py [--images 12] [--size 512]

Images are synthetic, at the size of MIMIC-CXR-JPG's (2,544 x 3,056), with grain, as JPEG of quality 95. Times are of
the processor, so that a busy machine does not distort them. The claim: reading costs less than a training step of
`default`, so that one core that reads keeps up with one that trains.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import mdfnet
from mdfnet.clinical.schema import Schema
from mdfnet.core.settings import InputConfig
from mdfnet.core.types import Classes, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import write_dataset
from mdfnet.data.images.read import read_sample_image
from mdfnet.data.phantom import PhantomConfig, phantoms
from mdfnet.models.preprocessing import Preprocessing, image_tensor

WIDTH, HEIGHT = 2544, 3056


def originals(folder: Path, count: int) -> Dataset:
    """A dataset of images at original size."""
    random, samples = np.random.default_rng(0), []
    schema = Schema.load("age-sex-view")
    for index, phantom in enumerate(phantoms(PhantomConfig(count=count, size=512))):
        image = np.asarray(Image.fromarray(phantom.image).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
        image = np.clip(image + random.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
        path = folder / f"{index}.jpg"
        Image.fromarray(image).save(path, quality=95)
        nothing = np.full(len(schema), np.nan, np.float32)
        samples.append(Sample(path.stem, path, WIDTH, HEIGHT, Target.of([], []), nothing, split="train"))
    return Dataset("originals", Classes(("Mass",)), schema, tuple(samples), folder)


def seconds(read: Callable[[int], Tensor], count: int) -> float:
    """Processor time an image takes; the first one warms up."""
    read(0)
    start = time.process_time()
    for index in range(count):
        read(index)
    return (time.process_time() - start) / count


def sources(dataset: Dataset, folder: Path, size: int) -> dict[str, tuple[Callable[[int], Tensor], float]]:
    """Name -> how an image becomes the network's input, and megabytes of an image on disk."""
    prepare = Preprocessing(InputConfig(size=size))
    inner = prepare.geometry(WIDTH, HEIGHT).inner

    def reading(data: Dataset, **options) -> tuple[Callable[[int], Tensor], float]:
        def read(index: int) -> Tensor:
            return prepare(image_tensor(read_sample_image(data.samples[index], **options)))[0]

        return read, sum(sample.image.stat().st_size for sample in data.samples) / len(data) / 1e6

    found = {"original JPEG": reading(dataset), "original JPEG, reduced": reading(dataset, at_least=inner)}
    for longest in (2 * size, size):
        start = time.process_time()
        smaller = write_dataset(dataset, folder / str(longest), "png", size=longest)
        print(f"import with --size {longest}: {len(dataset) / (time.process_time() - start):.1f} images/s")
        found[f"folder made with --size {longest}"] = reading(smaller)
    cached = torch.stack([(found[f"folder made with --size {size}"][0](i) * 255).byte() for i in range(len(dataset))])
    np.save(folder / "cache.npy", cached.numpy())
    images = np.load(folder / "cache.npy", mmap_mode="r")
    found["cached array"] = (lambda index: image_tensor(images[index, 0])), images[0].nbytes / 1e6
    return found


def step_seconds(size: int, rounds: int = 3, batch: int = 4) -> float:
    """Processor time of a training step of `default`, per image."""
    model = mdfnet.build("default", size=size)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    target = {"boxes": torch.tensor([[0.2, 0.2, 0.5, 0.6]]) * size, "labels": torch.tensor([1])}

    def step(_: int = 0) -> Tensor:
        optimizer.zero_grad()
        loss = sum(model.losses([torch.rand(1, size, size)] * batch, [target] * batch, None).values())
        loss.backward()
        optimizer.step()
        return loss

    return seconds(step, rounds) / batch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--size", type=int, default=512, help="of the network's input")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = {
            source: (seconds(read, options.images), megabytes)
            for source, (read, megabytes) in sources(originals(folder, options.images), folder, options.size).items()
        }
    step = step_seconds(options.size)
    print(f"a training step of default at {options.size} px: {step:.3f} s/image")
    print(f"{'from':32}{'images/s':>10}{'MB/image':>10}{'of a step':>12}")
    for source, (taken, megabytes) in measured.items():
        print(f"{source:32}{1 / taken:>10.1f}{megabytes:>10.2f}{taken / step:>11.1%}")


if __name__ == "__main__":
    main()
