"""Cut off after any step, the node does the rest when it starts again, and sends no second report."""

from __future__ import annotations

import itertools
import logging
import sqlite3
from io import BytesIO

import pydicom
import pytest
from archived_images import archived
from synthetic_patients import UNSUITABLE, unsuitable_images

from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import Pseudonyms
from mdfnet.services.pacs.archive import Rejected, Unreachable
from mdfnet.services.pacs.journal import Journal
from mdfnet.services.pacs.node import Node
from mdfnet.services.pacs.reader import Reader
from mdfnet.services.pacs.settings import NodeConfig

NAMES = Pseudonyms(b"a key for tests, which is no secret at all")


class Killed(BaseException):
    """Nothing in the node may catch this."""


class Archive:
    """Images by key, and what has been stored: by UID, as an archive keeps each object once."""

    def __init__(self, images):
        self.images, self.kept, self.stored, self.down = images, {}, 0, set()

    def new(self, facts):
        if "sense" in self.down:
            raise KeyError("Doe, Jane")
        if "list" in self.down:
            raise Unreachable("the archive does not answer")
        yield list(self.images), {"cursor": str(len(self.images))}, {"1.2.840.10008.5.1.4.1.1.2": 2}

    def fetch(self, key):
        if "fetch" in self.down:
            raise Unreachable("the archive does not answer")
        if key not in self.images:
            raise Rejected("the archive answered 404")
        return self.images[key]

    def store(self, content):
        if "store" in self.down:
            raise Unreachable("the archive does not answer")
        if "full" in self.down:
            raise Rejected("the archive answered 409")
        self.stored += 1
        made = pydicom.dcmread(BytesIO(content))
        self.kept.setdefault(str(made.SOPInstanceUID), made)

    def finished(self, key):
        pass


class NoRecords:
    def values(self, source):
        return {}


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader(NodeConfig(model="demo", state="unused", source={"kind": "orthanc", "url": "http://x"}))


@pytest.fixture
def image_bytes(image, tmp_path):
    return image(tmp_path / "image.dcm", **archived(1)).read_bytes()


def node(archive, reader, journal, records=None) -> Node:
    return Node(archive, archive, records or NoRecords(), reader, journal, NAMES, poll=0.01)


#: Every method of journal and archive that changes something, in the order in which one image passes them.
STEPS = ["journal.note", "journal.ready", "archive.store", "journal.sent"]


@pytest.mark.parametrize(
    ("when", "step"),
    [pytest.param(*both, id=" ".join(both)) for both in itertools.product(["before", "after"], STEPS)],
)
def test_killed_at_any_step(reader, image_bytes, tmp_path, monkeypatch, when, step):
    archive = Archive({"a": image_bytes})
    place, name = step.split(".")
    owner = Archive if place == "archive" else Journal
    true = getattr(owner, name)

    def deadly(*arguments):
        if when == "after":
            true(*arguments)
        raise Killed

    journal = Journal(tmp_path / "journal")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, deadly)
        with pytest.raises(Killed):
            node(archive, reader, journal).run(once=True)
    journal.close()
    for _ in range(2):
        journal = Journal(tmp_path / "journal")
        assert node(archive, reader, journal).run(once=True) == 0
        assert journal.counts() == {"done": 1}
        journal.close()
    assert len(archive.kept) == 1


def test_a_report_is_sent_as_it_was_made(reader, image_bytes, tmp_path):
    """Not made anew after an interruption: by then the record may hold more, and the report would be another."""

    class Growing:
        asked = 0

        def values(self, source):
            self.asked += 1
            return {"temperature": 36.0 + self.asked}

    archive, records = Archive({"a": image_bytes}), Growing()
    archive.down = {"store"}
    journal = Journal(":memory:")
    running = node(archive, reader, journal, records)
    assert running.run(once=True) == 1 and archive.kept == {}
    (_, kept), *_ = journal.outbox("a")
    archive.down = set()
    journal.base.execute("UPDATE films SET due = 0")
    assert running.run(once=True) == 0 and records.asked == 1
    assert list(archive.kept) == [str(pydicom.dcmread(BytesIO(kept)).SOPInstanceUID)]
    assert journal.outbox("a") == []  # nothing of the patient stays


@pytest.mark.parametrize(
    ("down", "counts", "words"),
    [
        pytest.param({"list"}, {}, "does not answer; looking again later", id="archive down"),
        pytest.param({"sense"}, {}, "answer is not understood (KeyError); looking again", id="archive makes no sense"),
        pytest.param({"fetch"}, {"seen": 1}, "does not answer; again in 1 s", id="image cannot be fetched now"),
        pytest.param({"store"}, {"ready": 1}, "does not answer; again in 1 s", id="report cannot be sent now"),
        pytest.param({"full"}, {"refused": 1}, "the report was not taken: the archive answered 409", id="not wanted"),
    ],
)
def test_what_does_not_work(reader, image_bytes, caplog, down, counts, words):
    caplog.set_level(logging.INFO)
    archive, journal = Archive({"a": image_bytes}), Journal(":memory:")
    archive.down = down
    waiting = node(archive, reader, journal).run(once=True)
    assert waiting == (down != {"full"}) and journal.counts() == counts and words in caplog.text


@pytest.mark.parametrize("name", UNSUITABLE)
def test_never_reported_on(reader, image, tmp_path, caplog, name):
    caplog.set_level(logging.INFO)
    path = unsuitable_images(tmp_path, image)[name]
    archive, journal = Archive({"a": path.read_bytes()}), Journal(":memory:")
    assert node(archive, reader, journal).run(once=True) == 0
    assert archive.stored == 0 and journal.counts() == {"passed": 1}
    assert f"passed over: {journal.base.execute('SELECT why FROM films').fetchone()[0]}" in caplog.text
    assert UNSUITABLE[name][1] in caplog.text and "SYNTHETIC" not in caplog.text and "Synthetic" not in caplog.text


def test_damaged_images_and_our_own_faults_do_not_stop_the_others(reader, image_bytes, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    archive = Archive({"torn": image_bytes[:3000], "text": b"Doe, Jane", "good": image_bytes})
    journal = Journal(":memory:")
    assert node(archive, reader, journal).run(once=True) == 0
    assert journal.counts() == {"done": 1, "passed": 2} and "Doe" not in caplog.text

    def faulty(*_):
        raise RuntimeError("Doe, Jane")

    monkeypatch.setattr(Reader, "answer", faulty)
    journal = Journal(":memory:")
    for _ in range(3):
        node(archive, reader, journal).run(once=True)
        journal.base.execute("UPDATE films SET due = 0")
    assert journal.counts() == {"passed": 3}
    assert "given up: RuntimeError" in caplog.text and "Doe" not in caplog.text


def test_the_log_names_nobody(reader, image_bytes, caplog):
    caplog.set_level(logging.INFO)
    node(Archive({"SYNTHETIC-key": image_bytes}), reader, Journal(":memory:")).run(once=True)
    assert "film-" in caplog.text and "2 x CT Image Storage" in caplog.text
    assert not any(word in caplog.text for word in ("SYNTHETIC", "Synthetic", "1960"))


def test_one_journal_one_node(tmp_path):
    journal = Journal(tmp_path / "state" / "journal")
    assert (tmp_path / "state" / "journal").stat().st_mode & 0o077 == 0
    with pytest.raises(UserError, match="cannot be opened: database is locked; end the other node"):
        Journal(tmp_path / "state" / "journal")
    journal.close()
    Journal(tmp_path / "state" / "journal").close()
    (tmp_path / "text").write_text("no database at all" * 100)
    with pytest.raises(UserError, match="this is no journal"):
        Journal(tmp_path / "text")


def test_tries_come_at_growing_intervals():
    journal = Journal(":memory:")
    journal.note(["a"], {})
    assert [journal.later("a") for _ in range(10)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert list(journal.due()) == []


def test_a_journal_takes_all_or_nothing():
    journal = Journal(":memory:")
    with pytest.raises(sqlite3.Error):
        journal.note(["a", object()], {"cursor": "1"})
    assert journal.counts() == {} and journal.facts() == {}
