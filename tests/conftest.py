"""Data for all tests: a small dataset made on the spot, and the shared real data where they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from mdfnet.clinical.schema import Schema
from mdfnet.core.types import Classes, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import write_dataset


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the shared real data; the test is skipped where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MDFNET_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"NEEDS REAL DATA: {folder} is absent; set MDFNET_SHARED_DATA")
    return folder


@pytest.fixture(scope="session", autouse=True)
def key_of_tests() -> Iterator[None]:
    """Imports hash identifiers with this key, and never make or use the key of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MDFNET_KEY", "a key for tests, which is no secret at all")
        yield


@pytest.fixture
def tiny_dataset(tmp_path: Path) -> Callable[..., Dataset]:
    """Factory of a written dataset: ``tiny_dataset(count=12, schema="age-sex-view", size=64, names=..., folder=...)``.

    Synthetic noise images, two per patient; image ``i`` has ``i % 3`` boxes; splits train, val, test by thirds of
    the patients.
    """

    def make(
        count: int = 12,
        schema: str = "age-sex-view",
        size: int = 64,
        names: tuple[str, ...] = ("Atelectasis", "Effusion"),
        folder: str = "tiny",
    ) -> Dataset:
        images = tmp_path / f"{folder}-images"
        images.mkdir()
        random, loaded = np.random.default_rng(0), Schema.load(schema)
        samples = tuple(_sample(index, images, size, len(names), loaded, random) for index in range(count))
        ids = tuple(range(3, 3 + 10 * len(names), 10))
        dataset = Dataset(
            "tiny", Classes(names, ids), loaded, samples, images, "made by a test", "CC0-1.0", ("images",)
        )
        return write_dataset(dataset, tmp_path / folder)

    return make


def _sample(index: int, images: Path, size: int, classes: int, schema: Schema, random: np.random.Generator) -> Sample:
    path = images / f"image{index}.png"
    Image.fromarray(random.integers(0, 256, (size, size + 8), np.uint8)).save(path)
    corners = random.uniform(1, size / 2, (index % 3, 2))
    boxes = np.concatenate([corners, corners + random.uniform(4, size / 3, (index % 3, 2))], 1)
    labels = [1 + (index + number) % classes for number in range(len(boxes))]
    outlines = [np.array([box[[0, 1]], box[[2, 1]], box[[2, 3]]], np.float32) for box in boxes]
    clinical = _record(schema, random)
    view = schema["view"].categories[int(clinical[schema.index("view")])] if "view" in schema.names else "AP"
    split = ("train", "val", "test")[index // 2 % 3]
    target = Target.of(boxes, labels, outlines)
    return Sample(f"image{index}", path, size + 8, size, target, clinical, f"p{index // 2}", split, view)


def _record(schema: Schema, random: np.random.Generator) -> np.ndarray:
    """Plausible values; every number is missing in one of four records."""
    values = [
        random.integers(len(feature.categories))
        if feature.kind == "category"
        else random.uniform(feature.low, feature.high) * random.choice([1, 1, 1, np.nan])
        for feature in schema.features
    ]
    return np.array(values, np.float32)


#: 12-bit pixels of a DICOM image: every value once.
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


@pytest.fixture(scope="session")
def image() -> Callable[..., Path]:
    """Writes a DX image as DICOM: ``image(path, pixels=..., bits=..., syntax=..., Keyword=value)``."""

    def write(path: Path, pixels=RAMP, bits=12, syntax=ExplicitVRLittleEndian, **tags) -> Path:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
        meta.TransferSyntaxUID = syntax
        dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
        dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        dataset.Rows, dataset.Columns = pixels.shape[:2]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = 8 * pixels.itemsize
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
        dataset.PixelData = pixels.tobytes()
        for name, value in tags.items():
            setattr(dataset, name, value)
        if syntax.is_compressed and not syntax.is_deflated:
            dataset["PixelData"].is_undefined_length = True
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write
