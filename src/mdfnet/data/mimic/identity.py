"""Names under which patients and films go into a dataset folder: keyed hashes, so that nobody without the key can link
them back to MIMIC, and whoever has it gets the same names again.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from mdfnet.errors import UserError
from mdfnet.files import read_text

_LENGTH = 16  # hexadecimal digits; among 377,110 films two are alike once in 260 million keys
_SHORTEST_KEY = 32


@dataclass(frozen=True)
class Identity:
    """Turns ids into names.

    Args:
        key: Secret text; None keeps the ids.

    Examples:
        >>> Identity("0" * 64).name("patient", 10000032)
        '5bab64ae18988de7'
        >>> Identity(None).name("patient", 10000032)
        '10000032'
    """

    key: str | None

    def name(self, kind: str, identifier: object) -> str:
        """Name of a patient, a film or a reading: HMAC-SHA-256 under the key, shortened to 64 bits."""
        if self.key is None:
            return str(identifier)
        return hmac.digest(self.key.encode(), f"{kind} {identifier}".encode(), "sha256").hex()[:_LENGTH]


def key_path(folder: Path) -> Path:
    """Where the key of a dataset folder lies if nobody says otherwise: beside it.

    Examples:
        >>> key_path(Path("data/mimic")).as_posix()
        'data/mimic.key'
    """
    return folder.with_name(f"{folder.name}.key")


def read_or_make_key(path: Path, folder: Path) -> tuple[str, bool]:
    """The key in a file, or a new random one that only the owner can read.

    Args:
        path: Where the key lies or is to lie.
        folder: The dataset folder, which must not hold its own key.

    Returns:
        The key, and whether it was made.

    Raises:
        UserError: The file lies in the folder, is too short for a secret, or cannot be read or written.
    """
    if path.resolve().is_relative_to(folder.resolve()):
        fix = "keep it elsewhere: who has both can link the films to MIMIC"
        raise UserError("the key would lie in the dataset folder", where=path, fix=fix)
    if path.exists():
        key = read_text(path).strip()
        if len(key) < _SHORTEST_KEY:
            fix = f"give a secret of at least {_SHORTEST_KEY} characters, or a file that is not there yet"
            raise UserError("too short for a key", where=path, fix=fix)
        return key, False
    key = secrets.token_hex(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{key}\n")
    except OSError as error:
        raise UserError(f"the key cannot be written: {error.strerror}", where=path) from None
    return key, True
