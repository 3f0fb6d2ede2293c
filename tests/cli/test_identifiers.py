"""Identifying values are planted in all that a hospital hands over; none may be in anything we write or print."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, PngImagePlugin
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.images.read import read_image

#: Patient, accession, sample, name, birth date, image date, ward: what each planted value starts with.
PLANTED = ("MRN4711", "ACC9988", "STU5566", "Featherstone", "1954-03", "19540302", "2026-01", "Ward7East")
COUNT = 12
HEADER = ("image_id", "file", "patient_id", "split", "sample", "name", "birth_date", "image_date", "ward", "age", "sex")


def image(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (64, 64), np.uint8)


def save(path: Path, number: int) -> None:
    """An image as PNG, JPEG or DICOM by turns, each with an identity in its header."""
    if path.suffix == ".png":
        text = PngImagePlugin.PngInfo()
        text.add_text("PatientName", f"Featherstone{number}")
        text.add_itxt("Comment", f"MRN4711{number:03}", zip=False)
        Image.fromarray(image(number)).save(path, pnginfo=text)
    elif path.suffix == ".jpg":
        exif = Image.Exif()
        exif[0x010E] = f"Featherstone{number}, born 1954-03-02"
        Image.fromarray(image(number)).save(path, exif=exif, comment=f"ACC9988{number:03}".encode(), quality=95)
    else:
        dicom(path, number)


def dicom(path: Path, number: int) -> None:
    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", generate_uid()
    dataset.PatientName, dataset.PatientID = f"Featherstone{number}^Ann", f"MRN4711{number:03}"
    dataset.PatientBirthDate, dataset.AccessionNumber = "19540302", f"ACC9988{number:03}"
    dataset.InstitutionName, dataset.ViewPosition = "Ward7East", "PA"
    dataset.add_new(0x00091001, "LO", "MRN4711 in a private element")
    dataset.Rows = dataset.Columns = 64
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelData = image(number).tobytes()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


def rows() -> list[list[object]]:
    return [
        [
            f"ACC9988{number:03}",
            f"ACC9988{number:03}.{('png', 'jpg', 'dcm')[number % 3]}",
            f"MRN4711{number // 2:03}",
            "val" if number >= 8 else "train",
            f"STU5566{number:03}",
            f"Featherstone{number}",
            "1954-03-02",
            "2026-01-31",
            "Ward7East",
            50 + number,
            "FM"[number // 2 % 2],
        ]
        for number in range(COUNT)
    ]


def table(lines: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


@pytest.fixture
def hospital(tmp_path) -> Path:
    """Images and tables, in a folder whose own name says nothing."""
    folder = tmp_path / "hospital"
    (folder / "images").mkdir(parents=True)
    for number, row in enumerate(rows()):
        save(folder / "images" / row[1], number)
    boxes = [[row[0], "Mass" if number % 2 else "Nodule", 5, 5, 30, 40] for number, row in enumerate(rows())]
    (folder / "boxes.csv").write_text(table([["image_id", "label", "x1", "y1", "x2", "y2"], *boxes]))
    (folder / "images.csv").write_text(table([HEADER, *rows()]))
    images = [{"id": i, "file_name": row[1], "width": 64, "height": 64} for i, row in enumerate(rows())]
    marks = [{"id": i, "image_id": i, "category_id": 3 + i % 2, "bbox": [5, 5, 25, 35]} for i in range(COUNT)]
    content = {
        "images": images,
        "annotations": marks,
        "categories": [{"id": 3, "name": "Mass"}, {"id": 4, "name": "N"}],
    }
    (folder / "coco.json").write_text(json.dumps(content))
    (folder / "schema.yaml").write_text(SCHEMA)
    return folder


SCHEMA = """name: age-sex
features:
  - {name: age, kind: number, unit: a, low: 0, high: 120, meaning: Age}
  - {name: sex, kind: category, categories: [F, M], meaning: Sex}
"""


def imported(program, hospital: Path, out: Path, kind: str = "csv", *options: object):
    images = [
        "--metadata",
        hospital / "images.csv",
        "--images",
        hospital / "images",
        "--schema",
        hospital / "schema.yaml",
    ]
    boxes = ["--boxes", hospital / "boxes.csv"] if kind == "csv" else ["--annotations", hospital / "coco.json"]
    return program("data", "import", kind, *boxes, *images, "--out", out, *options)


def found_in(*texts: str | bytes) -> set[str]:
    everything = [text if isinstance(text, bytes) else text.encode() for text in texts]
    return {word for word in PLANTED for text in everything if word.encode() in text}


def found_below(folder: Path) -> set[str]:
    """Planted values in names of files, in their bytes, and where links lead."""
    files = [path for path in folder.rglob("*")]
    names = [str(path.relative_to(folder)) for path in files] + [str(p.readlink()) for p in files if p.is_symlink()]
    return found_in(*names, *(path.read_bytes() for path in files if path.is_file()))


def test_the_planted_values_are_there_to_be_found(hospital):
    assert found_below(hospital) == set(PLANTED)


@pytest.mark.parametrize("kind", ["csv", "coco"])
def test_nothing_identifying_comes_out(program, hospital, tmp_path, kind, quick):
    out = tmp_path / "out"
    answers = [
        imported(program, hospital, out / "data", kind),
        program("data", "check", out / "data", "--all", "--html", out / "check.html"),
        program("data", "check", out / "data", "--json"),
        program("data", "info", out / "data", "--picture", out / "sheet.png"),
    ]
    if kind == "csv":
        answers += [
            program("train", out / "data", *quick, "batch_size=4", "--out", out / "run"),
            program("evaluate", out / "run", out / "data", "--split", "val"),
        ]
    assert [answer.code for answer in answers] == [0] * len(answers), answers
    assert found_in(*(answer.out + answer.err for answer in answers)) == set()
    assert found_below(out) == set()


def test_the_pixels_and_the_patients_stay_what_they_were(program, hospital, tmp_path):
    assert imported(program, hospital, tmp_path / "a", "csv", "--linkage", tmp_path / "ids.csv").code == 0
    dataset = read_dataset(tmp_path / "a")
    back = {row["image"]: row for row in csv.DictReader((tmp_path / "ids.csv").open())}
    assert (tmp_path / "ids.csv").stat().st_mode & 0o777 == 0o600
    originals = {row[0]: row for row in rows()}
    for sample in dataset.samples:
        row = originals[back[sample.id]["original_image"]]
        assert back[sample.id]["original_patient"] == row[2] and back[sample.id]["patient"] == sample.patient
        assert (read_image(sample.image) == read_image(hospital / "images" / row[1])).all()
        assert (sample.clinical[0], sample.split) == (row[9], row[3])
    assert len({sample.patient for sample in dataset.samples}) == COUNT // 2


def test_the_same_key_gives_the_same_names_and_another_key_others(program, hospital, tmp_path):
    (tmp_path / "own.key").write_text("another key of more than thirty-two characters")
    (tmp_path / "own.key").chmod(0o600)
    names = []
    for out, options in (("a", []), ("b", []), ("c", ["--key-file", tmp_path / "own.key"])):
        assert imported(program, hospital, tmp_path / out, "csv", *options).code == 0
        names.append([sample.id for sample in read_dataset(tmp_path / out).samples])
    assert names[0] == names[1] and not set(names[0]) & set(names[2])


def test_ids_are_kept_when_asked(program, hospital, tmp_path):
    assert imported(program, hospital, tmp_path / "a", "csv", "--keep-ids", "--link").code == 0
    sample = read_dataset(tmp_path / "a").samples[3]
    assert (sample.id, sample.patient) == ("ACC9988003", "MRN4711001")
    assert found_in((tmp_path / "a" / "clinical.csv").read_bytes()) == {"ACC9988", "MRN4711"}  # no other column


def changed(column: str, value: object, number: int = 3):
    lines = rows()
    lines[number][HEADER.index(column)] = value
    return table([HEADER, *lines])


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        pytest.param(changed("image_id", "ACC9988000"), [], "row 5: the same image_id", id="image twice"),
        pytest.param(changed("split", "MRN4711"), [], "row 5: split is a text", id="split is an id"),
        pytest.param(changed("split", "val"), [], "is in split", id="patient in two splits"),
        pytest.param(changed("age", "1954-03-02"), [], "age is a text of 10 characters", id="age is a date"),
        pytest.param(changed("age", "Featherstone, Ann"), [], "age has a comma", id="age is a name with comma"),
        pytest.param(table([HEADER, *rows()]), ["--column", "age=name"], "age is a text", id="age is the name"),
        pytest.param(table([HEADER, *rows()]), ["--column", "sex=birth_date"], "sex is a text", id="sex is a date"),
        pytest.param(table([HEADER, *rows()[1:]]), [], "row 2: the image of this box is not in", id="box of no image"),
        pytest.param(table([HEADER, rows()[0][:5]]), [], "row 2: 5 cells under 11 columns", id="ragged row"),
    ],
)
def test_errors_name_nobody(program, hospital, tmp_path, images, options, message):
    (hospital / "images.csv").write_text(images)
    answer = imported(program, hospital, tmp_path / "a", "csv", *options)
    assert answer.code == 2 and message in answer.err
    assert found_in(answer.err, answer.out) == set()


def test_the_check_names_metadata_without_its_values(program, hospital, tmp_path):
    assert imported(program, hospital, tmp_path / "a", "csv", "--keep-ids", "--link").code == 0
    answer = program("data", "check", tmp_path / "a", "--all")
    assert all(
        field in answer.out for field in ("the file has text", "EXIF or XMP, a comment", "PatientName, PatientID")
    )
    assert found_in(answer.out) == {"ACC9988"}  # the image's own name, which was to be kept
