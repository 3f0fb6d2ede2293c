import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Target
from mdfnet.data.coco import bbox, box_of
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.provenance import Provenance, Step


def assert_same(left, right):
    for name in ("name", "classes", "schema", "source", "license", "synthetic", "fingerprint"):
        assert getattr(left, name) == getattr(right, name), name
    for a, b in zip(left.samples, right.samples, strict=True):
        assert (a.id, a.width, a.height, a.patient, a.split, a.view) == (
            b.id,
            b.width,
            b.height,
            b.patient,
            b.split,
            b.view,
        )
        np.testing.assert_array_equal(a.clinical, b.clinical)
        np.testing.assert_array_equal(a.target.boxes, b.target.boxes)
        np.testing.assert_array_equal(a.target.labels, b.target.labels)
        assert [None if p is None else p.tolist() for p in a.target.polygons] == [
            None if p is None else p.tolist() for p in b.target.polygons
        ]
        assert a.image.read_bytes() == b.image.read_bytes()


@pytest.mark.parametrize("schema", ["age-sex-view", "mimic-ed"])
def test_round_trip(tiny_dataset, tmp_path, schema):
    written = tiny_dataset(schema=schema)
    again = read_dataset(written.folder)
    assert_same(written, again)
    assert_same(again, write_dataset(again, tmp_path / "copy"))
    for name in ("annotations.json", "clinical.csv", "splits.csv", "dataset.yaml"):
        assert (tmp_path / "copy" / name).read_bytes() == (written.folder / name).read_bytes()
    assert any(not len(sample.target) for sample in again.samples) and again.classes.ids == (3, 13)


@pytest.mark.parametrize("images", ["link", "keep"])
def test_images_need_not_be_copied(tiny_dataset, tmp_path, images):
    tiny = tiny_dataset()
    folder = tiny.folder if images == "keep" else tmp_path / "new"
    renamed = write_dataset(replace(tiny, name="renamed"), folder, images)
    assert read_dataset(folder).name == "renamed"
    assert all(sample.image.is_symlink() == (images == "link") for sample in renamed.samples)


def test_boxes_read_back_exactly():
    random = np.random.default_rng(0)
    corners = random.uniform(-10, 4000, (5000, 2))
    sizes = 10 ** random.uniform(-2, 3, (5000, 2))
    for box in np.concatenate([corners, corners + sizes], 1).astype(np.float32):
        np.testing.assert_array_equal(box_of({"bbox": json.loads(json.dumps(bbox(box)))}, ""), box)


def test_pycocotools_reads_the_annotations(tiny_dataset):
    coco = pytest.importorskip("pycocotools.coco")
    tiny = tiny_dataset()
    loaded = coco.COCO(tiny.folder / "annotations.json")
    assert len(loaded.imgs) == len(tiny) and sorted(loaded.cats) == [3, 13]
    assert len(loaded.anns) == sum(len(sample.target) for sample in tiny.samples)


def test_the_fingerprint_follows_the_data_and_nothing_else(tiny_dataset, tmp_path):
    tiny = tiny_dataset()
    assert write_dataset(replace(tiny, source="another page"), tmp_path / "a").fingerprint == tiny.fingerprint
    first, *rest = tiny.samples
    for change in (
        {"clinical": np.array([33, *first.clinical[1:]])},
        {"split": None},
        {"target": Target.of([[0, 0, 9, 9]], [1])},
    ):
        changed = [replace(s, split=None) if "split" in change else s for s in rest]
        assert replace(tiny, samples=(replace(first, **change), *changed)).fingerprint != tiny.fingerprint, change


def test_splits(tiny_dataset):
    tiny = tiny_dataset()
    parts = {name: tiny.split(name) for name in ("train", "val", "test")}
    assert sum(map(len, parts.values())) == len(tiny)
    patients = [{sample.patient for sample in part} for part in parts.values()]
    assert not set.intersection(*patients)
    with pytest.raises(UserError, match="unknown split 'valid'"):
        tiny.split("valid")
    with pytest.raises(UserError, match="no image is in split 'test'"):
        replace(tiny, samples=parts["train"]).split("test")


def edit(name, old, new):
    """A change of one text file of the folder."""

    def change(folder):
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def edit_json(change):
    def apply(folder):
        path = folder / "annotations.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


def first_box(**values):
    return edit_json(lambda content: content["annotations"][0].update(values))


BROKEN = [
    pytest.param(lambda f: (f / "dataset.yaml").unlink(), "dataset.yaml: no such file", id="no description"),
    pytest.param(
        edit("dataset.yaml", "format_version: 2", "format_version: 3"),
        "later than 2.*update mdfnet",
        id="later version",
    ),
    pytest.param(edit("dataset.yaml", "license:", "licence:"), "licence", id="unknown key"),
    pytest.param(edit("dataset.yaml", "name: tiny", "name: ["), "dataset.yaml row 4: not YAML", id="not YAML"),
    pytest.param(edit("dataset.yaml", "Effusion", "Effusio"), "categories .* differ", id="names differ"),
    pytest.param(edit("annotations.json", "{", ""), "annotations.json row 2: not JSON", id="not JSON"),
    pytest.param(edit_json(lambda c: c.pop("images")), "no list 'images'", id="no images list"),
    pytest.param(edit_json(lambda c: c["images"].clear() or c["annotations"].clear()), "no images", id="empty dataset"),
    pytest.param(edit_json(lambda c: c["images"][0].pop("width")), "entry 0 has no valid 'width'", id="no width"),
    pytest.param(edit_json(lambda c: c["images"][0].update(width=0)), "image image0.png: size is 0 x 64", id="width 0"),
    pytest.param(edit_json(lambda c: c["images"][1].update(id=1)), "id 1 is duplicated", id="image id twice"),
    pytest.param(
        edit_json(lambda c: c["images"][0].update(file_name="../image0.png")), "no row|plain path", id="path out"
    ),
    pytest.param(first_box(image_id=99), "annotation 1: no image has id 99", id="box of no image"),
    pytest.param(
        first_box(category_id=4), "annotation 1: unknown category id 4; known are: 3, 13", id="label out of range"
    ),
    pytest.param(first_box(bbox=[1, 1, 0, 5]), "annotation 1: bbox has no area", id="zero-size box"),
    pytest.param(first_box(bbox=[1, 1, -3, 5]), "annotation 1: bbox has no area", id="negative width"),
    pytest.param(first_box(bbox=[1, float("nan"), 3, 5]), "annotation 1: bbox is .*finite", id="NaN box"),
    pytest.param(first_box(bbox=[1, 1, 5]), "annotation 1: bbox is", id="three numbers"),
    pytest.param(first_box(bbox=[100, 1, 5, 5]), "annotation 1: box .* outside the image of 72 x 64", id="box outside"),
    pytest.param(first_box(segmentation={"counts": "x", "size": [1, 1]}), "run-length", id="run-length outline"),
    pytest.param(
        first_box(segmentation=[[1, 2, 3]]), "annotation 1: the segmentation is not a polygon", id="odd outline"
    ),
    pytest.param(
        edit("clinical.csv", "image3.png", "image4.png"), "row 6: the same image stands in row 5", id="row twice"
    ),
    pytest.param(
        edit("clinical.csv", "image3.png", "image99.png"), "no row for image 'image3.png'", id="image without row"
    ),
    pytest.param(
        lambda f: (f / "clinical.csv").open("a").write("x.png,p9,PA,50,F\n"),
        "row of image 'x.png'",
        id="row without image",
    ),
    pytest.param(edit("clinical.csv", "view", "vieww"), "no column 'view'", id="misspelled column"),
    pytest.param(edit("clinical.csv", ",F\n", ",W\n"), r"row \d+: sex is 'W'", id="unknown category"),
    pytest.param(
        edit("splits.csv", "p1,", "p0,"), "row 3: the same patient_id stands in row 2", id="patient in two splits"
    ),
    pytest.param(edit("splits.csv", "val", "valid"), "row 3: split is 'valid'", id="unknown split"),
    pytest.param(lambda f: (f / "images" / "image5.png").unlink(), "image5.png: no such image", id="image missing"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_broken_folders_say_where(tiny_dataset, change, message):
    folder = tiny_dataset().folder
    change(folder)
    with pytest.raises(UserError, match=message) as error:
        read_dataset(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


def test_unsplit_dataset_needs_no_splits_file(tiny_dataset):
    tiny = tiny_dataset()
    (tiny.folder / "splits.csv").unlink()
    assert {sample.split for sample in read_dataset(tiny.folder).samples} == {None}


def test_one_class_and_no_boxes(tiny_dataset, tmp_path):
    tiny = tiny_dataset(names=("Nodule",))
    empty = tuple(replace(sample, target=Target.of([], [])) for sample in tiny.samples)
    again = read_dataset(write_dataset(replace(tiny, samples=empty), tmp_path / "empty").folder)
    assert again.classes == Classes(("Nodule",), (3,)) and all(s.target.boxes.shape == (0, 4) for s in again.samples)


UNWRITABLE = [
    pytest.param(
        {"split": "test"}, "the patient of image '.*' is in split test and in train", id="patient in two splits"
    ),
    pytest.param({"id": "image1"}, "two images are named 'image1'", id="name twice"),
    pytest.param({"id": "../image0"}, "not a plain path", id="name leads out"),
    pytest.param(
        {"view": "PA", "clinical": np.array([50, 0, 1], np.float32)}, "view PA but clinical view AP", id="views differ"
    ),
]


@pytest.mark.parametrize(("change", "message"), UNWRITABLE)
def test_contradictions_are_not_written(tiny_dataset, tmp_path, change, message):
    tiny = tiny_dataset()
    broken = replace(tiny, samples=(replace(tiny.samples[0], **change), *tiny.samples[1:]))
    with pytest.raises(UserError, match=message):
        write_dataset(broken, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_is_there_is_not_overwritten(tiny_dataset):
    tiny = tiny_dataset()
    with pytest.raises(UserError, match="exists already"):
        write_dataset(tiny, tiny.folder)
    assert_same(read_dataset(tiny.folder), tiny)


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), UserError, id="disk full"),
        pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="interrupt"),
    ],
)
@pytest.mark.parametrize("images", [0, 5], ids=["at the first image", "in the middle"])
def test_a_failure_leaves_nothing(tiny_dataset, tmp_path, monkeypatch, failure, seen, images):
    tiny, copied, copyfile = tiny_dataset(), [], shutil.copyfile
    before = set(os.listdir(tmp_path))

    def copy(source, target):
        if len(copied) == images:
            raise failure
        copied.append(copyfile(source, target))

    monkeypatch.setattr(shutil, "copyfile", copy)
    with pytest.raises(seen):
        write_dataset(tiny, tmp_path / "new")
    assert set(os.listdir(tmp_path)) == before and len(copied) == images


def test_a_disk_full_while_rewriting_changes_no_file(tiny_dataset, monkeypatch):
    tiny, write_text = tiny_dataset(), Path.write_text

    def write(path, text, **options):
        if "splits" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(UserError, match="No space left"):
        write_dataset(replace(tiny, name="other", samples=tiny.samples[:3]), tiny.folder, "keep")
    assert_same(read_dataset(tiny.folder), tiny)
    assert len(os.listdir(tiny.folder)) == 5


def test_provenance_is_kept_and_a_folder_without_stays_as_it_was(tiny_dataset, tmp_path):
    tiny = tiny_dataset()
    assert (
        "provenance" not in (tiny.folder / "dataset.yaml").read_text() and read_dataset(tiny.folder).provenance is None
    )
    steps = (
        Step(step="images", counts={"images": 12}),
        Step(step="frontal", counts={"images": 10}, left_out={"lateral": 2}),
    )
    provenance = Provenance(made_by="a test", rules={"stay": "inside"}, flow=steps, cautions=("read: with care",))
    written = write_dataset(replace(tiny, provenance=provenance), tmp_path / "with")
    assert read_dataset(tmp_path / "with").provenance == provenance and written.fingerprint == tiny.fingerprint
