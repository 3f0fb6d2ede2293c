"""Checks of classes: how often they are marked, and whether they are different things."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.names import ANNOTATIONS

#: A class with fewer training images is not learnt from scratch: NIH's rarest, with 55 images, stays near AP 0.
FEWEST_IMAGES = 20

#: The mean over classes hides the rarest where another has this many times its images.
IMBALANCE = 20

#: Classes on the same boxes are told to be one from this many boxes on.
FEWEST_BOXES = 5


def check_classes(raw: RawDataset) -> Iterator[Finding]:
    """Unused, rare and unbalanced classes, classes that are one, and no image without a box."""
    images = {category_id: [] for category_id in raw.category_names}
    for name, labels in raw.labels.items():
        for category_id in labels & images.keys():
            images[category_id].append(name)
    for category_id, names in images.items():
        if not names:
            what = f"class {raw.category_names[category_id]!r} has no box"
            yield Finding("class-unused", what, ANNOTATIONS)
    yield from _check_amounts(raw, {category_id: names for category_id, names in images.items() if names})
    yield from _check_names(raw)
    yield from _check_together(raw)
    if raw.labels and all(raw.labels.values()):
        yield Finding("images-all-boxed", f"all {len(raw.labels)} images have a box", ANNOTATIONS)


def _check_amounts(raw: RawDataset, images: dict[int, list[str]]) -> Iterator[Finding]:
    """Of the training images, where there are splits."""
    training = set(raw.images_of_split("train")) or set(raw.labels)
    counts = {raw.category_names[category_id]: len(training & set(names)) for category_id, names in images.items()}
    for label, count in counts.items():
        if 0 < count < FEWEST_IMAGES:
            yield Finding("class-rare", f"{label!r} is marked on {count} images to train on", ANNOTATIONS, count=count)
    counts = {label: count for label, count in counts.items() if count}
    if counts and max(counts.values()) >= IMBALANCE * min(counts.values()):
        most, least = max(counts, key=counts.get), min(counts, key=counts.get)
        times = counts[most] / counts[least]
        what = f"{most!r} is marked on {times:.0f} times as many images to train on as {least!r}: {counts[most]}"
        yield Finding("class-imbalance", f"{what} and {counts[least]}", ANNOTATIONS)


def _check_names(raw: RawDataset) -> Iterator[Finding]:
    alike = defaultdict(list)
    for name in raw.category_names.values():
        alike["".join(filter(str.isalnum, name.casefold()))].append(name)
    for names in alike.values():
        if len(names) > 1:
            yield Finding("class-names-alike", f"classes {', '.join(map(repr, names))}", ANNOTATIONS, count=len(names))


def _check_together(raw: RawDataset) -> Iterator[Finding]:
    places = defaultdict(set)
    for mark in raw.marks:
        places[mark.category_id].add((mark.image, mark.box.tobytes()))
    for first, second in itertools.combinations((key for key in places if key in raw.category_names), 2):
        if len(places[first]) >= FEWEST_BOXES and places[first] == places[second]:
            names = f"{raw.category_names[first]!r} and {raw.category_names[second]!r}"
            what = f"{names} are marked on the same {len(places[first])} boxes"
            yield Finding("classes-together", what, ANNOTATIONS, count=len(places[first]))
