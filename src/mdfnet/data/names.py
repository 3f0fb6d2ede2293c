"""Names in a dataset folder: of its files, and of the images in it."""

from __future__ import annotations

from pathlib import PurePosixPath

from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample

#: What lies in a dataset folder; see `mdfnet.data.dataset`.
DESCRIPTION, ANNOTATIONS, CLINICAL, SPLIT_TABLE = "dataset.yaml", "annotations.json", "clinical.csv", "splits.csv"
IMAGES = "images"

SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")  #: Endings by which a file is known as an image, in lower case
UNSPLIT = "unsplit"  #: What images without a split are called in summaries and exports


def image_name(sample: Sample) -> str:
    """Name of a sample's image inside ``images/``: its id and the suffix of its file.

    Examples:
        >>> from pathlib import Path
        >>> from mdfnet.core.types import Target
        >>> image_name(Sample("p1/a", Path("scans/7.JPG"), 8, 8, Target.of([], []), clinical=None))
        'p1/a.JPG'
    """
    suffix = sample.image.suffix
    return checked_name(f"{sample.id}{suffix if suffix.lower() in SUFFIXES else ''}")


def image_id(name: str) -> str:
    """Id of the image with this name inside ``images/``.

    Examples:
        >>> image_id("p1/a.JPG"), image_id("1.2.840.1")
        ('p1/a', '1.2.840.1')
    """
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name


def names_of(name: str) -> tuple[str, str, str, str]:
    """What a table may call an image: its name with or without folder and suffix.

    Examples:
        >>> names_of("p1/a.png")
        ('p1/a.png', 'p1/a', 'a.png', 'a')
    """
    base = PurePosixPath(name).name
    return name, image_id(name), base, image_id(base)


def checked_name(name: str) -> str:
    """The name of an image, if it stays inside its folder: relative, printable, and without ``..`` or backslash."""
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and str(path) == name
    if not plain or not image_id(path.name) or path.is_absolute() or ".." in path.parts:
        raise UserError(f"image name {name!r} is not a plain path inside the images folder", fix="rename the image")
    return name
