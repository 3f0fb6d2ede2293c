"""What is written is DICOM in the eyes of dicom3tools and dcmtk, and is shown where it should be."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from archived_images import found
from PIL import Image

from mdfnet.core.types import PAPER_CLASSES, RecordUse
from mdfnet.data.images.read import read_image
from mdfnet.services.pacs.algorithm import Algorithm
from mdfnet.services.pacs.objects import objects_of, write_objects
from mdfnet.services.pacs.source import read_source

ALGORITHM = Algorithm("demo", "0.1.0", "fc0c61db0f17dd28", 0.3)

#: Of the made-up or real image itself, and taken over from it; or of our own coding scheme, which is private by design.
EXPECTED = re.compile(r"needed to build DICOMDIR|Retired Person Name form|Unrecognized defined term <99MDFNET>")
EMPTY = np.empty((0, 4))
BOXES = [[5, 6.25, 30, 40], [10.5, 2, 60, 63]]


def objects(path: Path, folder: Path, boxes) -> dict[str, Path]:
    detections = found(*boxes, labels=[4, 1][: len(boxes)], record=RecordUse(("age",), ("pain",)))
    made = objects_of(
        read_source(path), read_image(path), detections, PAPER_CLASSES, ALGORITHM, None, ("capture", "presentation")
    )
    return dict(zip(made, write_objects(folder, "image", made), strict=True))


def run(*command) -> str:
    answer = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


@pytest.fixture(params=["MONOCHROME1", "MONOCHROME2", "CR", "real"])
def any_image(request, archived_image) -> Path:
    if request.param == "real":
        return request.getfixturevalue("shared_data") / "dicom" / "nih_MONO1_explicitLE.dcm"
    if request.param == "CR":
        bare = {"PresentationIntentType": None, "PatientOrientation": None}
        return archived_image(SOPClassUID="1.2.840.10008.5.1.4.1.1.1", Modality="CR", **bare)
    return archived_image(PhotometricInterpretation=request.param, ImagerPixelSpacing=[0.15, 0.15])


@pytest.mark.parametrize("boxes", [BOXES, EMPTY], ids=["boxes", "nothing found"])
def test_dciodvfy_finds_no_fault(program, any_image, tmp_path, boxes):
    made = objects(any_image, tmp_path, boxes)
    assert set(made) == ({"report"} if len(boxes) else set()) | {"capture", "presentation"}
    for path in made.values():
        said = run(program("dciodvfy"), path)
        faults = [line for line in said.splitlines() if line.startswith(("Error", "Warning"))]
        assert [line for line in faults if not EXPECTED.search(line)] == [], path.name


def test_dsrdump_reads_the_report(program, any_image, tmp_path):
    said = run(program("dsrdump"), objects(any_image, tmp_path, BOXES)["report"])
    assert not re.search(r"^[WEF]: ", said, re.M)
    assert "PRELIMINARY" in said and "UNVERIFIED" in said and said.count("SCOORD") == len(BOXES)
    assert '(95436008,SCT,"Lung consolidation")' in said and "(POLYLINE,5/6.25,...)" in said


def test_dcmtk_shows_the_image_as_we_do(program, shared_data, tmp_path):
    """The presentation state keeps a MONOCHROME1 image's polarity: dcmtk renders through it what we read."""
    path = shared_data / "dicom" / "nih_MONO1_explicitLE.dcm"
    state = objects(path, tmp_path, BOXES)["presentation"]
    run(program("dcmp2pgm"), "-p", state, path, tmp_path / "shown.pgm")
    with Image.open(tmp_path / "shown.pgm") as shown:
        assert np.abs(np.asarray(shown).astype(int) - read_image(path)).mean() < 2
