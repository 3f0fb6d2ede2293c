"""What goes out to another program's files comes back the same, and those programs read it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from PIL import Image

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.exporters import export_coco, export_voc, export_yolo
from mdfnet.data.images.read import read_image, read_sample_image
from mdfnet.data.importers import DatasetInfo, import_coco, import_voc, import_yolo

SCHEMA = Schema.load("age-sex-view")
ABOUT = DatasetInfo("again")


def coco_again(folder):
    parts = [json.loads(path.read_text()) for path in sorted((folder / "annotations").glob("*.json"))]
    whole = {key: [entry for part in parts for entry in part[key]] for key in ("images", "annotations")}
    (folder / "all.json").write_text(json.dumps(whole | {"categories": parts[0]["categories"]}))
    return import_coco(folder / "all.json", folder / "images", SCHEMA, ABOUT, metadata=folder / "images.csv")


def yolo_again(folder):
    return import_yolo(folder / "data.yaml", SCHEMA, ABOUT, metadata=folder / "images.csv")


def voc_again(folder):
    places = folder / "Annotations", folder / "JPEGImages"
    return import_voc(*places, SCHEMA, ABOUT, sets=folder / "ImageSets/Main", metadata=folder / "images.csv")


FORMATS = {"coco": (export_coco, coco_again), "yolo": (export_yolo, yolo_again), "voc": (export_voc, voc_again)}


@pytest.mark.parametrize("form", FORMATS)
def test_out_and_in_again_is_the_same(tiny_dataset, tmp_path, form):
    export, again = FORMATS[form]
    tiny = tiny_dataset(names=("Effusion", "Mass & more", "Ödem"))
    tiny = replace(tiny, samples=tuple(replace(sample, id=f"ward.1/{sample.id}") for sample in tiny.samples))
    notes = export(tiny, tmp_path / form)
    boxes = sum(len(sample.target) for sample in tiny.samples)
    assert notes == ({} if form == "coco" else {"outlines, left out": boxes}) and boxes > 0
    back = again(tmp_path / form).dataset
    assert back.classes == tiny.classes == Classes(("Effusion", "Mass & more", "Ödem"), (3, 13, 23))
    samples = {sample.id: sample for sample in back.samples}
    assert set(samples) == {sample.id for sample in tiny.samples}
    for before in tiny.samples:
        after = samples[before.id]
        np.testing.assert_array_equal(after.target.boxes, before.target.boxes)
        np.testing.assert_array_equal(after.target.labels, before.target.labels)
        np.testing.assert_array_equal(after.clinical, before.clinical)
        assert (after.split, after.patient, after.view) == (before.split, before.patient, before.view)
        np.testing.assert_array_equal(read_image(after.image), read_image(before.image))


@pytest.mark.parametrize("form", ["yolo", "voc"])
def test_boxes_come_back_exactly(tmp_path, form):
    """Any corner that a float32 can be, from the image's very edge on, on images of odd sizes."""
    export, again = FORMATS[form]
    random = np.random.default_rng(0)
    size = (2544, 3056)
    Image.new("L", size).save(tmp_path / "a.png")
    corners = random.uniform(0.02, 2000, (500, 2))
    boxes = np.concatenate([corners, corners + 10 ** random.uniform(-1, 2.7, (500, 2))], 1).astype(np.float32)
    boxes = np.concatenate([boxes, [[0, 0, *size], [0, 0, 1, 1]]]).astype(np.float32)
    nothing = np.full(3, np.nan, np.float32)
    sample = Sample("a", tmp_path / "a.png", *size, Target.of(boxes, np.ones(len(boxes))), nothing, split="train")
    export(replace(empty_dataset(tmp_path), samples=(sample,)), tmp_path / form)
    np.testing.assert_array_equal(again(tmp_path / form).dataset.samples[0].target.boxes, boxes)


def empty_dataset(folder):
    return Dataset("one", Classes(("Mass",), (90,)), SCHEMA, (), folder)


def test_pycocotools_reads_the_export(tiny_dataset, tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    tiny = tiny_dataset()
    export_coco(tiny, tmp_path / "coco")
    seen = 0
    for split in ("train", "val", "test"):
        loaded = coco.COCO(tmp_path / f"coco/annotations/instances_{split}.json")
        assert len(loaded.imgs) == len(tiny.split(split)) and sorted(loaded.cats) == [3, 13]
        assert all((tmp_path / "coco/images" / image["file_name"]).is_file() for image in loaded.imgs.values())
        seen += len(loaded.anns)
    assert seen == sum(len(sample.target) for sample in tiny.samples)


@pytest.mark.parametrize("form", FORMATS)
def test_dicom_images_go_out_as_png(image, tiny_dataset, tmp_path, form):
    path = image(tmp_path / "a.dcm", WindowCenter=900, WindowWidth=400, PatientName="Doe^Jane")
    nothing = np.full(3, np.nan, np.float32)
    sample = Sample("a", path, 64, 64, Target.of([[1, 2, 9, 9]], [1]), nothing, split="train")
    dataset = replace(tiny_dataset(), samples=(sample,), intensity="window/1")
    dataset = read_dataset(write_dataset(dataset, tmp_path / "set").folder)
    assert FORMATS[form][0](dataset, tmp_path / form) == {"images written as PNG": 1}
    back = FORMATS[form][1](tmp_path / form).dataset.samples[0]
    np.testing.assert_array_equal(read_image(back.image), read_sample_image(dataset.samples[0]))
    assert not any(b"Doe" in path.read_bytes() for path in (tmp_path / form).rglob("*") if path.is_file())


def test_smaller(tiny_dataset, tmp_path):
    tiny = tiny_dataset()  # 72 x 64
    export_yolo(tiny, tmp_path / "yolo", size=36)
    for before, after in zip(tiny.split("train"), yolo_again(tmp_path / "yolo").dataset.split("train"), strict=True):
        assert (after.width, after.height) == (36, 32)
        np.testing.assert_allclose(after.target.boxes, before.target.boxes / 2, rtol=1e-6)


def test_a_folder_that_is_there_is_not_written_to(tiny_dataset, tmp_path):
    tiny = tiny_dataset()
    for export in (export_coco, export_yolo, export_voc):
        with pytest.raises(UserError, match="exists already"):
            export(tiny, tiny.folder)


# Files as other programs write them; what they mean is from the formats' own descriptions.


@pytest.fixture
def yolo(tmp_path):
    """A dataset as Ultralytics describes it: classes with a gap, an image without labels, one with an outline."""
    for split, name in (("train", "a"), ("train", "b"), ("val", "c")):
        (tmp_path / f"images/{split}").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"labels/{split}").mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 20)).save(tmp_path / f"images/{split}/{name}.jpg")
    (tmp_path / "labels/train/a.txt").write_text("2 0.5 0.5 0.25 0.5\n0 0.1 0.1 0.5 0.1 0.5 0.6\n")
    (tmp_path / "labels/val/c.txt").write_text("")
    content = {"train": "images/train", "val": "images/val", "names": {0: "Mass", 2: "Effusion"}, "nc": 2}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def test_yolo_of_others(yolo):
    result = import_yolo(yolo / "data.yaml", SCHEMA, ABOUT)
    a, b, c = result.dataset.samples
    assert result.dataset.classes == Classes(("Mass", "Effusion"), (0, 2))
    assert a.target.labels.tolist() == [2, 1]
    np.testing.assert_allclose(a.target.boxes, [[15, 5, 25, 15], [4, 2, 20, 12]], rtol=1e-6)
    np.testing.assert_allclose(a.target.polygons[1], [[4, 2], [20, 2], [20, 12]], rtol=1e-6)
    assert [sample.split for sample in (a, b, c)] == ["train", "train", "val"] and len(b.target) == len(c.target) == 0


def test_yolo_lists_of_images(yolo):
    (yolo / "train.txt").write_text("images/train/b.jpg\n./images/train/a.jpg\n")
    content = {"path": ".", "train": "train.txt", "val": ["images/val"], "names": ["Mass", "Nodule", "Effusion"]}
    (yolo / "data.yaml").write_text(yaml.safe_dump(content))
    dataset = import_yolo(yolo / "data.yaml", SCHEMA, ABOUT).dataset
    assert [sample.id for sample in dataset.samples] == ["b", "a", "c"] and dataset.classes.ids == (0, 1, 2)
    assert dataset.samples[1].target.labels.tolist() == [3, 1]


def line(text):
    return lambda folder: (folder / "labels/train/a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{text}\n")


def data(**changes):
    def change(folder):
        content = yaml.safe_load((folder / "data.yaml").read_text()) | changes
        (folder / "data.yaml").write_text(yaml.safe_dump(content))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(line("1 0.5 0.5 0.1 0.1"), r"a.txt row 2: unknown class 1; known are: 0, 2", id="unknown class"),
        pytest.param(line("0 0.5 0.5 0.1"), r"a.txt row 2: not a box; class, then center x", id="three numbers"),
        pytest.param(line("0 0.5 0.5 nan 0.1"), r"a.txt row 2: not a box", id="NaN"),
        pytest.param(line("Mass 0.5 0.5 0.1 0.1"), r"a.txt row 2: not a box", id="a name for a number"),
        pytest.param(line("0 0.5 0.5 0 0.1"), r"a.txt row 2: box .* has no area", id="no width"),
        pytest.param(line("0 250 120 30 30"), r"a.txt row 2: .* lies outside the image", id="pixels instead of shares"),
        pytest.param(data(names=None), r"data.yaml: no 'names' of classes", id="no names"),
        pytest.param(data(names="Mass"), r"data.yaml: 'names' is neither", id="names that are no list"),
        pytest.param(data(category_ids=[1]), r"data.yaml: 2 class names but 1 ids", id="too few ids"),
        pytest.param(data(train="images/none"), r"data.yaml: no such folder or list of images", id="no folder"),
    ],
)
def test_broken_yolo(yolo, change, message):
    change(yolo)
    with pytest.raises(UserError, match=message):
        import_yolo(yolo / "data.yaml", SCHEMA, ABOUT)


VOC = """<annotation><folder>JPEGImages</folder><filename>a.jpg</filename>
<size><width>40</width><height>20</height><depth>3</depth></size>
<object><name>person</name><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>20</ymax></bndbox></object>
<object><name>aeroplane</name><bndbox><xmax>10.5</xmax><xmin>3</xmin><ymin>4</ymin><ymax>12</ymax></bndbox>
<part><name>wing</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></part></object>
</annotation>"""


@pytest.fixture
def voc(tmp_path):
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    Image.new("RGB", (40, 20)).save(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "Annotations/a.xml").write_text(VOC)
    (tmp_path / "ImageSets/Main/train.txt").write_text("a\n")
    return tmp_path


def from_voc(folder, **options):
    return import_voc(folder / "Annotations", folder / "JPEGImages", SCHEMA, ABOUT, **options).dataset


@pytest.mark.parametrize(
    ("origin", "boxes"),
    [
        pytest.param(1, [[0, 0, 40, 20], [2, 3, 10.5, 12]], id="1: a box from 1 to the width is the whole image"),
        pytest.param(0, [[1, 1, 40, 20], [3, 4, 10.5, 12]], id="0: corners as they are"),
    ],
)
def test_voc_of_others(voc, origin, boxes):
    dataset = from_voc(voc, origin=origin, sets=voc / "ImageSets/Main")
    sample = dataset.samples[0]
    assert dataset.classes.names == ("aeroplane", "person") and sample.target.labels.tolist() == [2, 1]
    assert sample.target.boxes.tolist() == boxes and sample.split == "train"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("</annotation>", "", r"a.xml row \d+: not XML", id="cut off"),
        pytest.param("<width>40", "<width>400", r"a.xml: the image has 40 x 20 pixels, not 400 x 20", id="other size"),
        pytest.param(
            "<xmin>3</xmin><ymin>4</ymin><ymax>12",
            "<xmin>x</xmin><ymin>4</ymin><ymax>12",
            "object 2: bndbox",
            id="text",
        ),
        pytest.param("<xmax>10.5", "<xmax>1", r"a.xml object 2: box .* has no area", id="no area"),
        pytest.param("<xmin>3</xmin><ymin>4</ymin><ymax>12", "<ymax>12", "object 2: bndbox is , , 10.5", id="missing"),
    ],
)
def test_broken_voc(voc, old, new, message):
    assert old in VOC
    (voc / "Annotations/a.xml").write_text(VOC.replace(old, new))
    with pytest.raises(UserError, match=message):
        from_voc(voc)


def test_voc_without_what_it_needs(voc):
    (voc / "JPEGImages/a.jpg").rename(voc / "b.jpg")
    with pytest.raises(UserError, match=r"a.xml: no image 'a' in .*JPEGImages"):
        from_voc(voc)
    with pytest.raises(UserError, match=r"no XML file; give the folder of VOC annotations"):
        import_voc(voc / "JPEGImages", voc, SCHEMA, ABOUT)
    (voc / "b.jpg").rename(voc / "JPEGImages/a.jpg")
    with pytest.raises(UserError, match=r"unknown class 'person'"):
        from_voc(voc, classes=["aeroplane"])
    with pytest.raises(UserError, match=r"no train.txt, val.txt or test.txt"):
        from_voc(voc, sets=voc)


def test_a_billion_laughs(voc):
    """Entities that multiply are not read."""
    levels = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "ha">{levels}]><annotation><object><name>&a9;</name></object></annotation>'
    (voc / "Annotations/a.xml").write_text(bomb)
    with pytest.raises(UserError, match=r"a.xml: defines entities"):
        from_voc(voc)
