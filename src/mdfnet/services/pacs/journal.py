"""What the node has seen, answered and still has to send: one SQLite file, so that it can be killed at any moment."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mdfnet.core.errors import UserError

#: State of an image: to be looked at; answered, to be sent; sent; not for us; not wanted by the archive.
SEEN, READY, DONE, PASSED, REFUSED = "seen", "ready", "done", "passed", "refused"

#: Longest wait between two tries, in seconds.
LONGEST = 300.0

_TABLES = """
CREATE TABLE IF NOT EXISTS films (
  key TEXT PRIMARY KEY, state TEXT NOT NULL, why TEXT NOT NULL DEFAULT '',
  tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS waiting ON films (due) WHERE state IN ('seen', 'ready');
CREATE TABLE IF NOT EXISTS outbox (
  key TEXT NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (key, number));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Journal:
    """The node's memory. Every method is one transaction: it has happened wholly or not at all.

    An image is noted together with the cursor behind it, and its report is kept, byte for byte, before it is sent. So
    no image is lost, none is answered twice, and what is sent twice is the same object, which an archive keeps once.

    The file is made if absent, readable by its owner alone; ":memory:" is one in memory alone.

    Examples:
        >>> journal = Journal(":memory:")
        >>> journal.note(["image-1"], {"cursor": "7"})
        >>> list(journal.due()), journal.facts()
        ([('image-1', 'seen')], {'cursor': '7'})
        >>> journal.ready("image-1", [b"report"])
        >>> journal.outbox("image-1")
        [(0, b'report')]
        >>> journal.sent("image-1", 0)
        >>> list(journal.due()), journal.counts()
        ([], {'done': 1})
    """

    def __init__(self, path: str | Path):
        if str(path) != ":memory:":
            try:
                Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                Path(path).touch(mode=0o600)
            except OSError as error:
                raise UserError(f"cannot be written: {error.strerror}", where=path) from None
        try:
            self.base = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
            for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self.base.execute(f"PRAGMA {setting}")
            self.base.executescript(_TABLES)
        except sqlite3.OperationalError as error:
            fix = "end the other node, or give this one a state of its own" if "locked" in str(error) else None
            raise UserError(f"the journal cannot be opened: {error}", where=path, fix=fix) from None
        except sqlite3.DatabaseError:
            raise UserError("this is no journal", where=path, fix="give another folder as state") from None

    def in_memory(self) -> Journal:
        """A copy in memory alone; this one is closed."""
        copy = Journal(":memory:")
        self.base.backup(copy.base)
        self.close()
        return copy

    def close(self) -> None:
        """Close the file, so that another node can open it."""
        self.base.close()

    def note(self, keys: Iterable[str], facts: dict[str, str]) -> None:
        """Note images to look at, and how far the archive has been read; images that are known stay as they are."""
        with self._transaction():
            self.base.executemany(
                "INSERT OR IGNORE INTO films (key, state) VALUES (?, ?)", [(key, SEEN) for key in keys]
            )
            self.base.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def facts(self) -> dict[str, str]:
        """What was noted of how far the archive has been read."""
        return dict(self.base.execute("SELECT name, value FROM facts").fetchall())

    def due(self) -> Iterator[tuple[str, str]]:
        """Images with work to do now, and their state; in the order they were noted."""
        waiting = "SELECT key, state FROM films WHERE state IN ('seen', 'ready') AND due <= ? ORDER BY rowid"
        yield from self.base.execute(waiting, [time.time()]).fetchall()

    def state(self, key: str) -> str | None:
        """The state of an image; None where it is not known."""
        row: tuple[str] | None = self.base.execute("SELECT state FROM films WHERE key = ?", [key]).fetchone()
        return row and row[0]

    def ready(self, key: str, contents: list[bytes]) -> None:
        """An image is answered: these are to be sent."""
        with self._transaction():
            rows = [(key, number, content) for number, content in enumerate(contents)]
            self.base.executemany("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)", rows)
            self.base.execute("UPDATE films SET state = ?, tries = 0, due = 0 WHERE key = ?", [READY, key])

    def outbox(self, key: str) -> list[tuple[int, bytes]]:
        """What is still to be sent about an image, and its number."""
        select = "SELECT number, content FROM outbox WHERE key = ? ORDER BY number"
        return self.base.execute(select, [key]).fetchall()

    def sent(self, key: str, number: int) -> None:
        """The archive has one of them; with the last one the image is done."""
        with self._transaction():
            self.base.execute("DELETE FROM outbox WHERE key = ? AND number = ?", [key, number])
            if not self.base.execute("SELECT 1 FROM outbox WHERE key = ?", [key]).fetchone():
                self.base.execute("UPDATE films SET state = ? WHERE key = ?", [DONE, key])

    def end(self, key: str, state: str, why: str) -> None:
        """Nothing more is done about an image, and why; what the archive refused stays in the outbox for a look."""
        self.base.execute("UPDATE films SET state = ?, why = ? WHERE key = ?", [state, why, key])

    def tries(self, key: str) -> int:
        """How often an image has been put off since it last got further."""
        row: tuple[int] = self.base.execute("SELECT tries FROM films WHERE key = ?", [key]).fetchone()
        return row[0]

    def later(self, key: str) -> float:
        """Something does not answer: try this image again, each time after twice as long. Gives the seconds."""
        with self._transaction():
            wait = min(2.0 ** self.tries(key), LONGEST)
            self.base.execute("UPDATE films SET tries = tries + 1, due = ? WHERE key = ?", [time.time() + wait, key])
        return wait

    def counts(self) -> dict[str, int]:
        """How many images are in which state."""
        return dict(self.base.execute("SELECT state, count(*) FROM films GROUP BY state ORDER BY state").fetchall())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; `sqlite3`'s own begins only at the first change."""
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.base.execute("ROLLBACK")
            raise
        self.base.execute("COMMIT")
