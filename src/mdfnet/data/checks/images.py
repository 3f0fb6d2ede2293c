"""Checks of the image files: each is opened once, and what later checks need of it is kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mdfnet.core.errors import UserError
from mdfnet.data.checks.duplicates import check_duplicates
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.pixels import Pixels
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.images.intensity import AS_IS
from mdfnet.data.images.metadata import identifying_fields
from mdfnet.data.images.read import read_image
from mdfnet.data.names import ANNOTATIONS, IMAGES, checked_name, image_id

LEAST_CONTRAST = 16  #: An image whose middle 98 % of pixels differ by less than this, of 255, shows next to nothing
MOST_SAME = 0.9  #: An image has this share of its pixels at one value only when it is empty apart from a strip

#: An 8-bit image uses well over a hundred shades of gray; the fewest among 1,591 NIH images are 149.
FEWEST_LEVELS = 48

#: Images this far below the middle image, as a correlation of their thumbnails, are negatives: the lowest of 1,591 NIH
#: images is 0.08, and negatives mirror that.
INVERTED = -0.3

#: The middle image is known from this many images on.
FEWEST_IMAGES = 20

#: A side this many times longer or shorter than the median is unusual, and so is such a ratio of the sides.
SIZE_FACTOR, SHAPE_FACTOR = 3.0, 1.8


def check_images(raw: RawDataset) -> Iterator[Finding]:
    """No, missing and damaged images, names, sizes, what the pixels show, duplicates, files that nothing mentions."""
    if not raw.coco["images"]:
        yield Finding("dataset-empty", "the dataset has no images", ANNOTATIONS)
    yield from _check_names(raw)
    for image in raw.coco["images"]:
        name = image["file_name"]
        file = f"{IMAGES}/{name}"
        try:
            path = raw.folder / IMAGES / checked_name(name)
            radiograph = read_image(path, intensity=raw.description.intensity if raw.description else AS_IS)
        except UserError as error:
            yield Finding.of_error("image-unreadable", error, file)
            continue
        raw.pixels[name] = pixels = Pixels.of(radiograph)
        height, width = radiograph.shape
        if (image["width"], image["height"]) != (width, height):
            what = f"the image has {width} x {height} pixels, {ANNOTATIONS} says {image['width']} x {image['height']}"
            yield Finding("image-size", what, file, image["id"], images=(name,))
        if fields := identifying_fields(path):
            what = f"the file has {', '.join(fields)}"
            yield Finding("image-metadata", what, file, count=len(fields), images=(name,))
        yield from _check_pixels(pixels, file, name)
    yield from check_duplicates(raw)
    yield from _check_inverted(raw)
    yield from _check_sizes(raw)
    yield from _check_unlisted(raw)


def _check_names(raw: RawDataset) -> Iterator[Finding]:
    names: dict[str, str] = {}
    for image in raw.coco["images"]:
        name = image["file_name"]
        try:
            identifier = image_id(checked_name(name))
        except UserError as error:
            yield Finding.of_error("image-name", error, ANNOTATIONS, image["id"])
            continue
        if identifier in names:
            what = f"image {name!r} is named like {names[identifier]!r}"
            yield Finding("image-name", what, ANNOTATIONS, image["id"], "names without suffix must be unique")
        names[identifier] = name


def _check_pixels(pixels: Pixels, file: str, name: str) -> Iterator[Finding]:
    if pixels.levels == 1:
        yield Finding("image-blank", "all pixels are the same", file, images=(name,))
        return
    if pixels.same >= MOST_SAME or pixels.contrast < LEAST_CONTRAST:
        what = f"{pixels.same:.0%} of the pixels have one value, and 98 % lie within {pixels.contrast:.0f} of 255"
        yield Finding("image-empty", what, file, images=(name,))
    elif pixels.levels < FEWEST_LEVELS:
        yield Finding("image-few-levels", f"the image has {pixels.levels} shades of gray", file, images=(name,))
    if pixels.text:
        yield Finding("image-text", "a line of letters near the border", file, images=(name,))


def _check_inverted(raw: RawDataset) -> Iterator[Finding]:
    """Against the middle image of the dataset; where half are negatives it says nothing."""
    names = [name for name, pixels in raw.pixels.items() if pixels.levels > 1]
    if len(names) < FEWEST_IMAGES:
        return
    images = np.stack([raw.pixels[name].thumbnail for name in names])
    middle = np.median(images, 0)
    middle = (middle - middle.mean()) / (np.linalg.norm(middle - middle.mean()) + 1e-9)
    for name, likeness in zip(names, images @ middle, strict=True):
        if likeness <= INVERTED:
            what = f"the image's correlation with the middle image is {likeness:.2f}"
            yield Finding("image-inverted", what, f"{IMAGES}/{name}", images=(name,))


def _check_sizes(raw: RawDataset) -> Iterator[Finding]:
    shapes = {name: pixels.shape for name, pixels in raw.pixels.items()}
    if len(shapes) < FEWEST_IMAGES:
        return
    sides = np.array([np.sqrt(height * width) for height, width in shapes.values()])
    ratios = np.array([width / height for height, width in shapes.values()])
    size, ratio = np.median(sides), np.median(ratios)
    off = np.maximum(sides / size, size / sides) >= SIZE_FACTOR
    off |= np.maximum(ratios / ratio, ratio / ratios) >= SHAPE_FACTOR
    for name in np.array(list(shapes))[off].tolist():
        height, width = shapes[name]
        what = f"the image has {width} x {height} pixels; the median side is {size:.0f}"
        yield Finding("image-size-unusual", what, f"{IMAGES}/{name}", images=(name,))


def _check_unlisted(raw: RawDataset) -> Iterator[Finding]:
    folder = raw.folder / IMAGES
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if unlisted := sorted(there - set(raw.labels)):
        what = f"{len(unlisted)} files that {ANNOTATIONS} does not mention, such as {unlisted[0]}"
        yield Finding("image-unlisted", what, IMAGES, count=len(unlisted))
