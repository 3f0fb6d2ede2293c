"""The node: looks for new images, answers each, and sends the answer; exactly once, whenever it is killed."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass

from mdfnet.core.pseudonyms import IMAGE, KEY_VARIABLE, Pseudonyms
from mdfnet.services.pacs.archive import ImageSource, Rejected, ReportTarget, Unreachable
from mdfnet.services.pacs.dicomweb import Dicomweb
from mdfnet.services.pacs.journal import DONE, PASSED, READY, REFUSED, SEEN, Journal
from mdfnet.services.pacs.orthanc import Orthanc
from mdfnet.services.pacs.reader import Answer, NotReportable, Reader
from mdfnet.services.pacs.records import RecordSource, record_source
from mdfnet.services.pacs.settings import (
    DicomwebTarget,
    NodeConfig,
    OrthancSource,
    OrthancTarget,
    ReceiveSource,
    StoreTarget,
)
from mdfnet.services.pacs.suitable import name_of
from mdfnet.services.pacs.web import HttpClient

#: An image at which the program itself fails is tried so often.
MOST_TRIES = 3
_log = logging.getLogger(__name__)


class DryRunTarget:
    """A target that keeps nothing."""

    def store(self, content: bytes) -> None:
        pass


@dataclass
class Node:
    """All parts of a node, ready to run."""

    source: ImageSource
    target: ReportTarget
    records: RecordSource
    reader: Reader
    journal: Journal
    names: Pseudonyms  #: What the log calls images: keyed hashes
    poll: float = 5.0  #: Seconds between two looks

    def __post_init__(self) -> None:
        self.stopping = threading.Event()

    @classmethod
    def of(cls, config: NodeConfig, *, dry_run: bool = False) -> Node:
        """As the config says; a dry run sends nothing and keeps no journal, but knows what the journal has."""
        key = None if KEY_VARIABLE in os.environ else config.state / "log.key"
        names, reader = Pseudonyms.load(key), Reader(config)
        records = record_source(config.record, reader.model.schema)
        source, target = _source_and_target(config)
        journal = Journal(config.state / "journal.sqlite")
        if dry_run:
            journal, target = journal.in_memory(), DryRunTarget()
        return cls(source, target, records, reader, journal, names, config.poll)

    def run(self, *, once: bool = False) -> int:
        """Look and work once, or until `stop`.

        Gives how many images still wait, at least one if the archive did not answer.
        """
        answered = True
        while not self.stopping.is_set():
            answered = self.look()
            self.work()
            if once:
                break
            self.stopping.wait(self.poll)
        counts = self.journal.counts()
        _log.info("images so far: %s", ", ".join(f"{count} {state}" for state, count in counts.items()) or "none")
        return max(sum(counts.get(state, 0) for state in (SEEN, READY)), not answered)

    def stop(self) -> None:
        """End after the image in work."""
        self.stopping.set()

    def look(self) -> bool:
        """Note what is new; False where the archive does not answer."""
        try:
            for keys, facts, others in self.source.new(self.journal.facts()):
                for key in keys:  # received again after it was answered
                    if self.journal.state(key) in (DONE, PASSED, REFUSED):
                        self._finished(key)
                self.journal.note(keys, facts)
                for kind, count in others.items():
                    _log.info("passed over: %d x %s", count, name_of(kind))
        except (Unreachable, Rejected) as error:
            _log.warning("%s; looking again later", error)
            return False
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # an answer that is none
            _log.error("the archive's answer is not understood (%s); looking again later", type(error).__name__)
            return False
        return True

    def work(self) -> None:
        """Answer and send whatever is due."""
        for key, state in self.journal.due():
            if self.stopping.is_set():
                return
            name = self.names.of(IMAGE, key)
            try:
                if state != READY:
                    self._answer(key, name)
                if self.journal.state(key) == READY:
                    self._send(key, name)
            except Unreachable as error:
                _log.warning("%s: %s; again in %.0f s", name, error, self.journal.later(key))
            except Exception as error:  # its text can quote the header
                self._failed(key, name, error)

    def _answer(self, key: str, name: str) -> None:
        answer = Answer()
        try:
            with answer.timed("fetch"):
                content = self.source.fetch(key)
            seconds, answer = answer.seconds, self.reader.answer(content, self.records)
        except (NotReportable, Rejected) as reason:
            _log.info("%s: passed over: %s", name, reason)
            self._end(key, PASSED, str(reason))
            return
        self.journal.ready(key, answer.contents)
        spent = ", ".join(f"{what} {1000 * took:.0f} ms" for what, took in {**seconds, **answer.seconds}.items())
        _log.info("%s: %s; %s", name, answer.words, spent)

    def _send(self, key: str, name: str) -> None:
        start = time.perf_counter()
        for number, content in self.journal.outbox(key):
            try:
                self.target.store(content)
            except Rejected as reason:
                _log.error("%s: the report was not taken: %s", name, reason)
                self._end(key, REFUSED, str(reason))
                return
            self.journal.sent(key, number)
        self._finished(key)
        _log.info("%s: sent, %.0f ms", name, 1000 * (time.perf_counter() - start))

    def _failed(self, key: str, name: str, error: Exception) -> None:
        """A fault of ours must not stop the others, and not be tried for ever."""
        kind = type(error).__name__
        if self.journal.tries(key) + 1 >= MOST_TRIES:
            _log.error("%s: given up: %s", name, kind)
            self._end(key, PASSED, f"failed ({kind})")
        else:
            _log.error("%s: failed (%s); again in %.0f s", name, kind, self.journal.later(key))

    def _end(self, key: str, state: str, why: str) -> None:
        self.journal.end(key, state, why)
        self._finished(key)

    def _finished(self, key: str) -> None:
        if not isinstance(self.target, DryRunTarget):
            self.source.finished(key)


def _source_and_target(config: NodeConfig) -> tuple[ImageSource, ReportTarget]:
    """The source is its own target unless the config says otherwise."""
    settings, to = config.source, config.target
    if isinstance(settings, ReceiveSource):
        from mdfnet.services.pacs.dimse import Receiver

        assert to is not None, "the config is valid"
        return Receiver(settings, config.state / "received"), _target(to)
    source = (
        Orthanc(HttpClient(settings, "Orthanc"), settings.start)
        if isinstance(settings, OrthancSource)
        else Dicomweb(HttpClient(settings, "the archive"), settings.days)
    )
    return source, source if to is None else _target(to)


def _target(to: OrthancTarget | DicomwebTarget | StoreTarget) -> ReportTarget:
    if isinstance(to, OrthancTarget):
        return Orthanc(HttpClient(to, "Orthanc"))
    if isinstance(to, DicomwebTarget):
        return Dicomweb(HttpClient(to, "the archive"))
    from mdfnet.services.pacs.dimse import Store

    return Store(to)
