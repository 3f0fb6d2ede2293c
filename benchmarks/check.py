"""The check of a dataset on real images: how long it takes, and how well it tells copies, negatives and burnt-in text.

    OMP_NUM_THREADS=1 python benchmarks/check.py ../shared/data/nih_cxr

The claims: 1,591 images of 512 px in well under a minute on one core; no two different images called alike; copies that
were compressed, resized or brightened found. Images are spoiled in memory; nothing is written but a folder of links.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from mdfnet.report.marks import font
from PIL import Image, ImageDraw

from mdfnet.clinical.schema import Schema
from mdfnet.data.checks import check_dataset
from mdfnet.data.checks.duplicates import ALIKE, alike
from mdfnet.data.checks.images import INVERTED
from mdfnet.data.checks.pixels import Pixels, has_text
from mdfnet.data.dataset_folder import write_dataset
from mdfnet.data.images.read import read_image
from mdfnet.data.importers import DatasetInfo, import_csv

#: Copies are made of every so many images; false alarms are looked for among all.
EVERY = 4

Change = Callable[[np.ndarray], np.ndarray]


def compressed(quality: int) -> Change:
    """As JPEG."""

    def change(image: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return change


def resized(side: int) -> Change:
    """To a square of this side."""
    return lambda image: np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))


def brighter(factor: float, offset: float = 0) -> Change:
    """Brighter, and clipped at white."""
    return lambda image: np.clip(np.rint(image * float(factor) + offset), 0, 255).astype(np.uint8)


def gamma(power: float) -> Change:
    """Another gradation."""
    return lambda image: np.rint(255 * (image / 255) ** power).astype(np.uint8)


def cropped(share: float) -> Change:
    """Without a margin of this share of each side."""
    return lambda image: image[(margin := round(share * len(image))) : -margin, margin:-margin]


CHANGES: dict[str, Change] = {
    "JPEG quality 50": compressed(50),
    "JPEG quality 20": compressed(20),
    "half the size": resized(256),
    "twice the size": resized(1024),
    "brighter by 10 of 255": brighter(1, 10),
    "brighter by a tenth": brighter(1.1),
    "400 px, brighter by a tenth, JPEG 60": lambda image: compressed(60)(brighter(1.1)(resized(400)(image))),
    "gamma 0.8": gamma(0.8),
    "gamma 1.3": gamma(1.3),
    "cropped by 1 % a side": cropped(0.01),
    "cropped by 3 % a side": cropped(0.03),
}


def copies(images: Sequence[np.ndarray], prints: np.ndarray) -> None:
    """False alarms among all pairs, and the share of copies found, by kind of change."""
    products = prints @ prints.T
    highest = np.sort(products[np.triu_indices(len(prints), 1)])[-1]
    pairs = len(prints) * (len(prints) - 1) // 2
    print(f"{pairs:,} pairs of different images: {len(list(alike(prints)))} called alike; highest {highest:.3f}")
    for name, change in CHANGES.items():
        found = [Pixels.of(change(images[i])).fingerprint @ prints[i] for i in range(0, len(images), EVERY)]
        low = np.min(found)
        print(f"  {name:<38} found {np.mean(np.array(found) >= ALIKE):7.2%}   lowest {low:.3f}")


def negatives(thumbnails: np.ndarray) -> None:
    """Images and their negatives beside the middle image."""
    middle = np.median(thumbnails, 0)
    middle = (middle - middle.mean()) / np.linalg.norm(middle - middle.mean())
    likeness = thumbnails @ middle
    print(f"negatives: found {np.mean(-likeness <= INVERTED):.2%}, false alarms {np.mean(likeness <= INVERTED):.2%}")


def texts(images: Sequence[np.ndarray]) -> None:
    """Names written on images that have no words, on the image as it is and on a dark ground."""
    plain = [image for image in images if not has_text(image)]
    print(f"burnt-in text: {len(images) - len(plain)} of {len(images)} images have a line of letters")
    random = np.random.default_rng(0)
    for size in (9, 12, 16, 24):
        for ground in (False, True):
            found = []
            for image in plain[::16]:
                picture = Image.fromarray(image)
                canvas, place = ImageDraw.Draw(picture), (int(random.integers(5, 200)), int(random.choice([6, 480])))
                if ground:
                    canvas.rectangle(canvas.textbbox(place, "SMITH, JOHN 1954-03-02", font=font(size)), fill=0)
                canvas.text(place, "SMITH, JOHN 1954-03-02", fill=255, font=font(size))
                found.append(has_text(compressed(85)(np.asarray(picture))))
            where = "on a dark ground" if ground else "on the image"
            print(f"  {size} px letters in white {where:<17} found {np.mean(found):6.1%} of {len(found)}")


def main(folder: Path) -> None:
    """Measure and print."""
    imported = import_csv(
        folder / "boxes.csv", folder / "images.csv", folder, Schema.load("age-sex-view"), DatasetInfo("nih")
    )
    with tempfile.TemporaryDirectory() as temporary:
        dataset = write_dataset(imported.dataset, Path(temporary) / "nih", "link")
        start, cpu = time.perf_counter(), time.process_time()
        findings = check_dataset(dataset.folder)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        images = [read_image(sample.image) for sample in dataset.samples]
    print(f"{len(images)} images checked in {cpu:.1f} s of processor time ({wall:.1f} s by the clock)")
    print("kinds found:", ", ".join(sorted({finding.id for finding in findings})))
    pixels = [Pixels.of(image) for image in images]
    copies(images, np.stack([one.fingerprint for one in pixels]))
    negatives(np.stack([one.thumbnail for one in pixels]))
    texts(images)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
