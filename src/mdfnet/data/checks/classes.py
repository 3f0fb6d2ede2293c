"""Checks of classes: how many images show them, and whether they are different things."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator

from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.names import ANNOTATIONS

#: A class with fewer training images is not learned from scratch: NIH's rarest, with 55 images, stays near AP 0.
FEWEST_IMAGES = 20

IMBALANCE = 20  #: The mean over classes hides the rarest where another has this many times its images
FEWEST_BOXES = 5  #: Two classes that always come on the same boxes are reported from this many boxes on


def check_classes(raw: RawDataset) -> Iterator[Finding]:
    """Unused, rare and unbalanced classes, classes that are one, and no image without a box."""
    used = set().union(*raw.labels.values())
    for category_id, label in raw.category_names.items():
        if category_id not in used:
            yield Finding("class-unused", f"class {label!r} has no box", ANNOTATIONS)
    yield from _check_amounts(raw)
    yield from _check_names(raw)
    yield from _check_together(raw)
    if raw.labels and all(raw.labels.values()):
        yield Finding("images-all-boxed", f"all {len(raw.labels)} images have a box", ANNOTATIONS)


def _check_amounts(raw: RawDataset) -> Iterator[Finding]:
    """Of the training images, where there are splits."""
    training = raw.images_of_split("train") or raw.labels
    shown = Counter(category_id for name in training for category_id in raw.labels[name])
    counts = {label: shown[category_id] for category_id, label in raw.category_names.items() if shown[category_id]}
    for label, count in counts.items():
        if count < FEWEST_IMAGES:
            yield Finding("class-rare", f"{label!r} is on {count} training images", ANNOTATIONS, count=count)
    if counts and max(counts.values()) >= IMBALANCE * min(counts.values()):
        most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        times = counts[most] / counts[least]
        what = f"{most!r} is on {times:.0f} times as many training images as {least!r}: {counts[most]} and"
        yield Finding("class-imbalance", f"{what} {counts[least]}", ANNOTATIONS)


def _check_names(raw: RawDataset) -> Iterator[Finding]:
    alike = defaultdict(list)
    for name in raw.category_names.values():
        alike["".join(filter(str.isalnum, name.casefold()))].append(name)
    for names in alike.values():
        if len(names) > 1:
            yield Finding("class-names-alike", f"classes {', '.join(map(repr, names))}", ANNOTATIONS, count=len(names))


def _check_together(raw: RawDataset) -> Iterator[Finding]:
    places = defaultdict(set)
    for box in raw.boxes:
        places[box.category_id].add((box.image, box.corners.tobytes()))
    for first, second in itertools.combinations((key for key in places if key in raw.category_names), 2):
        if len(places[first]) >= FEWEST_BOXES and places[first] == places[second]:
            names = f"{raw.category_names[first]!r} and {raw.category_names[second]!r}"
            what = f"{names} are always on the same {len(places[first])} boxes"
            yield Finding("classes-together", what, ANNOTATIONS, count=len(places[first]))
