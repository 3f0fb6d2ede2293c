"""Import of Pascal VOC annotations: an XML file per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.conventions import SPLITS
from mdfnet.core.csv_tables import read_table
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import read_text
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import is_coordinate
from mdfnet.data.dataset_folder import check_inside
from mdfnet.data.images.read import image_size
from mdfnet.data.importers.common import IMAGE_COLUMNS, DatasetInfo, ImageTable, ImportOptions, ImportResult
from mdfnet.data.names import SUFFIXES, checked_name, image_id

#: Ids of the classes, which VOC has no place for: id, name; lies beside the folder of annotations.
CLASS_TABLE = "classes.csv"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


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
        schema, info, images, options: As for `mdfnet.data.importers.import_coco`.

    Raises:
        UserError: What is wrong in which file and object.
    """
    options = options or ImportOptions()
    options.check_columns((*schema.names, *IMAGE_COLUMNS))
    files = {image_id(path.relative_to(annotations).with_suffix("").as_posix()): path for path in _files(annotations)}
    trees = {name: _tree(path) for name, path in files.items()}
    known = _classes(Path(annotations).parent / CLASS_TABLE, classes, trees, annotations)
    table, splits, samples = ImageTable.read(metadata, schema, options), _splits(sets), []
    for name, tree in trees.items():
        image = _image(Path(images), checked_name(name), files[name])
        size = image_size(image)
        target = _target(tree, size, known, origin, files[name])
        sample = table.sample(name, table.row_of(f"{name}{image.suffix}"), image, size, target)
        samples.append(replace(sample, split=sample.split or splits.get(name)))
    return table.dataset(samples, known, info, table.unused_rows())


def _files(folder: str | Path) -> list[Path]:
    files = sorted(Path(folder).rglob("*.xml"))
    if not files:
        raise UserError("no XML file", where=folder, fix="give the folder of VOC annotations")
    return files


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
    found = {item.findtext("name", "").strip() for tree in trees.values() for item in tree.iter("object")}
    if not (names or found):
        raise UserError("no boxes, so no classes are known", where=where, fix="name the classes")
    return Classes(tuple(names or sorted(found)))


def _splits(sets: str | Path | None) -> dict[str, str]:
    """Name of an image -> split."""
    splits: dict[str, str] = {}
    for split in SPLITS if sets else ():
        path = Path(sets) / f"{split}.txt"
        for line in read_text(path).splitlines() if path.is_file() else ():
            if line.strip() and splits.setdefault(line.strip(), split) != split:
                raise UserError(f"image {line.strip()!r} is in {splits[line.strip()]} too", where=path)
    if sets and not splits:
        raise UserError("no train.txt, val.txt or test.txt that lists images", where=sets)
    return splits


def _image(folder: Path, name: str, annotation: Path) -> Path:
    found = [path for suffix in SUFFIXES for path in (folder / f"{name}{suffix}", folder / f"{name}{suffix.upper()}")]
    there = next((path for path in found if path.is_file()), None)
    if there is None:
        raise UserError(f"no image {name!r} in {folder}", where=annotation, fix="remove the file or add the image")
    return there


def _target(tree: ElementTree.Element, size: tuple[int, int], classes: Classes, origin: int, path: Path) -> Target:
    given = tuple(tree.findtext(f"size/{side}", "") for side in ("width", "height"))
    if any(given) and given != tuple(map(str, size)):
        what = f"the image has {size[0]} x {size[1]} pixels, not {given[0]} x {given[1]}"
        raise UserError(what, where=path, fix="boxes must be in pixels of this image")
    boxes, labels = [], []
    for number, item in enumerate(tree.iter("object"), 1):
        where, name = f"{path} object {number}", item.findtext("name", "").strip()
        if name not in classes.names:
            raise UserError(f"unknown class {name!r}", where=where, fix=nearest(name, classes.names))
        box = _box(item, origin, where)
        check_inside(box, *size, where)
        boxes.append(box)
        labels.append(classes.label(name))
    return Target.of(boxes, labels)


def _box(item: ElementTree.Element, origin: int, where: str) -> np.ndarray:
    texts = [item.findtext(f"bndbox/{corner}", "") for corner in _CORNERS]
    try:
        corners = [float(text) for text in texts]
    except ValueError:
        corners = [np.nan]
    if not all(map(is_coordinate, corners)):
        raise UserError(f"bndbox is {', '.join(texts)}, not four numbers", where=where)
    box = np.round(np.array(corners) - [origin, origin, 0, 0], 9).astype(np.float32)
    if not (box[2:] > box[:2]).all():
        raise UserError("the box has no area", where=where, fix="fix or remove it")
    return box
