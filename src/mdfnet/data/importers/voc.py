"""Import of Pascal VOC annotations: an XML file per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Array
from mdfnet.core.conventions import SPLITS
from mdfnet.core.csv_tables import read_table
from mdfnet.core.errors import UserError
from mdfnet.core.files import read_text
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import is_coordinate
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.common import DatasetInfo, ImageTable, ImportOptions, ImportResult, check_size, classes_named
from mdfnet.data.names import SUFFIXES, checked_name, image_id
from mdfnet.data.targets import TargetBuilder

#: Ids of the classes, which VOC has no place for: id, name; lies beside the folder of annotations.
CLASS_TABLE = "classes.csv"


def import_voc(
    annotations: str | Path,
    images: str | Path,
    schema: Schema,
    info: DatasetInfo,
    *,
    sets: str | Path | None = None,
    metadata: str | Path | None = None,
    classes: Sequence[str] | None = None,
    origin: int = 1,
    options: ImportOptions | None = None,
) -> ImportResult:
    """Import Pascal VOC annotations.

    Args:
        annotations: Folder of XML files, also in folders below.
        images: Folder of the images; that of ``p1/a.xml`` is ``p1/a`` with the suffix of an image.
        sets: Folder with ``train.txt``, ``val.txt``, ``test.txt``, which list names of images.
        classes: Names in label order. Default: ``classes.csv`` beside the folder, or all there are, sorted.
        origin: What the file calls the first pixel: 1 as VOC does, whose box from 1 to the width covers the whole
            image; 0 as tools do that write corners as they are.
        schema, info, metadata, options: As for `mdfnet.data.importers.import_coco`.

    Raises:
        UserError: What is wrong in which file and object.
    """
    table = ImageTable.read(metadata, schema, options)
    paths = sorted(Path(annotations).rglob("*.xml"))
    if not paths:
        raise UserError("no XML file", where=annotations, fix="give the folder of VOC annotations")
    files = {image_id(path.relative_to(annotations).with_suffix("").as_posix()): path for path in paths}
    trees = {name: _tree(path) for name, path in files.items()}
    known = _classes(Path(annotations).parent / CLASS_TABLE, classes, trees, annotations)
    splits, samples = _splits(sets) if sets else {}, []
    for name, tree in trees.items():
        image = _image(Path(images), checked_name(name), files[name])
        size = image_size(image)
        target = _target(tree, size, known, origin, files[name])
        samples.append(table.sample(f"{name}{image.suffix}", image, size, target, split=splits.get(name)))
    return table.result(samples, known, info)


def _tree(path: Path) -> ElementTree.Element:
    text = read_text(path)
    if "<!ENTITY" in text:  # they could multiply to gigabytes
        raise UserError("defines entities", where=path, fix="VOC needs none: remove them")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise UserError("not XML", where=f"{path} row {error.position[0]}") from None


def _classes(
    path: Path, names: Sequence[str] | None, trees: Mapping[str, ElementTree.Element], where: object
) -> Classes:
    if not names and path.is_file():
        table = read_table(path)
        table.require("id", "name")
        if not all(row["id"].lstrip("-").isdigit() for row in table):
            raise UserError("an id is not a whole number", where=path)
        return Classes(tuple(row["name"] for row in table), tuple(int(row["id"]) for row in table))
    found = (item.findtext("name", "").strip() for tree in trees.values() for item in tree.iter("object"))
    return classes_named(names, found, where)


def _splits(sets: str | Path) -> dict[str, str]:
    """Name of an image -> split."""
    splits: dict[str, str] = {}
    for split in SPLITS:
        path = Path(sets) / f"{split}.txt"
        for line in read_text(path).splitlines() if path.is_file() else ():
            if line.strip() and splits.setdefault(line.strip(), split) != split:
                raise UserError(f"image {line.strip()!r} is in {splits[line.strip()]} too", where=path)
    if not splits:
        raise UserError("no train.txt, val.txt or test.txt that lists images", where=sets)
    return splits


def _image(folder: Path, name: str, annotation: Path) -> Path:
    for suffix in SUFFIXES:
        for path in (folder / f"{name}{suffix}", folder / f"{name}{suffix.upper()}"):
            if path.is_file():
                return path
    raise UserError(f"no image {name!r} in {folder}", where=annotation, fix="remove the file or add the image")


def _target(tree: ElementTree.Element, size: tuple[int, int], classes: Classes, origin: int, path: Path) -> Target:
    given = tree.findtext("size/width", ""), tree.findtext("size/height", "")
    if any(given):
        check_size(size, given, path)
    found = TargetBuilder(*size)
    for number, item in enumerate(tree.iter("object"), 1):
        where = f"{path} object {number}"
        label = classes.label(item.findtext("name", "").strip(), where)
        found.add(_box(item, origin, where), label, where)
    return found.target()


def _box(item: ElementTree.Element, origin: int, where: str) -> Array:
    texts = [item.findtext(f"bndbox/{corner}", "") for corner in ("xmin", "ymin", "xmax", "ymax")]
    try:
        corners = [float(text) for text in texts]
    except ValueError:
        corners = [np.nan]
    if not all(map(is_coordinate, corners)):
        raise UserError(f"bndbox is {', '.join(texts)}, not four numbers", where=where)
    return np.round(np.array(corners) - [origin, origin, 0, 0], 9).astype(np.float32)
