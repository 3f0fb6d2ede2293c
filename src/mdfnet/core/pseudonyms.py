"""Identifiers of patients, studies and images as keyed hashes, and values that messages must not repeat.

The same key turns the same identifier into the same pseudonym, in every import and on every machine, so that datasets
can be joined without either holding the identifier. Who has the key can test whether a known identifier belongs to a
pseudonym; nobody can read the identifier off it. The data are pseudonymous, not anonymous.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from mdfnet.core.errors import UserError

#: Environment variable that may hold the key itself: at least `SHORTEST` characters, kept out of files.
KEY_VARIABLE = "MDFNET_KEY"

SHORTEST = 32  #: A key has at least this many characters

#: Hexadecimal digits of a pseudonym: 64 bits, so that among a million identifiers two collide once in 37 million tries.
DIGITS = 16

#: A value of at most this many characters may be quoted, if it is one word with at most so many digits; see `quoted`.
LONGEST_QUOTED, MOST_DIGITS = 12, 3

#: The kind of images. The word goes into the hash: another one would give other ids under the same key.
IMAGE = "film"


@dataclass(frozen=True)
class Pseudonyms:
    """Turns identifiers into pseudonyms: HMAC-SHA256 (RFC 2104) of kind and identifier, shortened.

    Args:
        key: Secret; kept outside of every dataset folder.

    Examples:
        >>> names = Pseudonyms(b"a key for this example, not a secret")
        >>> names.of("patient", "4711")
        'patient-a733210adf67da37'
        >>> names.of("patient", "4711") == names.of("patient", "4711"), names.of(IMAGE, "4711")[-4:]
        (True, 'de58')
    """

    key: bytes = field(repr=False)

    def of(self, kind: str, identifier: str) -> str:
        """Pseudonym of an identifier, such as ``patient-a733210adf67da37``; each kind has its own.

        Args:
            kind: What it identifies: "patient", `IMAGE`, "study", "stay", "reader".
            identifier: As it stands in the table, surrounding blanks left out.

        Raises:
            ValueError: The identifier is empty: nobody is meant by it.
        """
        if not identifier.strip():
            raise ValueError(f"an empty {kind} identifier has no pseudonym")
        message = f"{kind}\0{identifier.strip()}".encode()
        return f"{kind}-{hmac.new(self.key, message, hashlib.sha256).hexdigest()[:DIGITS]}"

    @classmethod
    def load(cls, path: str | Path | None = None, *, outside: str | Path | None = None) -> Pseudonyms:
        """With the user's key: of the file given, else of the variable `MDFNET_KEY`, else of `default_key_file`.

        A file that is absent is made, readable by its owner alone.

        Args:
            path: Key file: one line of text.
            outside: Folder the key must not lie in: the dataset's.

        Examples:
            >>> import tempfile
            >>> file = Path(tempfile.mkdtemp()) / "study.key"
            >>> Pseudonyms.load(file) == Pseudonyms.load(file), oct(file.stat().st_mode & 0o777)
            (True, '0o600')
        """
        if path is None and KEY_VARIABLE in os.environ:
            return cls(_checked(os.environ[KEY_VARIABLE], f"variable {KEY_VARIABLE}"))
        path = Path(path) if path is not None else default_key_file()
        if outside is not None:
            check_outside(path, outside, "the key")
        return cls(_read_or_make(path))


class Kept:
    """Leaves identifiers as they are, where the user wants that.

    Examples:
        >>> Kept().of("patient", "4711")
        '4711'
    """

    def of(self, kind: str, identifier: str) -> str:
        """The identifier."""
        return identifier


def default_key_file() -> Path:
    """Where the key lies unless the user says otherwise: ``mdfnet/pseudonyms.key`` in the user's config folder."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "mdfnet" / "pseudonyms.key"


def check_outside(path: str | Path, folder: str | Path, what: str) -> None:
    """Make sure that something secret does not lie in a dataset folder.

    Examples:
        >>> check_outside("set/ids.csv", "set", "the linkage table")
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: set/ids.csv: the linkage table lies inside the dataset folder; keep it elsewhere
    """
    if Path(path).resolve().is_relative_to(Path(folder).resolve()):
        raise UserError(f"{what} lies inside the dataset folder", where=path, fix="keep it elsewhere")


def quoted(value: object) -> str:
    """A cell for a message: quoted where it is a short word, else only described.

    A wrong column may hold a name, a date or a record number, and messages end up in logs and mails. File and row say
    where the value stands.

    Examples:
        >>> quoted("old"), quoted("370"), quoted("1954-03-02"), quoted("Doe, John")
        ("'old'", "'370'", 'a text of 10 characters', 'a text of 9 characters')
    """
    text = str(value)
    digits = sum(map(str.isdigit, text))
    if len(text) <= LONGEST_QUOTED and digits <= MOST_DIGITS and not any(mark in text for mark in " ^,;\t\n"):
        return repr(text)
    return f"a text of {len(text)} characters"


def _checked(text: str, where: object) -> bytes:
    key = text.strip()
    if len(key) < SHORTEST:
        what = f"the key has {len(key)} characters, fewer than {SHORTEST}"
        raise UserError(what, where=where, fix="take a random one, such as of: openssl rand -hex 32")
    return key.encode()


def _read_or_make(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise UserError("others can read the key", where=path, fix=f"chmod 600 {path}")
        return _checked(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        fix = f"name another key file, or put the key into the variable {KEY_VARIABLE}"
        raise UserError(f"the key cannot be read or made: {error.strerror}", where=path, fix=fix) from None
    except UnicodeDecodeError:
        raise UserError("the key is not text", where=path, fix="give one line of text") from None


def _make(path: Path) -> None:
    """Never readable by others, not for a moment; of two processes at once one makes it and both read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
