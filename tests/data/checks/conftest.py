"""A dataset with nothing wrong in it, and ways to spoil it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mdfnet.clinical.schema import Schema
from mdfnet.core.types import Classes, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import write_dataset

SIZE = 40  # pixels; the images are noise
IMAGES = {"train": 80, "val": 54, "test": 54}


@dataclass(frozen=True)
class Spoiled:
    """A copy of the sound dataset: images are links, so they are replaced and never written to."""

    folder: Path

    def put(self, number: int, image: np.ndarray, **options: object) -> None:
        """Replace an image."""
        path = self.image(number)
        path.unlink(missing_ok=True)
        Image.fromarray(image).save(path, **options)

    def image(self, number: int) -> Path:
        return self.folder / "images" / name(number)

    def pixels(self, number: int) -> np.ndarray:
        return np.asarray(Image.open(self.image(number)))

    def write(self, file: str, content: bytes | str) -> None:
        path = self.folder / file
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text()
        assert old in text
        self.write(file, text.replace(old, new, 1))

    def coco(self, change: Callable[[dict], object]) -> None:
        content = json.loads((self.folder / "annotations.json").read_text())
        change(content)
        self.write("annotations.json", json.dumps(content))

    def box(self, **values: object) -> None:
        """Change the first box, annotation 1 on image 1."""
        self.coco(lambda content: content["annotations"][0].update(values))

    def boxes(self, change: Callable[[np.ndarray], object], among: Callable[[dict], bool] = lambda _: True) -> None:
        """Change the x, y, width, height of boxes; the outlines go."""

        def every(content: dict) -> None:
            for box in filter(among, content["annotations"]):
                box.update(bbox=np.asarray(change(np.array(box["bbox"])), float).tolist(), segmentation=[])

        self.coco(every)

    def column(self, column: str, value: Callable[[dict[str, str], set[int]], object]) -> None:
        """Set a column of clinical.csv by a function of the row and of the category ids marked on its image."""
        content = json.loads((self.folder / "annotations.json").read_text())
        labels = {image["file_name"]: set() for image in content["images"]}
        names = {image["id"]: image["file_name"] for image in content["images"]}
        for box in content["annotations"]:
            labels[names[box["image_id"]]].add(box["category_id"])
        header, *rows = [line.split(",") for line in (self.folder / "clinical.csv").read_text().splitlines()]
        for row in rows:
            cells = dict(zip(header, row, strict=True))
            row[header.index(column)] = str(value(cells, labels[cells["image"]]))
        self.write("clinical.csv", "\n".join(map(",".join, [header, *rows])) + "\n")

    def splits(self, split: Callable[[int, str], str]) -> None:
        """Set splits.csv by a function of the patient's number and split."""
        rows = [line.split(",") for line in (self.folder / "splits.csv").read_text().splitlines()[1:]]
        lines = [f"{patient},{split(int(patient[1:]), old)}" for patient, old in rows]
        self.write("splits.csv", "\n".join(["patient_id,split", *lines]) + "\n")


def name(number: int) -> str:
    return f"image{number:03}.png"


@pytest.fixture(scope="session")
def sound_folder(tmp_path_factory) -> Path:
    """188 images of 94 patients, in turn with no box, three of Atelectasis, three of Effusion; ten clinical columns."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "images").mkdir()
    random, schema = np.random.default_rng(5), Schema.load("mimic-ed")
    splits = [split for split, count in IMAGES.items() for _ in range(count)]
    samples = tuple(_sample(number, split, folder / "images", schema, random) for number, split in enumerate(splits))
    classes = Classes(("Atelectasis", "Effusion"), (3, 13))
    dataset = Dataset("sound", classes, schema, samples, folder, "made by a test", "CC0-1.0", ("images",))
    write_dataset(dataset, folder / "set")
    return folder / "set"


@pytest.fixture
def spoiled(sound_folder, tmp_path) -> Spoiled:
    """A copy of the sound dataset, to be spoiled."""
    folder = tmp_path / "set"
    shutil.copytree(sound_folder, folder, copy_function=os.link)
    return Spoiled(folder)


def _sample(number: int, split: str, images: Path, schema: Schema, random: np.random.Generator) -> Sample:
    path = images / name(number)
    Image.fromarray(random.integers(0, 256, (SIZE, SIZE), np.uint8)).save(path)
    shown = (0, 1, 2, 1, 2, 0)[number % 6]
    corners = np.array([[1, 1], [15, 20], [24, 4]]) + random.uniform(0, 3, (3, 2))
    boxes = np.concatenate([corners, corners + random.uniform(6, 12, (3, 2))], 1)[: 3 * (shown > 0)]
    outlines = [np.array([box[[0, 1]], box[[2, 1]], box[[2, 3]]], np.float32) for box in boxes]
    target = Target.of(boxes, [shown] * len(boxes), outlines)
    patient = number // 2
    values = {
        "age": 30 + patient * 7 % 50,
        "temperature": random.normal(37, 0.4),
        "heartrate": random.normal(85, 12),
        "resprate": random.normal(18, 2),
        "o2sat": random.uniform(91, 100),
        "sbp": random.normal(130, 12),
        "dbp": random.normal(75, 8),
        "pain": random.integers(11),
        "acuity": random.integers(1, 5),
        "gender": patient % 2,
    }
    record = [float(np.round(values[feature], 1)) for feature in schema.names]
    record = [
        value if random.random() > 0.1 or key in ("age", "gender") else np.nan
        for key, value in zip(schema.names, record, strict=True)
    ]
    view = "PA" if random.random() < 0.5 else "AP"
    return Sample(path.stem, path, SIZE, SIZE, target, np.array(record, np.float32), f"p{patient}", split, view)
