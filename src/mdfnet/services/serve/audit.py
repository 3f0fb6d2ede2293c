"""Who looked at which image with which model, when, and what came out: a file that is only ever added to.

Each line holds the hash of the one before, so that a line that is changed, left out or put in later is found. Whoever
can write the file can write it anew from the start: note the last hash elsewhere from time to time, or send the lines
to another machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError

#: What stands for the hash before the first line.
START = "0" * 64

#: The last line is looked for in as many bytes.
TAIL = 16_384


class Audit:
    """An audit log that is being written; made if absent, readable by its owner alone. Servers may share a file.

    What is there must be an audit log that ends well.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "audit.jsonl"
        >>> audit = Audit(path)
        >>> audit.add(who="ward-3", action="predict", model="5826af19", image="film-a733210adf67da37", result="91ab")
        >>> audit.add(who="ward-3", action="view", model="5826af19", image="film-a733210adf67da37", result=None)
        >>> verify(path)[0]
        2
        >>> _ = path.write_text(path.read_text().replace("view", "open"))
        >>> verify(path)
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: ...audit.jsonl row 2: the line was changed after it was written
    """

    def __init__(self, path: Path):
        self.path, self._lock = path, threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UserError(f"the audit log cannot be written: {error.strerror}", where=path) from None
        self._last()

    def add(self, **facts: str | None) -> None:
        """Write one line, and return when it is on the disk.

        Raises:
            OSError: It is not.
            UserError: The file has been damaged since.
        """
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                number, previous = self._last()
                time = datetime.now(UTC).isoformat(timespec="milliseconds")
                entry = {"number": number + 1, "time": time, **facts, "previous": previous}
                line = json.dumps({**entry, "hash": _hash(entry)}).encode() + b"\n"
                if os.write(self._file, line) != len(line):
                    raise OSError("disk full")
                os.fdatasync(self._file)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._file)

    def _last(self) -> tuple[int, str]:
        """Number and hash of the last line."""
        size = os.fstat(self._file).st_size
        if not size:
            return 0, START
        tail = os.pread(self._file, TAIL, max(0, size - TAIL))
        if not tail.endswith(b"\n"):
            fix = "move the file away, keep it, and start a new one"
            raise UserError("the audit log ends in the middle of a line", where=self.path, fix=fix)
        entry = _entry(tail[:-1].rpartition(b"\n")[2], f"{self.path}, last line")
        return entry["number"], entry["hash"]


def verify(path: Path) -> tuple[int, str]:
    """Read an audit log through; gives the number of its lines, and the last one's hash.

    Raises:
        UserError: A line is damaged, changed, missing or put in; says which.
    """
    number, previous, row = 0, START, 0
    try:
        with path.open("rb") as file:
            for row, line in enumerate(file, 1):
                where = f"{path} row {row}"
                if not line.endswith(b"\n"):
                    raise UserError("the line is not whole", where=where)
                entry = _entry(line, where)
                if (entry["previous"], entry["number"]) != (previous, number + 1):
                    raise UserError("a line before this one was removed, put in or moved", where=where)
                number, previous = entry["number"], entry["hash"]
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=path) from None
    return number, previous


def _entry(line: bytes, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
        given = entry.pop("hash")
        entry["number"], entry["previous"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError("not a line of an audit log", where=where) from None
    if given != _hash(entry):
        raise UserError("the line was changed after it was written", where=where)
    return {**entry, "hash": given}


def _hash(entry: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
