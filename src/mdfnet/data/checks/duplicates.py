"""Images that are the same picture: to the pixel, or except for size, compression and brightness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from mdfnet.core.arrays import Floats
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.names import IMAGES

#: Images whose fingerprints agree to this are one picture. Of 1.26 million pairs of real images (NIH) the most alike
#: reach 0.93, two images of one patient; copies stay above 0.98 when compressed to JPEG quality 20, resized to half or
#: twice, or brightened by a tenth (`benchmarks/check.py`).
ALIKE = 0.96

#: Products are taken in blocks of at most this many, to bound the memory.
BLOCK = 20_000_000


def check_duplicates(raw: RawDataset) -> Iterator[Finding]:
    """The same pixels twice, and images that look the same."""
    same: dict[tuple[tuple[int, ...], bytes], list[str]] = defaultdict(list)
    for name, pixels in raw.pixels.items():
        if pixels.levels > 1:
            same[pixels.shape, pixels.digest].append(name)
    for names in same.values():
        if len(names) > 1:
            yield from _same_image(raw, names)
    yield from _alike(raw, [names[0] for names in same.values()])


def _same_image(raw: RawDataset, names: Sequence[str]) -> Iterator[Finding]:
    what = f"the same pixels as {', '.join(names[1:])}"

    def finding(kind: str, more: str = "") -> Finding:
        return Finding(kind, what + more, f"{IMAGES}/{names[0]}", count=len(names), images=tuple(names))

    splits: set[str] = set().union(*(raw.splits_of_image(name) for name in names))
    if len(splits) > 1:
        yield finding("image-across-splits", f", in splits {', '.join(sorted(splits))}")
    else:
        yield finding("image-twice")
    boxes = (raw.boxes_of.get(name, ()) for name in names)
    if len({frozenset((box.category_id, box.corners.tobytes()) for box in of_image) for of_image in boxes}) > 1:
        yield finding("image-twice-boxes-differ", ", with other boxes")
    if len({raw.patients[name] for name in names}) > 1:
        yield finding("image-twice-patients-differ", ", of another patient")


def _alike(raw: RawDataset, names: Sequence[str]) -> Iterator[Finding]:
    prints = np.stack([raw.pixels[name].fingerprint for name in names]) if names else np.zeros((0, 1), np.float32)
    for first, second, likeness in alike(prints):
        one, other = names[first], names[second]
        splits = raw.splits_of_image(one) | raw.splits_of_image(other)
        negative = "the negative of " if likeness < 0 else ""
        kind, what = "image-alike", f"looks like {negative}{other} (correlation {likeness:.3f})"
        if len(splits) > 1:
            kind, what = "image-alike-across-splits", f"{what}, in splits {', '.join(sorted(splits))}"
        yield Finding(kind, what, f"{IMAGES}/{one}", count=2, images=(one, other))


def alike(prints: Floats, least: float = ALIKE) -> Iterator[tuple[int, int, float]]:
    """Pairs of fingerprints ``[N, F]`` that agree, or are opposite: both numbers, the lower first, and the correlation.

    Examples:
        >>> prints = np.array([[1, -1, 0], [0, 1, -1], [0.99, -1.01, 0.02]]) / 2**0.5
        >>> [(first, second, round(float(likeness), 2)) for first, second, likeness in alike(prints)]
        [(0, 2, 1.0)]
    """
    step = max(1, BLOCK // max(1, len(prints)))
    for start in range(0, len(prints), step):
        products = prints[start : start + step] @ prints[start:].T
        for row, column in np.argwhere(np.abs(products) >= least):
            if column > row:
                yield start + int(row), start + int(column), float(products[row, column])
