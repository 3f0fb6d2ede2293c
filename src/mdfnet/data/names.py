"""Names in a dataset folder: of its files, and of the images in it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mdfnet.core.errors import UserError
from mdfnet.core.types import Study

if TYPE_CHECKING:
    pass


#: How films without a split are called in summaries and exports.
UNSPLIT = "unsplit"


SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")


DESCRIPTION, ANNOTATIONS, CLINICAL, SPLIT_TABLE = "dataset.yaml", "annotations.json", "clinical.csv", "splits.csv"


IMAGES = "images"


def film_name(study: Study) -> str:
    """Name of a study's film inside ``images/``: its id and the suffix of its file.

    Raises:
        UserError: The id would lead out of the folder.

    Examples:
        >>> from mdfnet.core.types import Target
        >>> film_name(Study("p1/a", Path("scans/7.JPG"), 8, 8, Target.of([], []), clinical=None))
        'p1/a.JPG'
    """
    suffix = study.image.suffix
    return checked_name(f"{study.id}{suffix if suffix.lower() in SUFFIXES else ''}")


def film_id(name: str) -> str:
    """Id of the film with this name inside ``images/``.

    Examples:
        >>> film_id("p1/a.JPG"), film_id("1.2.840.1")
        ('p1/a', '1.2.840.1')
    """
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name


def checked_name(name: str) -> str:
    """The name of a film, if it stays inside its folder.

    Raises:
        UserError: It is absolute, has ``..``, a backslash or a line break in it, or is empty.
    """
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and str(path) == name
    if not plain or not film_id(path.name) or path.is_absolute() or ".." in path.parts:
        raise UserError(f"film name {name!r} is not a plain path inside the images folder", fix="rename the film")
    return name
