"""The films of a build: looked for, and put under their new names one by one, so that an interrupted build goes on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from PIL import Image

from mdfnet.data.images import DAMAGED, film_size, read_film
from mdfnet.errors import UserError
from mdfnet.files import replacing

#: Quality of resized films, where JPEG's own loss is far below that of the resizing.
_QUALITY = 95

NO_FILE = "no film file"
UNREADABLE = "film file damaged"
OTHER_SIZE = "film of another size than the one that was read"


def fault_of(path: Path, width: int, height: int) -> str | None:
    """Why a film cannot be used, from its header alone; None if it can."""
    if not path.is_file():
        return NO_FILE
    try:
        return None if film_size(path) == (width, height) else OTHER_SIZE
    except UserError:
        return UNREADABLE


def fitted(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Size of a film whose longer side is to be at most ``longest``; never larger than it is, proportions kept.

    Examples:
        >>> fitted(2544, 3056, 512), fitted(400, 300, 512), fitted(2544, 3056, None)
        ((426, 512), (400, 300), (2544, 3056))
    """
    if longest is None or max(width, height) <= longest:
        return width, height
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def place_film(source: Path, target: Path, size: tuple[int, int], link: bool, place: str) -> None:
    """Put a film in place, whole or not at all: copied or linked as it is, or as a grey JPEG of another size.

    Args:
        source, target: From where to where.
        size: Width and height it is to have.
        link: Whether to link to it, where the size stays.
        place: What to call the film in messages; its path names the patient.

    Raises:
        UserError: The film is damaged or cannot be linked, or the disk is full.
    """
    with replacing(target) as draft:
        try:
            if film_size(source) != size:
                _resized(source, size).save(draft, "JPEG", quality=_QUALITY)
            elif link:
                _link(source, draft)
            else:
                shutil.copyfile(source, draft)
        except UserError as error:
            raise UserError(error.what, where=place, fix=error.fix) from None


def _link(source: Path, draft: Path) -> None:
    """A hard link: a symbolic one would show the path, and in it the patient."""
    try:
        os.link(source, draft)
    except OSError:
        fix = "leave out --link: films can be linked on the same disk only"
        raise UserError("the film cannot be linked", fix=fix) from None


def _resized(source: Path, size: tuple[int, int]) -> Image.Image:
    """A JPEG is decoded no larger than needed: its transform gives a half, a quarter and an eighth at less cost, and
    within half a grey level on average of what the whole film gives.
    """
    with Image.open(source) as image:
        if image.format != "JPEG":
            return Image.fromarray(read_film(source)).convert("L").resize(size, Image.Resampling.LANCZOS)
        image.draft("L", size)
        try:
            return image.convert("L").resize(size, Image.Resampling.LANCZOS)
        except DAMAGED:
            raise UserError("the film is damaged", fix="fetch it again") from None
