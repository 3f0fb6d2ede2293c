"""Checks of the film files themselves."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.images import read_film
from mdfnet.data.layout import ANNOTATIONS, IMAGES, checked_name
from mdfnet.errors import UserError


def check_films(raw: RawDataset) -> Iterator[Finding]:
    """Missing, damaged, of another size than said, blank, the same film twice, files that nothing mentions."""
    same = defaultdict(list)
    for image in raw.coco["images"]:
        name = image["file_name"]
        try:
            film = read_film(raw.folder / IMAGES / checked_name(name))
        except UserError as error:
            yield Finding.of_error("film-unreadable", error, f"{IMAGES}/{name}")
            continue
        height, width = film.shape
        if (image["width"], image["height"]) != (width, height):
            what = f"the film has {width} x {height} pixels, {ANNOTATIONS} says {image['width']} x {image['height']}"
            fix = "boxes must be in pixels of this film"
            yield Finding("film-size", "error", what, f"{IMAGES}/{name}", image["id"], fix)
        if np.ptp(film) == 0:
            yield Finding("film-blank", "warning", "all pixels are the same", f"{IMAGES}/{name}", fix="export it again")
        else:
            same[film.shape, hashlib.sha256(film.tobytes()).digest()].append(name)
    for names in same.values():
        if len(names) > 1:
            yield _same_film(raw, names)
    yield from _check_unlisted(raw)


def _same_film(raw: RawDataset, names: list[str]) -> Finding:
    splits = set().union(*map(raw.splits_of_film, names))
    what, file = f"the same pixels as {', '.join(names[1:])}", f"{IMAGES}/{names[0]}"
    if len(splits) > 1:
        what = f"{what}, in splits {', '.join(sorted(splits))}"
        fix = "keep one; a film seen in training must not be scored"
        return Finding("film-across-splits", "error", what, file, fix=fix, count=len(names))
    return Finding("film-twice", "warning", what, file, fix="keep one", count=len(names))


def _check_unlisted(raw: RawDataset) -> Iterator[Finding]:
    folder = raw.folder / IMAGES
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    unlisted = sorted(there - set(raw.labels))
    if unlisted:
        what = f"{len(unlisted)} files that {ANNOTATIONS} does not mention, such as {unlisted[0]}"
        yield Finding(
            "film-unlisted", "note", what, IMAGES, fix="films without boxes are listed too", count=len(unlisted)
        )
