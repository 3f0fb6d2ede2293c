"""``mdfnet predict --dicom-out`` and ``mdfnet node``, as a user meets them."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from archived_images import archived
from PIL import Image
from read_reports import reported

from mdfnet.core.csv_tables import read_table
from mdfnet.data.phantom import PhantomConfig, phantoms


def test_predict_writes_what_it_found(program, image, tmp_path):
    """The boxes of the report are those of the table from the score on; a rerun writes the same objects."""
    one = next(one for one in phantoms(PhantomConfig(count=20, size=192)) if len(one.target))
    path = image(tmp_path / "image.dcm", one.image.astype(np.uint16) * 16, **archived())
    options = ["--out", tmp_path / "out", "--score", 0.05, "--dicom-out", tmp_path / "dicom"]
    also = ["--dicom-also", "capture", "--dicom-also", "presentation"]
    uids = []
    for _ in range(2):
        answer = program("predict", "demo", path, *options, *also)
        assert answer.code == 0, answer.err
        made = {one.name: pydicom.dcmread(one) for one in (tmp_path / "dicom").iterdir()}
        uids.append({name: one.SOPInstanceUID for name, one in made.items()})
    assert "wrote image-report.dcm, image-capture.dcm, image-presentation.dcm" in answer.out
    assert uids[0] == uids[1] and len(uids[0]) == 3
    rows = [row for row in read_table(tmp_path / "out" / "predictions.csv") if float(row["score"]) >= 0.05]
    boxes = reported(made["image-report.dcm"])
    assert [one.name for one in boxes] == [row["label"] for row in rows] != []
    for one, row in zip(boxes, rows, strict=True):
        assert one.box == pytest.approx([float(row[side]) for side in ("x1", "y1", "x2", "y2")], abs=0.01)


def test_images_without_dicom_objects(program, image, tmp_path):
    """They are predicted on all the same, and said."""
    Image.new("L", (64, 64)).save(tmp_path / "picture.png")
    image(tmp_path / "bare.dcm")
    images = [tmp_path / "picture.png", tmp_path / "bare.dcm"]
    answer = program("predict", "demo", *images, "--out", tmp_path / "out", "--dicom-out", tmp_path / "dicom")
    assert answer.code == 2 and not (tmp_path / "dicom").exists()
    assert "no DICOM objects: the image is not DICOM; give the image of the archive" in answer.out
    assert "bare.dcm: the image has no StudyInstanceUID; give it as the archive holds it" in answer.out
    assert (tmp_path / "out" / "bare.png").is_file() and (tmp_path / "out" / "picture.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["predict", "demo", "a.png", "--dicom-also", "capture"], "--dicom-also needs --dicom-out", id="where"
        ),
        pytest.param(["node", "--config", "none.yaml"], "none.yaml: no such file", id="no config"),
    ],
)
def test_mistakes(program, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    answer = program(*words)
    assert answer.code == 2 and message in answer.err


def test_a_node_without_its_parts(program, tmp_path):
    """What is wrong is said before anything is asked of the archive."""
    source = "source: {kind: orthanc, url: 'http://127.0.0.1:9', user: me, password_file: none}"
    (tmp_path / "node.yaml").write_text(f"model: demo\nstate: state\n{source}\n")
    answer = program("node", "--config", tmp_path / "node.yaml", "--once")
    assert answer.code == 2 and f"{tmp_path / 'none'}: no such file" in answer.err
    (tmp_path / "none").write_text("password\n")
    (tmp_path / "node.yaml").write_text(f"model: nowhere\nstate: state\n{source}\n")
    answer = program("node", "--config", tmp_path / "node.yaml", "--once")
    assert answer.code == 2 and "nowhere: no model here" in answer.err
    (tmp_path / "node.yaml").write_text(f"model: demo\nstate: state\n{source}\n")
    answer = program("node", "--config", tmp_path / "node.yaml", "--once")
    assert answer.code == 1 and "Traceback" not in answer.err  # nobody listens there
