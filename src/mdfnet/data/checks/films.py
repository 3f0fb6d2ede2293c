"""Checks of the film files: each is opened once, and what later checks need of it is kept."""

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
from mdfnet.data.images.read import read_film
from mdfnet.data.names import ANNOTATIONS, IMAGES, checked_name

#: A film whose middle 98 % of pixels differ by less than this, of 255, shows next to nothing.
LEAST_CONTRAST = 16

#: A film has that large a share of pixels of one value only when it is empty around a strip.
MOST_SAME = 0.9

#: A film of 8 bits uses well over a hundred shades; the fewest among 1,591 NIH films are 149.
FEWEST_LEVELS = 48

#: Films this far below the middle film, as a correlation of their thumbnails, are negatives: the lowest of 1,591 NIH
#: films is 0.08, and negatives mirror that.
INVERTED = -0.3

#: The middle film is known from this many films on.
FEWEST_FILMS = 20

#: A side this many times longer or shorter than the median is unusual, and so is such a ratio of the sides.
SIZE_FACTOR, SHAPE_FACTOR = 3.0, 1.8


def check_films(raw: RawDataset) -> Iterator[Finding]:
    """Missing and damaged films, wrong sizes, what the pixels show, duplicates, files that nothing mentions."""
    for image in raw.coco["images"]:
        name = image["file_name"]
        file, about = f"{IMAGES}/{name}", {"films": (name,)}
        try:
            path = raw.folder / IMAGES / checked_name(name)
            film = read_film(path, intensity=raw.description.intensity if raw.description else AS_IS)
        except UserError as error:
            yield Finding.of_error("film-unreadable", error, file)
            continue
        raw.pixels[name] = pixels = Pixels.of(film)
        height, width = film.shape
        if (image["width"], image["height"]) != (width, height):
            what = f"the film has {width} x {height} pixels, {ANNOTATIONS} says {image['width']} x {image['height']}"
            yield Finding("film-size", what, file, image["id"], **about)
        if fields := identifying_fields(path):
            what = f"the file has {', '.join(fields)}"
            yield Finding("film-metadata", what, file, count=len(fields), **about)
        yield from _check_pixels(pixels, file, name)
    yield from check_duplicates(raw)
    yield from _check_inverted(raw)
    yield from _check_sizes(raw)
    yield from _check_unlisted(raw)


def _check_pixels(pixels: Pixels, file: str, name: str) -> Iterator[Finding]:
    about = {"films": (name,)}
    if pixels.levels == 1:
        yield Finding("film-blank", "all pixels are the same", file, **about)
        return
    if pixels.same >= MOST_SAME or pixels.contrast < LEAST_CONTRAST:
        what = f"{pixels.same:.0%} of the pixels have one value, and 98 % lie within {pixels.contrast:.0f} of 255"
        yield Finding("film-empty", what, file, **about)
    elif pixels.levels < FEWEST_LEVELS:
        yield Finding("film-few-levels", f"the film has {pixels.levels} shades of grey", file, **about)
    if pixels.text:
        yield Finding("film-text", "a line of letters near the border", file, **about)


def _check_inverted(raw: RawDataset) -> Iterator[Finding]:
    """Against the middle film of the dataset; where half are negatives it says nothing."""
    names = [name for name, pixels in raw.pixels.items() if pixels.levels > 1]
    if len(names) < FEWEST_FILMS:
        return
    films = np.stack([raw.pixels[name].thumbnail for name in names])
    middle = np.median(films, 0)
    middle = (middle - middle.mean()) / (np.linalg.norm(middle - middle.mean()) + 1e-9)
    for name, likeness in zip(names, films @ middle, strict=True):
        if likeness <= INVERTED:
            what = f"the film's correlation with the middle film is {likeness:.2f}"
            yield Finding("film-inverted", what, f"{IMAGES}/{name}", films=(name,))


def _check_sizes(raw: RawDataset) -> Iterator[Finding]:
    shapes = {name: pixels.shape for name, pixels in raw.pixels.items()}
    if len(shapes) < FEWEST_FILMS:
        return
    sides = np.array([np.sqrt(height * width) for height, width in shapes.values()])
    ratios = np.array([width / height for height, width in shapes.values()])
    size, ratio = np.median(sides), np.median(ratios)
    off = np.maximum(sides / size, size / sides) >= SIZE_FACTOR
    off |= np.maximum(ratios / ratio, ratio / ratios) >= SHAPE_FACTOR
    for name in np.array(list(shapes))[off].tolist():
        height, width = shapes[name]
        what = f"the film has {width} x {height} pixels; the median side is {size:.0f}"
        yield Finding("film-size-unusual", what, f"{IMAGES}/{name}", films=(name,))


def _check_unlisted(raw: RawDataset) -> Iterator[Finding]:
    folder = raw.folder / IMAGES
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if unlisted := sorted(there - set(raw.labels)):
        what = f"{len(unlisted)} files that {ANNOTATIONS} does not mention, such as {unlisted[0]}"
        yield Finding("film-unlisted", what, IMAGES, count=len(unlisted))
