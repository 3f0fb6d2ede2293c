"""Phantom films per second on one core, by size and beside the time that writing them as PNG or JPEG takes.

    OMP_NUM_THREADS=1 python benchmarks/phantom.py

The claim: at least 50 films a second at 256 px.
"""

from __future__ import annotations

import io
import time
from itertools import islice

from PIL import Image

from mdfnet.data.phantom import Phantom, PhantomConfig, phantoms

SIZES = (128, 256, 512)
FILMS = 100


def encode(phantom: Phantom, form: str, **options) -> int:
    """Bytes of a film as an image file."""
    buffer = io.BytesIO()
    Image.fromarray(phantom.film).save(buffer, form, **options)
    return len(buffer.getvalue())


def seconds(task) -> float:
    """Processor time of a call."""
    start = time.process_time()
    task()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    print(f"{'size':>5}  {'films/s':>8}  {'PNG/s':>8}  {'JPEG/s':>8}  {'PNG kB':>8}  {'JPEG kB':>8}")
    for size in SIZES:
        stream = phantoms(PhantomConfig(count=2 * FILMS, size=size))
        films = list(islice(stream, 10))
        drawing = seconds(lambda stream=stream, films=films: films.extend(islice(stream, FILMS)))
        formats = {"PNG": {"compress_level": 1}, "JPEG": {"quality": 95}}
        rates, sizes = [], []
        for form, options in formats.items():
            lengths = []
            writing = seconds(
                lambda lengths=lengths, films=films, form=form, options=options: lengths.extend(
                    encode(film, form, **options) for film in films
                )
            )
            rates.append(len(films) / writing)
            sizes.append(sum(lengths) / len(lengths) / 1000)
        print(f"{size:>5}  {FILMS / drawing:>8.1f}  {rates[0]:>8.0f}  {rates[1]:>8.0f}  {sizes[0]:>8.1f}  {sizes[1]:>8.1f}")


if __name__ == "__main__":
    main()
