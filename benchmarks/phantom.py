"""Phantom images per second on one core, by size and beside the time that writing them as PNG or JPEG takes.

    OMP_NUM_THREADS=1 python benchmarks/phantom.py

The claim: at least 50 images a second at 256 px.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from functools import partial

from PIL import Image

from mdfnet.data.phantom import Phantom, PhantomConfig, phantoms

SIZES = (128, 256, 512)
IMAGES = 100


def seconds(task: Callable[[], object]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    task()
    return time.process_time() - start


def encode(images: list[Phantom], form: str, **options) -> tuple[float, float]:
    """Images a second and mean kilobytes of an image in an image format."""
    buffer = io.BytesIO()
    taken = seconds(lambda: [Image.fromarray(image.image).save(buffer, form, **options) for image in images])
    return len(images) / taken, len(buffer.getvalue()) / len(images) / 1000


def main() -> None:
    """Measure and print."""
    print("   px   images/s     PNG/s    kB    JPEG/s    kB")
    for size in SIZES:
        stream = phantoms(PhantomConfig(count=IMAGES + 1, size=size))
        images = [next(stream)]
        drawn = IMAGES / seconds(partial(images.extend, stream))
        png, png_size = encode(images, "PNG", compress_level=1)
        jpeg, jpeg_size = encode(images, "JPEG", quality=95)
        print(f"{size:>5}  {drawn:>8.1f}  {png:>8.0f}  {png_size:>4.0f}  {jpeg:>8.0f}  {jpeg_size:>4.0f}")


if __name__ == "__main__":
    main()
