"""Import of YOLO datasets: a YAML file with the classes, images and text files with one box a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Floats
from mdfnet.core.conventions import SPLITS
from mdfnet.core.errors import UserError
from mdfnet.core.files import read_text, read_yaml
from mdfnet.core.outlines import extents
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import is_coordinate
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.common import DatasetInfo, ImageTable, ImportOptions, ImportResult
from mdfnet.data.names import SUFFIXES, UNSPLIT, checked_name
from mdfnet.data.targets import TargetBuilder

#: Decimals of a pixel that are kept: what division and multiplication by the image's size leave beyond is rounding.
_DECIMALS = 9


def import_yolo(
    data: str | Path,
    schema: Schema,
    info: DatasetInfo,
    *,
    metadata: str | Path | None = None,
    options: ImportOptions | None = None,
) -> ImportResult:
    """Import a YOLO dataset (the layout of Ultralytics); splits and class numbers are kept.

    Args:
        data: The YAML file: ``names`` (list, or number -> name), ``train``, ``val``, ``test`` (folders or lists of
            images, relative to ``path`` or the file), and optionally ``category_ids``, the classes' ids elsewhere. The
            labels of ``images/a.png`` lie in ``labels/a.txt``: class, then center and size, or an outline, as shares
            of the image. Without that file, or with an empty one, the image has no boxes.
        schema, info, metadata, options: As for `mdfnet.data.importers.import_coco`.

    Raises:
        UserError: What is wrong in which file and row.
    """
    table = ImageTable.read(metadata, schema, options)
    content = read_yaml(data)
    if not isinstance(content, dict) or not content.get("names"):
        raise UserError("no 'names' of classes", where=data, fix="give the YAML file of a YOLO dataset")
    numbers, classes = _classes(content, data)
    samples = []
    for split in (*SPLITS, UNSPLIT):
        for path, name in _images(content.get(split), Path(data).parent / str(content.get("path") or ""), data):
            size = image_size(path)
            target, known = _target(_labels_of(path), size, numbers), split if split in SPLITS else None
            samples.append(table.sample(checked_name(name), path, size, target, split=known))
    return table.result(samples, classes, info)


def _classes(content: dict[str, Any], data: object) -> tuple[list[int], Classes]:
    """The file's class numbers in label order, and the classes."""
    names = content["names"]
    names = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(names, dict) or not all(isinstance(number, int) for number in names):
        raise UserError("'names' is neither a list nor number: name", where=data)
    numbers = sorted(names)
    ids = content.get("category_ids") or numbers
    if not isinstance(ids, list) or not all(isinstance(one, int) for one in ids):
        raise UserError("'category_ids' is not a list of whole numbers", where=data)
    try:
        return numbers, Classes(tuple(str(names[number]) for number in numbers), tuple(ids))
    except UserError as error:
        raise error.at(data) from None


def _images(places: Any, root: Path, data: object) -> Iterator[tuple[Path, str]]:
    """Images of a split, and their names inside of it."""
    for place in places if isinstance(places, list) else [places] if places else []:
        path = root / str(place)
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
            yield from ((file, file.relative_to(path).as_posix()) for file in found)
        elif path.is_file():
            listed = (line.strip() for line in read_text(path).splitlines() if line.strip())
            yield from ((path.parent / line, Path(line).name) for line in listed)
        else:
            raise UserError(f"no such folder or list of images: {place}", where=data)


def _labels_of(image: Path) -> Path:
    """``images/train/a.png`` -> ``labels/train/a.txt``, as every YOLO does it: the last folder of that name counts."""
    parts = list(image.parts)
    places = [index for index, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _target(path: Path, size: tuple[int, int], numbers: Sequence[int]) -> Target:
    found = TargetBuilder(*size)
    lines = read_text(path).splitlines() if path.is_file() else []
    for row, line in enumerate(lines, 1):
        if line.strip():
            where = f"{path} row {row}"
            number, shares = _numbers(line, where)
            if number not in numbers:
                fix = f"known are: {', '.join(map(str, numbers))}"
                raise UserError(f"unknown class {number}", where=where, fix=fix)
            box, outline = _box(shares, size)
            found.add(box, numbers.index(number) + 1, where, outline)
    return found.target()


def _numbers(line: str, where: str) -> tuple[int, Floats]:
    """Class number, and the shares of the image's size that follow it."""
    try:
        number, *texts = line.split()
        shares = [float(text) for text in texts]
        if len(shares) in (4, *range(6, 10_000, 2)) and all(map(is_coordinate, shares)):
            return int(number), np.array(shares)
    except ValueError:
        pass
    fix = "class, then center x, center y, width, height, or the corners of an outline, as shares of the image"
    raise UserError("not a box", where=where, fix=fix)


def _box(shares: Floats, size: tuple[int, int]) -> tuple[Floats, Floats | None]:
    """Box ``[4]`` and outline ``[P, 2]`` in pixels."""
    if len(shares) > 4:
        outline = np.round(shares.reshape(-1, 2) * size, _DECIMALS).astype(np.float32)
        return extents(outline), outline
    center, half = shares[:2], shares[2:] / 2
    return np.round(np.concatenate([center - half, center + half]) * (size * 2), _DECIMALS).astype(np.float32), None
