"""Every kind of finding has a dataset that shows it, and the sound dataset shows none."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from mdfnet.core.errors import UserError
from mdfnet.data.checks import KINDS, check_dataset
from mdfnet.data.dataset_folder import read_dataset

RANDOM = np.random.default_rng(0)
SIDE = 40


def ids(findings, severity=None):
    return {finding.id for finding in findings if severity in (None, finding.severity)}


def case(reason, expected, spoil):
    """A row of the table: ``expected`` is kind, file and row (* for any) of a finding; ``spoil`` makes it."""
    return pytest.param(spoil, *(*expected.split(), None)[:3], id=reason)


def image(values):
    """A change of annotations.json's fourth image."""
    return lambda s: s.coco(lambda content: content["images"][3].update(values))


def add_box(**values):
    """One more box, a copy of the first with other values."""
    return lambda s: s.coco(lambda c: c["annotations"].append({**c["annotations"][0], "id": 900, **values}))


def copy_image(s, source, target, change=lambda image: image):
    s.put(target, np.clip(np.rint(change(s.pixels(source).astype(float))), 0, 255).astype(np.uint8))


def smooth(scale=1.0, offset=0.0, side=96):
    """An image with shapes in it, as large or bright as wanted."""
    y, x = np.mgrid[0:side, 0:side] / side
    image = 120 + 60 * np.sin(9 * x + 3) * np.cos(7 * y) + 50 * np.exp(-30 * ((x - 0.3) ** 2 + (y - 0.6) ** 2))
    return np.clip(image * scale + offset, 0, 255).astype(np.uint8)


def alike(first, second):
    def spoil(s):
        s.put(first, smooth())
        s.put(second, smooth(1.1, 6, side=64))
        s.coco(
            lambda c: [c["images"][first].update(width=96, height=96), c["images"][second].update(width=64, height=64)]
        )

    return spoil


def shaped(spoil_one):
    """All images show one shape with noise, then one of them is spoiled."""

    def spoil(s):
        for number in range(30):
            s.put(number, np.clip(smooth(side=SIDE) + RANDOM.normal(0, 25, (SIDE, SIDE)), 0, 255).astype(np.uint8))
        spoil_one(s)

    return spoil


def with_text(s):
    image = Image.new("L", (512, 512), 40)
    ImageDraw.Draw(image).text((20, 20), "DOE JOHN 1954-03-02", fill=255)
    s.put(3, np.asarray(image))


def with_metadata(s):
    text = PngImagePlugin.PngInfo()
    text.add_text("PatientName", "Featherstone")
    s.put(3, s.pixels(3), pnginfo=text)


def first_class(change):
    """Change all boxes of the class 3."""
    return lambda s: s.boxes(change, among=lambda box: box["category_id"] == 3)


def only_train(kept):
    """Training images show class 3 on ``kept`` images only."""

    def change(content):
        images = sorted(
            {m["image_id"] for m in content["annotations"] if m["category_id"] == 3 and m["image_id"] <= 80}
        )
        dropped = set(images[kept:])
        content["annotations"] = [m for m in content["annotations"] if m["image_id"] not in dropped]

    return lambda s: s.coco(change)


def without(split_images, category=None):
    """Boxes of some images, and of one class, are taken away."""

    def change(content):
        content["annotations"] = [
            m
            for m in content["annotations"]
            if not (m["image_id"] - 1 in split_images and category in (None, m["category_id"]))
        ]

    return lambda s: s.coco(change)


def doubled(content):
    """Class 13 on exactly the boxes of class 3."""
    kept = [m for m in content["annotations"] if m["category_id"] == 3]
    content["annotations"] = kept + [{**m, "id": m["id"] + 5000, "category_id": 13} for m in kept]


def filled(s, column, middle):
    """Values missing in every seventh image are filled, as the paper does."""
    s.column(column, lambda c, _: "" if number(c) % 7 == 0 else c[column] or f"{100 + noise(c, 3, 12):.1f}")
    header, *rows = [line.split(",") for line in (s.folder / "clinical.csv").read_text().splitlines()]
    known = [float(row[header.index(column)]) for row in rows if row[header.index(column)]]
    s.column(column, lambda c, _: c[column] or f"{middle(known):.1f}")


def number(cells):
    return int(cells["image"][5:8])


def noise(cells, key, spread=1.0):
    """A number that depends on the image's name alone."""
    return float(np.random.default_rng([key, number(cells)]).normal(0, spread))


def other_unit(convert, share=0.1):
    return lambda s: s.column(
        "temperature", lambda c, _: f"{convert(37 + noise(c, 1, 0.4)):.1f}" if noise(c, 2) > 1.2 else c["temperature"]
    )


FILES = [
    case("description", "description-unreadable dataset.yaml", lambda s: s.edit("dataset.yaml", "name:", "nam:")),
    case("no JSON", "annotations-unreadable annotations.json", lambda s: s.write("annotations.json", "{")),
    case("no list", "annotations-unreadable annotations.json", lambda s: s.coco(lambda c: c.pop("images"))),
    case("encoding", "clinical-unreadable clinical.csv", lambda s: s.write("clinical.csv", b"\xff\xfe")),
    case("splits empty", "splits-unreadable splits.csv", lambda s: s.write("splits.csv", "")),
    case("ragged row", "row-malformed splits.csv 3", lambda s: s.edit("splits.csv", "p1,train", "p1")),
    case("category id is text", "entry-malformed annotations.json 0", lambda s: s.box(category_id="3")),
    case("annotation id twice", "id-twice annotations.json 1", add_box(id=1)),
    case("no images", "dataset-empty annotations.json", lambda s: s.coco(lambda c: c["images"].clear())),
    case("no column", "column-missing clinical.csv 1", lambda s: s.edit("clinical.csv", ",dbp", ",dbpp")),
    case("no column in splits", "column-missing splits.csv 1", lambda s: s.edit("splits.csv", "patient_id", "patient")),
    case("other column", "column-unknown clinical.csv 1", lambda s: s.edit("clinical.csv", ",dbp", ",dbpp")),
]

IMAGE = "images/image003.png"
IMAGES = [
    case("out of the folder", "image-name annotations.json 4", image({"file_name": "../image003.png"})),
    case("named alike", "image-name annotations.json 4", image({"file_name": "image002.jpg"})),
    case("missing", f"image-unreadable {IMAGE}", lambda s: s.image(3).unlink()),
    case("truncated", f"image-unreadable {IMAGE}", lambda s: s.write(IMAGE, s.image(3).read_bytes()[:999])),
    case("size", f"image-size {IMAGE} 4", lambda s: s.put(3, np.zeros((30, 40), np.uint8))),
    case("same, train and test", "image-across-splits images/image000.png", lambda s: copy_image(s, 0, 187)),
    case("same, train", "image-twice images/image000.png", lambda s: copy_image(s, 0, 1)),
    case("same, other boxes", "image-twice-boxes-differ images/image000.png", lambda s: copy_image(s, 0, 1)),
    case("same, other patient", "image-twice-patients-differ images/image000.png", lambda s: copy_image(s, 0, 2)),
    case("alike, train and test", "image-alike-across-splits images/image000.png", alike(0, 187)),
    case("alike, train", "image-alike images/image000.png", alike(0, 2)),
    case(
        "negative of another",
        "image-alike images/image000.png",
        lambda s: copy_image(s, 0, 2, lambda image: 250 - 0.9 * image),
    ),
    case("blank", f"image-blank {IMAGE}", lambda s: s.put(3, np.full((SIDE, SIDE), 9, np.uint8))),
    case("nearly blank", f"image-empty {IMAGE}", lambda s: s.put(3, np.uint8(RANDOM.random((SIDE, SIDE)) > 0.96) * 99)),
    case("no contrast", f"image-empty {IMAGE}", lambda s: s.put(3, RANDOM.integers(99, 105, (SIDE, SIDE), np.uint8))),
    case("few levels", f"image-few-levels {IMAGE}", lambda s: copy_image(s, 3, 3, lambda image: image // 32 * 32)),
    case("inverted", f"image-inverted {IMAGE}", shaped(lambda s: copy_image(s, 3, 3, lambda image: 255 - image))),
    case("text", f"image-text {IMAGE}", with_text),
    case("text chunk", f"image-metadata {IMAGE}", with_metadata),
    case("JPEG comment", f"image-metadata {IMAGE}", lambda s: s.put(3, s.pixels(3), format="JPEG", comment=b"Doe")),
    case("large", f"image-size-unusual {IMAGE}", lambda s: s.put(3, smooth(side=200))),
    case("narrow", f"image-size-unusual {IMAGE}", lambda s: s.put(3, smooth()[:, :40])),
    case("unlisted", "image-unlisted images", lambda s: s.write("images/new.png", "x")),
]

BOXES = [
    case("unknown class", "class-unknown annotations.json 1", lambda s: s.box(category_id=4)),
    case("classes", "categories-differ annotations.json", lambda s: s.edit("dataset.yaml", "Effusion", "Edema")),
    case("box of no image", "box-orphan annotations.json 1", lambda s: s.box(image_id=999)),
    case("outline", "outline-invalid annotations.json 1", lambda s: s.box(segmentation=[[1, 2]])),
    case("no width", "box-degenerate annotations.json 1", lambda s: s.box(bbox=[1, 1, 0, 5])),
    case("NaN box", "box-degenerate annotations.json 1", lambda s: s.box(bbox=[1, 1, float("nan"), 5])),
    case("no box", "box-degenerate annotations.json 1", lambda s: s.box(bbox=None)),
    case("altogether outside", "box-outside annotations.json 1", lambda s: s.box(bbox=[90, 1, 5, 5])),
    case("partly outside", "box-over-edge annotations.json 1", lambda s: s.box(bbox=[30, 1, 15, 5])),
    case("box twice", "box-duplicate annotations.json 900", add_box()),
    case(
        "box nearly twice",
        "box-overlap annotations.json 900",
        lambda s: (s.box(bbox=[2, 2, 20, 20]), add_box(bbox=[3, 2, 20, 20])(s)),
    ),
    case("whole image", "box-whole-image annotations.json 1", lambda s: s.box(bbox=[0.5, 0.5, 39, 39])),
    case("tiny", "box-tiny annotations.json 1", lambda s: s.box(bbox=[5, 5, 0.3, 9])),
    case("of a smaller image", "boxes-other-size annotations.json", lambda s: s.boxes(lambda box: box / 2)),
    case("of a larger image", "boxes-other-size annotations.json", lambda s: s.boxes(lambda box: box * 1.6)),
    case("outline elsewhere", "outline-off-box annotations.json 1", lambda s: s.box(bbox=[1, 1, 30, 30])),
]

CLASSES = [
    case("no box", "class-unused annotations.json", without(range(188), 3)),
    case("few images", "class-rare annotations.json", only_train(5)),
    case("unbalanced", "class-imbalance annotations.json", only_train(1)),
    case(
        "named alike",
        "class-names-alike annotations.json",
        lambda s: [s.edit(file, "Effusion", "atelectasis ") for file in ("dataset.yaml", "annotations.json")],
    ),
    case("on the same boxes", "classes-together annotations.json", lambda s: s.coco(doubled)),
    case(
        "no healthy image",
        "images-all-boxed annotations.json",
        lambda s: s.coco(
            lambda c: c.update(
                annotations=[
                    {**c["annotations"][0], "id": i + 1, "image_id": image["id"], "bbox": [i % 29, 5, 9, 9 + i / 20]}
                    for i, image in enumerate(c["images"])
                ]
            )
        ),
    ),
]

SPLITS = [
    case("none", "splits-missing splits.csv", lambda s: (s.folder / "splits.csv").unlink()),
    case("unknown", "split-unknown splits.csv 3", lambda s: s.edit("splits.csv", "p1,train", "p1,valid")),
    case("nobody", "patient-missing splits.csv 3", lambda s: s.edit("splits.csv", "p1,train", ",train")),
    case("patient twice", "patient-twice splits.csv 3", lambda s: s.edit("splits.csv", "p1,", "p0,")),
    case("in two splits", "patient-in-two-splits splits.csv 3", lambda s: s.edit("splits.csv", "p1,train", "p0,test")),
    case("without split", "patient-without-split splits.csv", lambda s: s.edit("splits.csv", "p1,train\n", "")),
    case("without image", "patient-without-image splits.csv 3", lambda s: s.edit("splits.csv", "p1,", "p999,")),
    case(
        "no patient ids",
        "patients-are-images clinical.csv",
        lambda s: s.column("patient_id", lambda c, _: f"{c['patient_id']}-{number(c) % 2}"),
    ),
    case(
        "one patient",
        "patient-dominates splits.csv",
        lambda s: s.column("patient_id", lambda c, _: "p40" if 80 <= number(c) < 96 else c["patient_id"]),
    ),
    case("no val", "split-empty splits.csv", lambda s: s.splits(lambda _, split: split.replace("val", "train"))),
    case("no test", "test-empty splits.csv", lambda s: s.splits(lambda _, split: split.replace("test", "train"))),
    case(
        "small test",
        "split-small splits.csv",
        lambda s: s.splits(lambda i, split: "val" if split == "test" and i % 9 else split),
    ),
    case("few boxes", "split-few-boxes splits.csv", without(range(80, 90))),
    case("no such class", "split-without-class splits.csv", without(range(80, 134), 3)),
    case("prevalence", "class-differs-by-split splits.csv", without([i for i in range(80, 134) if i % 12 < 9], 3)),
    case(
        "older in test",
        "column-differs-by-split clinical.csv",
        lambda s: s.column("age", lambda c, _: float(c["age"]) + 25 * (number(c) >= 134)),
    ),
    case(
        "missing in test",
        "column-differs-by-split clinical.csv",
        lambda s: s.column("o2sat", lambda c, _: "" if number(c) >= 134 and number(c) % 2 else c["o2sat"]),
    ),
    case(
        "women in test alone",
        "category-unseen clinical.csv",
        lambda s: s.column("gender", lambda c, _: "M" if number(c) < 80 else c["gender"]),
    ),
    case(
        "AP in test",
        "source-differs-by-split images",
        lambda s: s.column("view", lambda c, _: "AP" if number(c) >= 134 else c["view"]),
    ),
]

CLINICAL = [
    case("row twice", "row-twice clinical.csv 4", lambda s: s.edit("clinical.csv", "image002.png", "image000.png")),
    case("row alone", "row-without-image clinical.csv 4", lambda s: s.edit("clinical.csv", "image002.png", "z.png")),
    case("image alone", "image-without-row clinical.csv", lambda s: s.edit("clinical.csv", "image002.png", "z.png")),
    case("category", "value-invalid clinical.csv *", lambda s: s.edit("clinical.csv", ",F\n", ",W\n")),
    case("out of range", "value-invalid clinical.csv 2", lambda s: s.column("age", lambda *_: "500")),
    case("lateral", "value-invalid clinical.csv 2", lambda s: s.column("view", lambda *_: "LL")),
    case("constant number", "column-constant clinical.csv", lambda s: s.column("pain", lambda *_: 3)),
    case("constant category", "column-constant clinical.csv", lambda s: s.column("gender", lambda *_: "F")),
    case("empty", "column-empty clinical.csv", lambda s: s.column("age", lambda *_: "")),
    case(
        "mostly missing",
        "column-sparse clinical.csv",
        lambda s: s.column("o2sat", lambda c, _: c["o2sat"] if noise(c, 4) > 0.5 else ""),
    ),
    case("the same twice", "columns-same clinical.csv", lambda s: s.column("dbp", lambda c, _: c["sbp"])),
    case("some degF", "unit-mixed clinical.csv *", other_unit(lambda celsius: celsius * 1.8 + 32)),
    case("some K", "unit-mixed clinical.csv *", other_unit(lambda celsius: celsius + 273.15)),
    case(
        "fractions",
        "unit-mixed clinical.csv *",
        lambda s: s.column("o2sat", lambda c, _: "0.97" if number(c) % 9 == 0 else c["o2sat"]),
    ),
    case(
        "some kPa",
        "unit-mixed clinical.csv *",
        lambda s: s.column("sbp", lambda c, _: 17.3 if number(c) % 9 == 0 else c["sbp"]),
    ),
    case("all degF", "unit-wrong clinical.csv 2", lambda s: s.column("temperature", lambda c, _: 98.6 + noise(c, 1))),
    case(
        "one far off",
        "value-outlier clinical.csv 2",
        lambda s: s.column("heartrate", lambda c, _: 299 if number(c) == 0 else c["heartrate"]),
    ),
    case("filled with the mean", "value-filled clinical.csv", lambda s: filled(s, "heartrate", np.mean)),
    case("filled with the median", "value-filled clinical.csv", lambda s: filled(s, "sbp", np.median)),
    case(
        "pressures swapped",
        "values-contradict clinical.csv 2",
        lambda s: s.column("dbp", lambda c, _: 140 if number(c) == 0 else c["dbp"]),
    ),
    case("age 0", "age-unlikely clinical.csv 2", lambda s: s.column("age", lambda c, _: c["age"] if number(c) else 0)),
    case(
        "row copied",
        "record-twice clinical.csv 8",
        lambda s: s.write("clinical.csv", copied_row((s.folder / "clinical.csv").read_text())),
    ),
    case(
        "sex changes",
        "patient-contradicts clinical.csv 2",
        lambda s: s.column("gender", lambda c, _: "M" if number(c) == 0 else c["gender"]),
    ),
    case(
        "ages apart",
        "patient-contradicts clinical.csv 2",
        lambda s: s.column("age", lambda c, _: 95 if number(c) == 0 else c["age"]),
    ),
]


def copied_row(text):
    """The numbers of image 2 under the name of image 6."""
    lines = text.splitlines()
    lines[7] = ",".join([*lines[7].split(",")[:3], *lines[3].split(",")[3:]])
    return "\n".join(lines) + "\n"


def by_label(labels, key, share, category=3):
    """True for most images with the class and for few without."""
    return lambda cells: (category in labels) == (noise(cells, key) > share)


SHORTCUTS = [
    case(
        "category is the label",
        "column-equals-label clinical.csv",
        lambda s: s.column("gender", lambda _, labels: "F" if 3 in labels else "M"),
    ),
    case(
        "missing is the label",
        "column-equals-label clinical.csv",
        lambda s: s.column("age", lambda _, labels: "" if 13 in labels else "50"),
    ),
    case(
        "nearly the label",
        "column-gives-label clinical.csv",
        lambda s: s.column("heartrate", lambda c, labels: round(80 + 60 * (3 in labels) + noise(c, 7, 15))),
    ),
    case(
        "missing with the label",
        "missing-gives-label clinical.csv",
        lambda s: s.column("sbp", lambda c, labels: "" if (13 in labels) == (noise(c, 8) > -0.8) else c["sbp"]),
    ),
    case("pattern of missing", "missing-pattern-gives-label clinical.csv", lambda s: pattern(s)),
    case(
        "older with boxes",
        "column-gives-box clinical.csv",
        lambda s: s.column("age", lambda c, labels: round(50 + 15 * bool(labels) + noise(c, 9, 15))),
    ),
    case("all together", "clinical-gives-box clinical.csv", lambda s: together(s)),
    case(
        "view and label",
        "source-gives-label images",
        lambda s: s.column("view", lambda c, labels: "AP" if (3 in labels) == (noise(c, 10) > -1) else "PA"),
    ),
    case(
        "view and boxes",
        "source-gives-box images",
        lambda s: s.column("view", lambda c, labels: "AP" if bool(labels) == (noise(c, 11) > -1) else "PA"),
    ),
]


def pattern(s):
    """Two columns, each missing in half the images of either kind; both or none where class 3 is."""
    s.column("sbp", lambda c, _: "" if noise(c, 12) > 0 else c["sbp"] or 120)
    s.column("dbp", lambda c, labels: "" if (noise(c, 12) > 0) == (3 in labels) else c["dbp"] or 70)


def together(s):
    """Four columns, each a little higher on images with boxes."""
    for key, column in enumerate(("sbp", "heartrate", "resprate", "temperature")):
        middle, spread = {"sbp": (130, 9), "heartrate": (85, 9), "resprate": (18, 2), "temperature": (37, 0.4)}[column]
        s.column(
            column,
            lambda c, labels, k=key, m=middle, d=spread: round(m + d * (0.75 * bool(labels) + noise(c, 20 + k)), 2),
        )


CASES = [*FILES, *IMAGES, *BOXES, *CLASSES, *SPLITS, *CLINICAL, *SHORTCUTS]

#: Errors that only opening the images, or looking at the pixels, shows.
SEEN_IN_PIXELS = {"image-unreadable", "image-size", "image-across-splits"}


@pytest.fixture(scope="session")
def sound_findings(sound_folder):
    return check_dataset(sound_folder)


def test_the_sound_dataset_has_no_findings(sound_findings):
    assert sound_findings == []


def test_every_kind_has_a_case():
    assert {case.values[1] for case in CASES} == set(KINDS)


@pytest.mark.parametrize(("spoil", "kind", "file", "row"), CASES)
def test_each_problem_is_found_where_it_is(spoiled, spoil, kind, file, row):
    spoil(spoiled)
    findings = check_dataset(spoiled.folder)
    found = [finding for finding in findings if finding.id == kind and finding.file == file]
    assert found, findings
    assert row in ("*", found[0].row if found[0].row is None else str(found[0].row))
    assert (
        found[0].message
        and found[0].fix
        and set(found[0].images) <= {f"image{i:03}.png" for i in range(188)} | {"image002.jpg"}
    )
    if KINDS[kind].severity == "error" and kind not in SEEN_IN_PIXELS:
        with pytest.raises(UserError):
            read_dataset(spoiled.folder)
    if not ids(findings, "error"):
        read_dataset(spoiled.folder)


def test_all_problems_at_once(spoiled):
    spoiled.box(bbox=[1, 1, 0, 5])
    spoiled.edit("splits.csv", "p1,train", "p0,val")
    spoiled.edit("clinical.csv", "image003.png", "z.png")
    spoiled.edit("clinical.csv", "image005.png", "image005.png,")
    spoiled.write("dataset.yaml", "nothing")
    spoiled.write(IMAGE, "")
    findings = check_dataset(spoiled.folder)
    assert ids(findings, "error") == {
        "box-degenerate",
        "patient-in-two-splits",
        "row-without-image",
        "image-without-row",
        "row-malformed",
        "description-unreadable",
        "image-unreadable",
    }
    assert [finding.rank for finding in findings] == sorted(finding.rank for finding in findings)


def test_an_empty_dataset_and_no_folder(spoiled, tmp_path):
    spoiled.coco(lambda content: content["images"].clear())
    assert {"dataset-empty", "box-orphan"} <= ids(check_dataset(spoiled.folder), "error")
    shutil.rmtree(spoiled.folder)
    spoiled.folder.mkdir()
    assert ids(check_dataset(spoiled.folder), "error") >= {"description-unreadable", "dataset-empty"}
    with pytest.raises(UserError, match="no such folder"):
        check_dataset(tmp_path / "none")


def test_images_are_read_once_each(sound_folder, monkeypatch):
    from mdfnet.data.checks import images

    seen, read = [], images.read_image
    monkeypatch.setattr(images, "read_image", lambda path, **how: seen.append(path.name) or read(path, **how))
    check_dataset(sound_folder)
    assert sorted(seen) == [f"image{number:03}.png" for number in range(188)]


def test_no_message_names_a_patient(spoiled):
    """Whatever is wrong with the splits, and whoever's images they are."""
    for name in ("clinical.csv", "splits.csv"):
        spoiled.write(name, (spoiled.folder / name).read_text().replace("p0,", "DOE-1954,").replace("p1,", "ROE-1960,"))
    spoiled.edit("splits.csv", "DOE-1954,train", "ROE-1960,val")
    spoiled.column("gender", lambda c, _: "M" if number(c) == 0 else c["gender"])
    spoiled.column("age", lambda c, _: "1954-03-02" if number(c) == 3 else c["age"])
    findings = check_dataset(spoiled.folder)
    assert {"patient-in-two-splits", "patient-without-split", "patient-contradicts", "value-invalid"} <= ids(findings)
    assert [word for word in ("DOE", "ROE", "1954", "1960") if word in str(findings)] == []
