"""The images of a build: looked for, and put under their new names one by one, so that an interrupted build goes on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.core.files import replacing
from mdfnet.data.images.read import image_size, read_image
from mdfnet.data.images.resize import shrink_image

#: Quality of resized images, where JPEG's own loss is far below that of the resizing.
_QUALITY = 95

NO_FILE = "no image file"
UNREADABLE = "image file damaged"
OTHER_SIZE = "image of another size than the one that was read"


def fault_of(path: Path, width: int, height: int) -> str | None:
    """Why an image cannot be used, from its header alone; None if it can."""
    if not path.is_file():
        return NO_FILE
    try:
        return None if image_size(path) == (width, height) else OTHER_SIZE
    except UserError:
        return UNREADABLE


def place_image(source: Path, target: Path, size: tuple[int, int], link: bool, place: str) -> None:
    """Put an image in place, whole or not at all: copied or linked as it is, or as a gray JPEG of another size.

    Messages call it ``place``, for its path names the patient.
    """
    with replacing(target) as draft:
        try:
            if image_size(source) != size:
                image = shrink_image(read_image(source, at_least=size), size)
                Image.fromarray(image).save(draft, "JPEG", quality=_QUALITY)
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
        fix = "leave out --link: images can be linked on the same disk only"
        raise UserError("the image cannot be linked", fix=fix) from None
