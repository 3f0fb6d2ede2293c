"""A node beside a real Orthanc: killed at any moment, it reports on each image once, and on nothing else."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import fhir_stub
import pydicom
import pytest
import yaml
from fhir.resources.R4B.bundle import Bundle
from running_server import end, free_ports
from synthetic_patients import UNSUITABLE, ZONE, synthetic_images, unsuitable_images

from mdfnet.models.card import DEMO_MODEL
from mdfnet.services.pacs.algorithm import Algorithm, uid_of
from mdfnet.services.pacs.node import Node
from mdfnet.services.pacs.settings import load_node

IMAGES, KILLS = 200, 10
THRESHOLD = 0.3


@pytest.fixture
def fhir():
    with fhir_stub.serving() as held:
        yield held


def write_config(folder: Path, fhir, **parts) -> Path:
    record = {"kind": "fhir", "url": fhir.url, "zone": ZONE}
    config = {"model": "demo", "state": "state", "threshold": THRESHOLD, "poll": 0.2, "record": record, **parts}
    path = folder / "node.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def made_by_node(archive, before) -> list[pydicom.Dataset]:
    """What has been added, after nothing else has changed."""
    after = archive.contents()
    assert {key: after.get(key) for key in before} == before
    added = [archive.get(f"/instances/{key}/file") for key in after if key not in before]
    return [pydicom.dcmread(BytesIO(content)) for content in added]


def image_of(made: pydicom.Dataset) -> str:
    if made.Modality == "SR":
        reference = made.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
        return reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return made.SourceImageSequence[0].ReferencedSOPInstanceUID


def check_reports(made, images) -> None:
    """One report about each image, and each from the right record: its UID follows from model, image and record."""
    algorithm = Algorithm.of(DEMO_MODEL, THRESHOLD)
    records = {image.uid: image.record for image in images}
    assert sorted(image_of(one) for one in made) == sorted(records)
    for one in made:
        kind = "report" if one.Modality == "SR" else "capture"
        assert one.SOPInstanceUID == uid_of(kind, algorithm, image_of(one), records[image_of(one)])


class Running:
    """The program as an operator starts it."""

    def __init__(self, config: Path, log: Path):
        self.log = log
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "mdfnet", "node", "--config", str(config), "--threads", "1"]
        with open(log, "a") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)

    def wait_for(self, done, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()[-2000:]
            time.sleep(0.02)

    def lines(self) -> int:
        return self.log.read_text().count("\n")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.mark.timeout(1200)  # 200 images, ten starts
def test_killed_ten_times_it_reports_on_each_image_once(orthanc, fhir, image, tmp_path):
    images = synthetic_images(IMAGES, tmp_path, image, fhir)
    unsuitable_images(tmp_path, image)
    config = write_config(tmp_path, fhir, source={**orthanc.settings(), "start": "beginning"})
    for path in sorted(tmp_path.glob("*.dcm")):
        orthanc.send(path)
    before, chance = orthanc.contents(), random.Random(0)
    assert len(before) == IMAGES + len(UNSUITABLE)
    for _ in range(KILLS):
        with Running(config, tmp_path / "log") as running:
            start = running.lines()
            running.wait_for(lambda running=running, start=start: running.lines() > start)  # it works
            time.sleep(chance.uniform(0, 2.5))
            running.kill()
    assert len(orthanc.get("/instances")) < IMAGES + len(before), "all was done before the last kill"
    with Running(config, tmp_path / "log") as running:
        running.wait_for(lambda: len(orthanc.get("/instances")) >= IMAGES + len(before), 300)
        time.sleep(2)  # for what should not come
    assert running.process.returncode == 0
    made = made_by_node(orthanc, before)
    assert len(made) == IMAGES
    check_reports(made, images)
    said = (tmp_path / "log").read_text()
    assert all(reason in said for _, reason in UNSUITABLE.values())
    assert not any(secret in said for secret in ("SYNTHETIC", "Synthetic", images[0].uid, "1.2.826"))


@pytest.mark.parametrize("kind", ["orthanc", "dicomweb"])
def test_a_lost_journal_adds_nothing(orthanc, fhir, image, tmp_path, kind):
    """All is read again, and the archive gets the same objects again."""
    images = synthetic_images(5, tmp_path, image, fhir)
    source = orthanc.settings(kind) | ({"start": "beginning"} if kind == "orthanc" else {"days": 2})
    settings = load_node(write_config(tmp_path, fhir, source=source, also=["capture", "presentation"]))
    for one in images:
        orthanc.send(one.path)
    before = orthanc.contents()

    def run() -> dict[str, str]:
        node = Node.of(settings)
        assert node.run(once=True) == 0
        node.journal.close()
        return orthanc.contents()

    first = run()
    assert run() == first and len(first) - len(before) >= 2 * len(images)
    (settings.state / "journal.sqlite").unlink()
    assert run() == first


def test_images_are_received_and_reports_sent_by_c_store(program, orthanc, fhir, image, tmp_path):
    """dcmtk sends images to the node as a modality would; Orthanc takes the reports as an archive would."""
    storescu, (port,) = program("storescu"), free_ports(1)
    images = synthetic_images(3, tmp_path, image, fhir)
    source = {"kind": "receive", "port": port, "callers": ["MODALITY"]}
    target = {"kind": "store", "ae_title": "TESTPACS", "host": "127.0.0.1", "port": orthanc.dicom_port}
    node = Node.of(load_node(write_config(tmp_path, fhir, source=source, target=target)))

    def send(caller: str, path: Path) -> int:
        command = [storescu, "-aet", caller, "-aec", "MDFNET", "127.0.0.1", str(port), path]
        return subprocess.run([str(word) for word in command], capture_output=True).returncode

    try:
        assert send("STRANGER", images[0].path) != 0
        for one in [*images, images[0]]:
            assert send("MODALITY", one.path) == 0
        assert node.run(once=True) == 0
        assert send("MODALITY", images[0].path) == 0  # once more, after it was answered
        assert node.run(once=True) == 0
        assert list((tmp_path / "state" / "received").iterdir()) == []
    finally:
        node.source.close()
    check_reports(made_by_node(orthanc, {}), images)


def test_a_dry_run_sends_and_notes_nothing(orthanc, fhir, image, tmp_path):
    (one,) = synthetic_images(1, tmp_path, image, fhir)
    settings = load_node(write_config(tmp_path, fhir, source={**orthanc.settings(), "start": "beginning"}))
    orthanc.send(one.path)
    before = orthanc.contents()
    for _ in range(2):
        assert Node.of(settings, dry_run=True).run(once=True) == 0
    assert orthanc.contents() == before
    assert Node.of(settings).run(once=True) == 0 and len(orthanc.contents()) == 2


def test_the_first_start_leaves_what_is_there(orthanc, fhir, image, tmp_path):
    """A node that is put beside a full archive reports on what comes from then on."""
    old, new = synthetic_images(2, tmp_path, image, fhir)
    node = Node.of(load_node(write_config(tmp_path, fhir, source=orthanc.settings())))
    orthanc.send(old.path)
    assert node.run(once=True) == 0
    orthanc.send(new.path)
    before = orthanc.contents()
    assert node.run(once=True) == 0
    check_reports(made_by_node(orthanc, before), [new])


def test_the_stub_speaks_fhir(fhir, image, tmp_path):
    """Answers of the stub, pages too, are R4 in the eyes of fhir.resources."""
    import requests

    synthetic_images(2, tmp_path, image, fhir)
    for path in (
        "/Patient?identifier=SYNTHETIC-000",
        "/Observation?patient=p-SYNTHETIC-000&code=http://loinc.org|8310-5",
    ):
        date = "&date=ge2000-01-01T00:00:00%2B00:00"
        content = requests.get(fhir.url + path + (date if "Obs" in path else ""), timeout=5).json()
        bundle = Bundle.model_validate(content)
        assert len(bundle.entry) >= 1 and all(entry.resource for entry in bundle.entry)
