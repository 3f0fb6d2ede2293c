import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.importers import DatasetInfo, ImportOptions, import_coco, import_csv

SCHEMA = Schema.load("age-sex-view")
ABOUT = DatasetInfo("mine", "a hospital", "CC-BY-4.0")
IMAGES = "image_id,file,patient_id,split,age,sex,view,ward\na,s/a.png,1,train,61,F,PA,x\nb,s/b.png,2,val,,M,AP,y\n"
BOXES = "image_id,label,x1,y1,x2,y2\na,Mass,1,2,11.5,12\na,Effusion,5,5,20,20\n"


@pytest.fixture
def hospital(tmp_path):
    """Two images and their tables, as somebody might have them."""
    (tmp_path / "s").mkdir()
    for name in "ab":
        Image.fromarray(np.full((32, 40), ord(name), np.uint8)).save(tmp_path / "s" / f"{name}.png")
    (tmp_path / "images.csv").write_text(IMAGES)
    (tmp_path / "boxes.csv").write_text(BOXES)
    (tmp_path / "coco.json").write_text(json.dumps(coco()))
    return tmp_path


def coco(**changes):
    images = [{"id": 10 * i, "file_name": f"s/{name}.png", "width": 40, "height": 32} for i, name in enumerate("ab", 1)]
    marks = [{"id": 1, "image_id": 10, "category_id": 90, "bbox": [1, 2, 10.5, 10], **changes}]
    return {
        "images": images,
        "annotations": marks,
        "categories": [{"id": 7, "name": "Mass"}, {"id": 90, "name": "Effusion"}],
    }


def from_csv(folder, **options):
    return import_csv(folder / "boxes.csv", folder / "images.csv", folder, SCHEMA, ABOUT, **options)


def from_coco(folder, **options):
    return import_coco(folder / "coco.json", folder, SCHEMA, ABOUT, metadata=folder / "images.csv", **options)


def test_csv(hospital):
    imported = from_csv(hospital)
    assert imported.notes == {"columns not read: ward": 1}
    dataset = read_dataset(write_dataset(imported.dataset, hospital / "out").folder)
    a, b = dataset.samples
    assert dataset.classes.names == ("Effusion", "Mass") and a.target.labels.tolist() == [2, 1]
    assert a.target.boxes.tolist() == [[1, 2, 11.5, 12], [5, 5, 20, 20]] and len(b.target) == 0
    assert (a.id, a.width, a.height, a.patient, a.split, a.view) == ("a", 40, 32, "1", "train", "PA")
    np.testing.assert_array_equal(b.clinical, np.array([np.nan, 1, 1], np.float32))


def test_csv_with_other_names_units_and_order_of_classes(hospital):
    (hospital / "images.csv").write_text("image;alter;sex;view\ns/a.png;732,0;F;PA\ns/b.png;;M;\n")
    (hospital / "boxes.csv").write_text("image,finding,x1,y1,x2,y2\ns/a.png,Mass,1,2,11.5,12\n")
    options = ImportOptions(
        {"image_id": "image", "label": "finding", "age": "alter"}, {"age": "mo"}, fractions={"val": 1.0}
    )
    imported = from_csv(hospital, options=options, classes=["Nodule", "Mass"])
    a, b = imported.dataset.samples
    assert a.clinical[0] == 61 and a.target.labels.tolist() == [2] and (a.id, a.patient) == ("s/a", "s/a")
    assert {a.split, b.split} == {"val"} and sum(imported.notes.values()) == 2
    assert read_dataset(write_dataset(imported.dataset, hospital / "out").folder).samples[0].id == "s/a"


@pytest.mark.parametrize("key", ["s/{}.png", "s/{}", "{}.png", "{}"])
def test_coco_keeps_ids_and_finds_rows_by_any_name(hospital, key):
    (hospital / "images.csv").write_text(
        f"image_id,split,age,sex,view\n{key.format('b')},train,50,M,AP\nzz,train,1,F,PA\n"
    )
    imported = from_coco(hospital)
    dataset = read_dataset(write_dataset(imported.dataset, hospital / "out").folder)
    a, b = dataset.samples
    assert dataset.classes.ids == (7, 90) and a.target.labels.tolist() == [2]
    assert np.isnan(a.clinical).all() and b.clinical.tolist() == [50, 1, 1] and (a.split, b.split) == (None, "train")
    assert imported.notes == {
        "images without a row in the table of images": 1,
        "clinical rows that belong to no image, left out": 1,
        "images that stay without a split": 1,
    }


@pytest.mark.parametrize(
    ("change", "note", "boxes"),
    [
        pytest.param({"iscrowd": 1}, "crowd regions, left out", 0, id="crowd"),
        pytest.param({"segmentation": {"counts": "a", "size": [32, 40]}}, "outlines in several", 1, id="run-length"),
        pytest.param({"segmentation": [[0, 0, 1, 0, 1, 1]] * 2}, "outlines in several", 1, id="several parts"),
    ],
)
def test_coco_counts_what_it_leaves_out(hospital, change, note, boxes):
    (hospital / "coco.json").write_text(json.dumps(coco(**change)))
    imported = from_coco(hospital)
    assert [count for text, count in imported.notes.items() if text.startswith(note)] == [1]
    assert len(imported.dataset.samples[0].target) == boxes


def test_coco_without_a_table(hospital):
    dataset = import_coco(hospital / "coco.json", hospital, SCHEMA, ABOUT).dataset
    assert np.isnan(dataset.samples[0].clinical).all() and dataset.samples[0].split is not None


def replace_in(name, old, new):
    def change(folder: Path):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


BROKEN = [
    pytest.param(
        replace_in("images.csv", "b,s/", "a,s/"),
        "images.csv row 3: the same image_id stands in row 2",
        id="image twice",
    ),
    pytest.param(replace_in("images.csv", "s/a.png", "s/c.png"), "c.png: no such image", id="no such image"),
    pytest.param(replace_in("images.csv", "61", "610"), "images.csv row 2: age is 610", id="out of range"),
    pytest.param(replace_in("images.csv", "sex", "gender"), "images.csv: no column 'sex'", id="column missing"),
    pytest.param(replace_in("images.csv", "val", "valid"), "images.csv row 3: split is 'valid'", id="unknown split"),
    pytest.param(
        replace_in("boxes.csv", "a,Mass", "z,Mass"),
        "boxes.csv row 2: the image of this box is not in",
        id="box of no image",
    ),
    pytest.param(replace_in("boxes.csv", "11.5", "1"), "boxes.csv row 2: box .* has no area", id="zero-size box"),
    pytest.param(replace_in("boxes.csv", "11.5", "nan"), "boxes.csv row 2: x2 is 'nan', not a number", id="NaN box"),
    pytest.param(replace_in("boxes.csv", "5,5,20,20", "50,5,60,20"), "boxes.csv row 3: .* outside", id="box outside"),
    pytest.param(replace_in("boxes.csv", "x2", "xmax"), "boxes.csv: no column 'x2'", id="corner missing"),
    pytest.param(lambda f: (f / "boxes.csv").write_text(BOXES[:27]), "boxes.csv: no boxes", id="no boxes"),
    pytest.param(lambda f: (f / "s" / "b.png").write_bytes(b"x"), "b.png: not a PNG", id="image is no picture"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_broken_tables(hospital, change, message):
    change(hospital)
    with pytest.raises(UserError, match=message):
        from_csv(hospital)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(coco(category_id=8), "image 10 annotation 1: unknown category id 8", id="unknown class"),
        pytest.param(coco(bbox=[0, 0, 0, 0]), "annotation 1: bbox has no area", id="zero-size box"),
        pytest.param({**coco(), "images": []}, "annotation 1: no image has id 10", id="box of no image"),
        pytest.param(
            {**coco(), "images": [{"id": 10, "file_name": "s/a.png", "width": 80, "height": 64}]},
            "the image has 40 x 32 pixels, not 80 x 64",
            id="boxes of a larger image",
        ),
        pytest.param([], "no list 'images'", id="not COCO"),
    ],
)
def test_broken_coco(hospital, content, message):
    (hospital / "coco.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        from_coco(hospital)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(ImportOptions({"agee": "x"}), "did you mean 'age'", id="column for unknown name"),
        pytest.param(ImportOptions({"patient_id": "pid"}), "no column 'pid'", id="named column does not exist"),
        pytest.param(ImportOptions(units={"age": "Cel"}), "does not fit", id="unit that does not fit"),
    ],
)
def test_wrong_options(hospital, options, message):
    for importer in (from_csv, from_coco):
        with pytest.raises(UserError, match=message):
            importer(hospital, options=options)


def test_unknown_class_is_named(hospital):
    with pytest.raises(UserError, match=r"boxes.csv row 3: unknown class 'Effusion'"):
        from_csv(hospital, classes=["Mass"])


def test_nih_has_the_published_counts(shared_data):
    folder = shared_data / "nih_cxr"
    imported = import_csv(folder / "boxes.csv", folder / "images.csv", folder, SCHEMA, ABOUT)
    train, val = imported.dataset.split("train"), imported.dataset.split("val")
    assert (len(train), len(val)) == (1291, 300)
    assert (sum(len(s.target) > 0 for s in train), sum(len(s.target) > 0 for s in val)) == (619, 129)
    names = imported.dataset.classes.names
    counts = np.bincount(np.concatenate([s.target.labels for s in train]))[1:]
    assert dict(zip(names, counts.tolist(), strict=True)) == {
        "Atelectasis": 121,
        "Effusion": 109,
        "Cardiomegaly": 97,
        "Infiltration": 90,
        "Pneumonia": 85,
        "Pneumothorax": 71,
        "Mass": 59,
        "Nodule": 55,
    }
