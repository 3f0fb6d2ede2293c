"""The films of a build: looked for, and put under their new names one by one, so that an interrupted build goes on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.core.files import replacing
from mdfnet.data.images.read import film_size, read_film
from mdfnet.data.images.resize import shrink_film

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
                film = shrink_film(read_film(source, at_least=size), size)
                Image.fromarray(film).save(draft, "JPEG", quality=_QUALITY)
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
