import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mdfnet.data.checks import check_dataset
from mdfnet.data.dataset import read_dataset
from mdfnet.errors import UserError


def ids(findings, severity=None):
    return {finding.id for finding in findings if severity in (None, finding.severity)}


def edit(name, old, new):
    def change(folder):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def append(name, text):
    return lambda folder: (folder / name).open("a").write(text)


def coco(change):
    def apply(folder):
        path = folder / "annotations.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


def box(**values):
    return coco(lambda content: content["annotations"][0].update(values))


def copy_film(folder, source, target):
    shutil.copy(folder / "images" / f"film{source}.png", folder / "images" / f"film{target}.png")


def column(name, value):
    """Set a column of clinical.csv by a function of the film's name and the labels marked on it."""

    def change(folder):
        content = json.loads((folder / "annotations.json").read_text())
        labels = {image["file_name"]: set() for image in content["images"]}
        names = {image["id"]: image["file_name"] for image in content["images"]}
        for mark in content["annotations"]:
            labels[names[mark["image_id"]]].add(mark["category_id"])
        header, *rows = [line.split(",") for line in (folder / "clinical.csv").read_text().splitlines()]
        for row in rows:
            row[header.index(name)] = value(labels[row[0]])
        (folder / "clinical.csv").write_text("\n".join(map(",".join, [header, *rows])) + "\n")

    return change


def case(reason, expected, change):
    """A row of the table: ``expected`` is severity, id, file and row (* for any) of the finding that is made."""
    return pytest.param(change, *(*expected.split(), None)[:4], id=reason)


CASES = [
    case("missing", "error film-unreadable images/film3.png", lambda f: (f / "images/film3.png").unlink()),
    case(
        "truncated",
        "error film-unreadable images/film3.png",
        lambda f: (f / "images/film3.png").write_bytes((f / "images/film3.png").read_bytes()[:999]),
    ),
    case(
        "size", "error film-size images/film3.png 4", lambda f: Image.new("L", (72, 60), 9).save(f / "images/film3.png")
    ),
    case(
        "blank",
        "warning film-blank images/film3.png",
        lambda f: Image.new("L", (72, 64), 9).save(f / "images/film3.png"),
    ),
    case("twice in a split", "warning film-twice images/film0.png", lambda f: copy_film(f, 0, 1)),
    case("twice across splits", "error film-across-splits images/film0.png", lambda f: copy_film(f, 0, 2)),
    case("unlisted", "note film-unlisted images", lambda f: (f / "images/new.png").write_text("x")),
    case("no width", "error box-degenerate annotations.json 1", box(bbox=[1, 1, 0, 5])),
    case("NaN box", "error box-degenerate annotations.json 1", box(bbox=[1, 1, float("nan"), 5])),
    case("no box", "error box-degenerate annotations.json 1", box(bbox=None)),
    case("altogether outside", "error box-outside annotations.json 1", box(bbox=[90, 1, 5, 5])),
    case("partly outside", "warning box-outside annotations.json 1", box(bbox=[60, 1, 15, 5])),
    case("outline", "error outline-invalid annotations.json 1", box(segmentation=[[1, 2]])),
    case("box of no image", "error box-orphan annotations.json 1", box(image_id=99)),
    case(
        "box twice",
        "warning box-duplicate annotations.json 900",
        coco(lambda c: c["annotations"].append({**c["annotations"][0], "id": 900})),
    ),
    case("unknown class", "error class-unknown annotations.json 1", box(category_id=4)),
    case("category id is text", "error entry-malformed annotations.json 0", box(category_id="3")),
    case(
        "annotation id twice",
        "error id-twice annotations.json 1",
        coco(lambda c: c["annotations"].append({**c["annotations"][0], "bbox": [9, 9, 9, 9]})),
    ),
    case("unknown split", "error split-unknown splits.csv 3", edit("splits.csv", "p1,val", "p1,valid")),
    case("patient in two splits", "error patient-in-two-splits splits.csv 8", append("splits.csv", "p1,train\n")),
    case("patient twice in one split", "error patient-twice splits.csv 8", append("splits.csv", "p1,val\n")),
    case("patient without film", "note patient-without-film splits.csv", append("splits.csv", "p9,val\n")),
    case("no split", "warning patient-without-split splits.csv", edit("splits.csv", "p1,val\n", "")),
    case("no splits", "note splits-missing splits.csv", lambda f: (f / "splits.csv").unlink()),
    case("row without film", "error row-without-film clinical.csv 14", append("clinical.csv", "z.png,p9,PA,50,F\n")),
    case("row twice", "error row-twice clinical.csv 13", edit("clinical.csv", "film11.png", "film10.png")),
    case("ragged row", "error row-malformed clinical.csv 14", append("clinical.csv", "z.png,p9,PA\n")),
    case("unknown category", "error value-invalid clinical.csv *", edit("clinical.csv", ",F\n", ",W\n")),
    case("out of range", "error value-invalid clinical.csv 2", column("age", lambda _: "500")),
    case("lateral", "error value-invalid clinical.csv 2", column("view", lambda _: "LL")),
    case("constant column", "warning column-constant clinical.csv", column("sex", lambda _: "F")),
    case("empty column", "warning column-empty clinical.csv", column("age", lambda _: "")),
    case("leak", "warning column-equals-label clinical.csv", column("sex", lambda labels: "F" if 3 in labels else "M")),
    case(
        "leak by missing",
        "warning column-equals-label clinical.csv",
        column("age", lambda labels: "" if 13 in labels else "50"),
    ),
    case("unknown column", "error column-unknown clinical.csv 1", edit("clinical.csv", "view,age", "view,agee")),
    case("classes", "error categories-differ annotations.json", edit("dataset.yaml", "Effusion", "Edema")),
    case("description", "error description-unreadable dataset.yaml", edit("dataset.yaml", "name:", "nam:")),
    case("JSON", "error annotations-unreadable annotations.json", lambda f: (f / "annotations.json").write_text("{")),
    case("encoding", "error clinical-unreadable clinical.csv", lambda f: (f / "clinical.csv").write_bytes(b"\xff\xfe")),
]

#: Errors that only opening the films, or looking at the pixels, shows.
SEEN_IN_PIXELS = {"film-unreadable", "film-size", "film-across-splits"}


def test_a_sound_folder_has_no_errors(tiny_dataset):
    tiny = tiny_dataset()
    assert ids(check_dataset(tiny.folder)) <= {"split-without-class"}


@pytest.mark.parametrize(("change", "severity", "kind", "file", "row"), CASES)
def test_each_problem_is_found_where_it_is(tiny_dataset, change, severity, kind, file, row):
    folder = tiny_dataset().folder
    assert kind not in ids(check_dataset(folder))
    change(folder)
    findings = check_dataset(folder)
    found = [finding for finding in findings if finding.id == kind]
    assert found, findings
    assert (found[0].severity, found[0].file) == (severity, file)
    assert row in ("*", found[0].row if found[0].row is None else str(found[0].row))
    if severity == "error" and kind not in SEEN_IN_PIXELS:
        with pytest.raises(UserError):
            read_dataset(folder)
    if not ids(findings, "error"):
        read_dataset(folder)


def test_all_problems_at_once(tiny_dataset):
    folder = tiny_dataset().folder
    box(bbox=[1, 1, 0, 5])(folder)
    append("splits.csv", "p1,train\n")(folder)
    append("clinical.csv", "z.png,p9,PA,500,F\nragged\n")(folder)
    (folder / "dataset.yaml").write_text("nothing")
    (folder / "images" / "film3.png").write_bytes(b"")
    findings = check_dataset(folder)
    assert ids(findings, "error") == {
        "box-degenerate",
        "patient-in-two-splits",
        "row-without-film",
        "row-malformed",
        "description-unreadable",
        "film-unreadable",
    }
    order = [("error", "warning", "note").index(finding.severity) for finding in findings]
    assert order == sorted(order) and all(finding.message for finding in findings)


def test_an_empty_dataset_and_no_folder(tiny_dataset, tmp_path):
    folder = tiny_dataset().folder
    coco(lambda content: content["images"].clear())(folder)
    assert {"dataset-empty", "box-orphan"} <= ids(check_dataset(folder), "error")
    with pytest.raises(UserError, match="no such folder"):
        check_dataset(tmp_path / "none")


def test_a_split_without_a_class(tiny_dataset):
    folder = tiny_dataset().folder
    coco(lambda c: c.update(annotations=[a for a in c["annotations"] if a["image_id"] < 3]))(folder)
    found = [f for f in check_dataset(folder) if f.id == "split-without-class"]
    assert any("split 'val' has no 'Effusion'" in finding.message for finding in found)


def test_films_are_read_once_each(tiny_dataset, monkeypatch):
    from mdfnet.data.checks import films

    tiny, seen, read = tiny_dataset(), [], films.read_film
    monkeypatch.setattr(films, "read_film", lambda path: seen.append(path) or read(path))
    check_dataset(tiny.folder)
    assert sorted(seen) == sorted(study.image for study in tiny.studies)


def test_real_films_are_sound(shared_data, tmp_path):
    from mdfnet.clinical.schema import Schema
    from mdfnet.data.dataset import write_dataset
    from mdfnet.data.importers import About, import_csv

    folder = shared_data / "nih_cxr"
    imported = import_csv(
        folder / "boxes.csv", folder / "images.csv", folder, Schema.load("age-sex-view"), About("nih")
    )
    write_dataset(imported.dataset, tmp_path / "nih", "link")
    assert ids(check_dataset(tmp_path / "nih")) == {"split-empty"}
    assert np.all([study.width == 512 for study in imported.dataset.studies])
