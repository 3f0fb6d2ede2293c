"""Predictions as COCO results and CSV: exact round trips, pycocotools reads them, broken files are named."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
import torch

from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections
from mdfnet.evaluation import prediction_files as predictions

CLASSES = Classes(("Atelectasis", "Effusion, left", "Œdème"), ids=(3, 90, 7))
IMAGES = ["an image.png", "0012", "empty", "größer"]


def random_detections(seed: int, count: int) -> Detections:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 3056, (count, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], axis=1).astype(np.float32)
    scores = np.sort(rng.uniform(0, 1, count).astype(np.float32))[::-1]
    return Detections(*map(torch.from_numpy, (boxes, rng.integers(1, 4, count), scores.copy())))


FOUND = [random_detections(seed, count) for seed, count in enumerate((40, 1, 0, 200))]


def read_coco(path, classes: Classes) -> dict[str, Detections]:
    """What any COCO tool makes of the results."""
    images: dict[str, list[dict]] = {}
    for entry in json.loads(path.read_text(encoding="utf-8")):
        images.setdefault(entry["image_id"], []).append(entry)
    found = {}
    for image, entries in images.items():
        entries.sort(key=lambda entry: -entry["score"])
        labels = [classes.label_of_id(entry["category_id"]) for entry in entries]
        x, y, width, height = torch.tensor([entry["bbox"] for entry in entries], dtype=torch.float64).T
        boxes = torch.stack([x, y, x + width, y + height], 1).float()
        found[image] = Detections(boxes, torch.tensor(labels), torch.tensor([entry["score"] for entry in entries]))
    return found


WAYS = {
    "coco": (predictions.write_coco, read_coco),
    "csv": (predictions.write_csv, predictions.read_csv),
}


@pytest.mark.parametrize("way", WAYS)
def test_round_trip_is_exact(tmp_path, way):
    write, read = WAYS[way]
    write(tmp_path / "predictions", IMAGES, FOUND, CLASSES)
    back = read(tmp_path / "predictions", CLASSES)
    assert list(back) == [image for image, found in zip(IMAGES, FOUND, strict=True) if len(found)]
    for image, found in zip(IMAGES, FOUND, strict=True):
        if image in back:
            for name in ("boxes", "labels", "scores"):
                np.testing.assert_array_equal(
                    getattr(back[image], name), getattr(found, name), err_msg=f"{image} {name}"
                )
                assert getattr(back[image], name).dtype == getattr(found, name).dtype


@pytest.mark.parametrize("way", WAYS)
def test_nothing_found_is_a_readable_file(tmp_path, way):
    write, read = WAYS[way]
    write(tmp_path / "predictions", ["empty"], [random_detections(0, 0)], CLASSES)
    assert read(tmp_path / "predictions", CLASSES) == {}


@pytest.mark.parametrize("way", WAYS)
def test_reading_puts_the_highest_score_first(tmp_path, way):
    write, read = WAYS[way]
    backwards = FOUND[0].where(torch.arange(39, -1, -1))
    write(tmp_path / "predictions", ["image"], [backwards], CLASSES)
    assert (np.diff(read(tmp_path / "predictions", CLASSES)["image"].scores) <= 0).all()


def test_pycocotools_reads_the_results(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    write_to = tmp_path / "predictions.json"
    predictions.write_coco(write_to, [11, 12], FOUND[:2], CLASSES)
    truth = {
        "info": {},
        "images": [{"id": 11}, {"id": 12}],
        "annotations": [],
        "categories": [{"id": number, "name": name} for number, name in zip(CLASSES.ids, CLASSES.names, strict=True)],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    with contextlib.redirect_stdout(io.StringIO()):
        results = coco.COCO(tmp_path / "truth.json").loadRes(str(write_to))
    assert len(results.getAnnIds(imgIds=[11])) == 40
    assert {entry["category_id"] for entry in results.anns.values()} <= set(CLASSES.ids)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("images", "count", "message"),
    [
        pytest.param(["a"], 2, "1 image ids, 2 detections", id="an image without its id"),
        pytest.param(["a", "a"], 2, "not unique", id="results of one image would merge with another's"),
    ],
)
def test_images_and_detections_must_fit(tmp_path, way, images, count, message):
    with pytest.raises(ValueError, match=message):
        WAYS[way][0](tmp_path / "predictions", images, FOUND[:count], CLASSES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_failed_write_leaves_the_old_file_whole(tmp_path, way):
    path = tmp_path / "predictions"
    path.write_text("the last good one")
    unknown_label = Detections(np.float32([[0, 0, 1, 1]]), np.array([9]), np.float32([0.5]))
    with pytest.raises(IndexError):
        WAYS[way][0](path, ["first", "second"], [FOUND[1], unknown_label], CLASSES)
    assert [file.name for file in tmp_path.iterdir()] == ["predictions"]
    assert path.read_text() == "the last good one"


HEADER = "image,label,score,x1,y1,x2,y2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "the table is empty", id="empty file"),
        pytest.param("image,label,x1,y1,x2,y2\n", "no column 'score'", id="no score"),
        pytest.param(HEADER + "image,Atelektasis,0.5,1,2,3,4\n", "row 2: unknown class 'Atelektasis'; did", id="typo"),
        pytest.param(HEADER + "image\n", "row 2: 1 cells under 7 columns", id="short row"),
        pytest.param(HEADER + 'image,Atelectasis,"0,5",1,2,3,4\n', "row 2: score holds '0,5'", id="decimal comma"),
        pytest.param(HEADER + "image,Atelectasis,0.5,1,2,,4\n", "row 2: x2 holds ''", id="missing corner"),
        pytest.param(HEADER + "image,Atelectasis,0.5,1,9,3,4\n", "row 2: box is 2 wide and -5 high", id="upside down"),
    ],
)
def test_broken_tables_are_named(tmp_path, text, message):
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        predictions.read_csv(path, CLASSES)
    assert message in str(caught.value) and str(caught.value).startswith(str(path))


def test_byte_order_mark_and_more_columns_are_read(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text("\ufeffimage,label,score,x1,y1,x2,y2,reader\r\nimage,Œdème,1,0,0,3,4,AB\r\n", encoding="utf-8")
    assert predictions.read_csv(path, CLASSES)["image"].labels.tolist() == [3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "no such file", id="no such file"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "not UTF-8", id="an image"),
    ],
)
def test_unreadable_files_are_named(tmp_path, content, message):
    path = tmp_path / "predictions"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        predictions.read_csv(path, CLASSES)
