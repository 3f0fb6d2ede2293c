"""On real images: no false alarms, and spoiled ones are told from them."""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mdfnet.clinical.schema import NumberFeature, Schema
from mdfnet.data.checks import check_dataset
from mdfnet.data.checks.columns import ClinicalColumns
from mdfnet.data.checks.duplicates import alike
from mdfnet.data.checks.pixels import Pixels, has_text
from mdfnet.data.checks.values import check_distribution, check_units
from mdfnet.data.dataset_folder import write_dataset
from mdfnet.data.images.read import read_image
from mdfnet.data.importers import DatasetInfo, import_csv
from mdfnet.report.overlay import font

STEP = 20  # every twentieth image, to be quick; benchmarks/check.py measures all


@pytest.fixture(scope="module")
def images(shared_data) -> list[np.ndarray]:
    return [read_image(path) for path in sorted((shared_data / "nih_cxr" / "images").iterdir())[::STEP]]


def test_nih(shared_data, tmp_path):
    """What is known of these images (data.md): no test split, few boxes, and the record tells which have boxes."""
    folder = shared_data / "nih_cxr"
    schema = Schema.load("age-sex-view")
    imported = import_csv(folder / "boxes.csv", folder / "images.csv", folder, schema, DatasetInfo("nih"))
    write_dataset(imported.dataset, tmp_path / "nih", "link")
    findings = check_dataset(tmp_path / "nih")
    kinds = {"image-text", "split-few-boxes", "column-gives-box", "clinical-gives-box", "test-empty"}
    assert {finding.id for finding in findings} == kinds
    joint = next(finding.message for finding in findings if finding.id == "clinical-gives-box")
    assert 0.64 <= float(joint.partition("AUC ")[2][:4]) <= 0.70  # published: 0.67
    assert all("images/" in finding.file for finding in findings if finding.id == "image-text")


@pytest.mark.parametrize(
    ("column", "unit", "low", "high", "expected"),
    [
        pytest.param("temperature", "[degF]", 77, 113, {"unit-mixed": 36, "value-outlier": 40}, id="36 in Cel"),
        pytest.param("temperature", "Cel", 25, 45, {"unit-wrong": 543, "value-outlier": 40}, id="543 in degF"),
        pytest.param("resprate", "/min", 2, 90, {"value-outlier": 1}, id="18 and 16 in half of all"),
        pytest.param("heartrate", "/min", 10, 300, {}, id="nothing"),
        pytest.param("sbp", "mm[Hg]", 30, 300, {}, id="nothing"),
    ],
)
def test_real_vital_signs(shared_data, column, unit, low, high, expected):
    """MIMIC-IV-ED demo: 36 of 579 temperatures are below 40, the others above 85."""
    with gzip.open(shared_data / "mimic_iv_ed_demo" / "ed" / "vitalsign.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    feature = NumberFeature(name=column, unit=unit, low=low, high=high, meaning=column)
    values = np.array([float(row[column] or "nan") for row in rows])
    numbers, patients = np.arange(len(rows)) + 2, np.array([row["subject_id"] for row in rows])
    columns = ClinicalColumns(tuple(map(str, numbers)), numbers, patients, {column: values}, (feature,))
    found = [*check_units(columns, feature), *check_distribution(columns, feature)]
    assert {finding.id: finding.count for finding in found} == expected


def resized(side):
    return lambda image: np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))


def brighter(factor, offset):
    return lambda image: np.clip(np.rint(image * factor + offset), 0, 255).astype(np.uint8)


def compressed(quality):
    def change(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(compressed(30), id="JPEG 30"),
        pytest.param(resized(256), id="half the size"),
        pytest.param(resized(1024), id="twice the size"),
        pytest.param(brighter(1.1, 5), id="brighter"),
        pytest.param(lambda image: compressed(60)(brighter(0.9, 0)(resized(400)(image))), id="all at once"),
        pytest.param(lambda image: image.astype(np.uint16) * 257, id="sixteen bits"),
    ],
)
def test_copies_are_told_from_other_images(images, change):
    prints = np.stack([Pixels.of(image).fingerprint for image in images])
    assert list(alike(prints)) == []
    both = np.concatenate([prints, np.stack([Pixels.of(change(image)).fingerprint for image in images])])
    assert {(one, other) for one, other, _ in alike(both)} == {(n, n + len(images)) for n in range(len(images))}


def test_blocks_do_not_matter(images, monkeypatch):
    from mdfnet.data.checks import duplicates

    prints = np.stack([Pixels.of(image).fingerprint for image in images[:30]])
    prints = np.concatenate([prints, prints[::-1]])
    whole = {(one, other) for one, other, _ in alike(prints)}
    monkeypatch.setattr(duplicates, "BLOCK", 7 * len(prints))
    assert {(one, other) for one, other, _ in alike(prints)} == whole and len(whole) == 30


def test_words_are_told_from_markers(images):
    """A name written on the dark above a shoulder; images that have no words themselves."""
    seen = []
    for image in images:
        if not has_text(image):
            picture = Image.fromarray(image)
            canvas = ImageDraw.Draw(picture)
            canvas.rectangle((10, 6, 210, 26), fill=0)
            canvas.text((12, 8), "SMITH, JOHN 1954-03-02", fill=255, font=font(13))
            seen.append(has_text(np.asarray(picture)))
    assert len(seen) > 40 and np.mean(seen) > 0.98
