"""A dataset folder as far as it can be read at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats
from mdfnet.core.csv_tables import Table, read_table
from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.pixels import Pixels
from mdfnet.data.coco import REQUIRED_KEYS, box_of, malformed_key
from mdfnet.data.description import Description
from mdfnet.data.names import ANNOTATIONS, CLINICAL, DESCRIPTION, SPLIT_TABLE, image_id

T = TypeVar("T")


@dataclass(frozen=True)
class RawBox:
    """A box that has an area, on an image that is there: id of its annotation, image, category id, float32 ``[4]``."""

    id: int | str
    image: str
    category_id: int
    corners: Floats


@dataclass
class RawDataset:
    """What the four files say, without what cannot be understood; that is in ``findings``."""

    folder: Path
    description: Description | None = None  #: ``dataset.yaml``, if it can be read
    #: Well-formed images, annotations and categories
    coco: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {part: [] for part in REQUIRED_KEYS})
    #: The two tables, if they can be read
    clinical: Table | None = None
    splits: Table | None = None
    findings: list[Finding] = field(default_factory=list)  #: What could not be understood
    #: What the images show, by file name, as far as they were read; `check_images` fills it
    pixels: dict[str, Pixels] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> RawDataset:
        """Read whatever can be read."""
        if not folder.is_dir():
            raise UserError("no such folder", where=folder)
        raw = cls(folder)
        raw.description = raw._try("description", DESCRIPTION, Description.read)
        content = raw._try("annotations", ANNOTATIONS, read_json)
        if content is not None:
            raw.coco = {part: list(raw._entries(content, part)) for part in REQUIRED_KEYS}
        raw.clinical = raw._table("clinical", CLINICAL)
        if (folder / SPLIT_TABLE).exists():
            raw.splits = raw._table("splits", SPLIT_TABLE)
        return raw

    @cached_property
    def images(self) -> dict[int | str, dict[str, Any]]:
        """Images by id."""
        return {image["id"]: image for image in self.coco["images"]}

    @cached_property
    def labels(self) -> dict[str, set[int]]:
        """Category ids annotated on each image, by file name; empty sets for images without boxes."""
        labels: dict[str, set[int]] = {image["file_name"]: set() for image in self.coco["images"]}
        for annotation in self.coco["annotations"]:
            if image := self.images.get(annotation["image_id"]):
                labels[image["file_name"]].add(annotation["category_id"])
        return labels

    @cached_property
    def boxes(self) -> list[RawBox]:
        """Boxes that have an area, on images that are there, in the file's order."""
        boxes = []
        for annotation in self.coco["annotations"]:
            if image := self.images.get(annotation["image_id"]):
                with suppress(UserError):
                    corners = box_of(annotation, None)
                    boxes.append(RawBox(annotation["id"], image["file_name"], annotation["category_id"], corners))
        return boxes

    @cached_property
    def boxes_of(self) -> dict[str, list[RawBox]]:
        """The `boxes` by image; images without any are left out."""
        boxes = defaultdict(list)
        for box in self.boxes:
            boxes[box.image].append(box)
        return dict(boxes)

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each image as ``annotations.json`` says, in pixels, by file name."""
        return {image["file_name"]: (image["width"], image["height"]) for image in self.coco["images"]}

    @cached_property
    def category_names(self) -> dict[int, str]:
        """Name of each category id; the description, where it can be read, decides."""
        if self.description:
            return {entry.id: entry.name for entry in self.description.classes}
        return {entry["id"]: entry["name"] for entry in self.coco["categories"]}

    @cached_property
    def patients(self) -> dict[str, str]:
        """Patient of each image, by file name."""
        rows = self.clinical if self.clinical and {"image", "patient_id"} <= set(self.clinical.columns) else ()
        known = {row["image"]: row["patient_id"] for row in rows}
        return {name: known.get(name) or image_id(name) for name in self.labels}

    @cached_property
    def split_of_patient(self) -> dict[str, set[str]]:
        """Splits each patient is in; more than one is an error."""
        splits = defaultdict(set)
        if self.splits and {"patient_id", "split"} <= set(self.splits.columns):
            for row in self.splits:
                splits[row["patient_id"]].add(row["split"])
        return splits

    def groups(self, names: Sequence[str]) -> dict[str, Bools]:
        """Class name -> bool ``[N]``, which of the images have a box of it."""
        return {
            label: np.array([category_id in self.labels[name] for name in names], bool)
            for category_id, label in self.category_names.items()
        }

    def boxed(self, names: Sequence[str]) -> Bools:
        """bool ``[N]``, which of the images have a box of any class."""
        return np.array([bool(self.labels[name]) for name in names], bool)

    def patients_of(self, names: Sequence[str]) -> Array:
        """Patient of each of the images, ``[N]``."""
        return np.array([self.patients[name] for name in names])

    def splits_of_image(self, name: str) -> set[str]:
        """Splits that an image is in through its patient."""
        return self.split_of_patient.get(self.patients[name], set())

    def images_of_split(self, split: str) -> list[str]:
        """Names of the images in a split, in the file's order."""
        return [name for name in self.labels if split in self.splits_of_image(name)]

    def _try(self, kind: str, file: str, read: Callable[[Path], T]) -> T | None:
        try:
            return read(self.folder / file)
        except UserError as error:
            self.findings.append(Finding.of_error(f"{kind}-unreadable", error, file))
            return None

    def _table(self, kind: str, file: str) -> Table | None:
        problems: list[UserError] = []
        table = self._try(kind, file, lambda path: read_table(path, problems))
        for problem in problems:
            row = int(str(problem.where).rpartition(" ")[2])
            self.findings.append(Finding.of_error("row-malformed", problem, file, row))
        return table

    def _entries(self, content: Any, part: str) -> Iterator[dict[str, Any]]:
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            fix = "give a COCO detection file"
            self.findings.append(Finding("annotations-unreadable", f"no list {part!r}", ANNOTATIONS, fix=fix))
            return
        seen = set()
        for position, entry in enumerate(entries):
            if key := malformed_key(entry, REQUIRED_KEYS[part]):
                what = f"{part} entry {position} has no valid {key!r}"
                self.findings.append(Finding("entry-malformed", what, ANNOTATIONS, position))
            elif entry["id"] in seen:
                what = f"{part} id {entry['id']} is duplicated"
                self.findings.append(Finding("id-twice", what, ANNOTATIONS, entry["id"]))
            else:
                seen.add(entry["id"])
                yield entry
