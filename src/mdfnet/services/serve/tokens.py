"""Who may ask: bearer tokens, known by their SHA-256 alone once they are read."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from mdfnet.core.errors import UserError
from mdfnet.core.files import read_text
from mdfnet.core.pseudonyms import SHORTEST

#: Environment variable that may hold the one token.
TOKEN_VARIABLE = "MDFNET_TOKEN"

#: Name of a token that has none, in the audit log.
UNNAMED = "token"


class Tokens:
    """The tokens of a server; made of token -> name of who has it.

    Examples:
        >>> tokens = Tokens({"0123456789abcdef0123456789abcdef": "ward-3"})
        >>> tokens.who("Bearer 0123456789abcdef0123456789abcdef"), tokens.who("Bearer guess"), tokens.who(None)
        ('ward-3', None, None)
    """

    def __init__(self, names: dict[str, str]):
        self._names = {_digest(token): name for token, name in names.items()}

    def __len__(self) -> int:
        return len(self._names)

    def who(self, header: str | None) -> str | None:
        """Name of whose token an ``Authorization`` header brings; None where it brings none of ours.

        Each is compared, in a time that does not depend on where they differ.
        """
        scheme, _, token = (header or "").partition(" ")
        given, found = _digest(token.strip()), None
        for digest, name in self._names.items():
            if hmac.compare_digest(digest, given):
                found = name
        return found if scheme.lower() == "bearer" else None

    @classmethod
    def load(cls, path: Path | None) -> Tokens:
        """From a file, else from the variable `MDFNET_TOKEN`, else none.

        The file has one token a line, before it, if wanted, a name and a blank; ``#`` starts a comment. It must not be
        readable by others.

        Examples:
            >>> import tempfile
            >>> file = Path(tempfile.mkdtemp()) / "tokens"
            >>> _ = file.write_text("# who may ask\\nward-3 0123456789abcdef0123456789abcdef\\n"), file.chmod(0o600)
            >>> len(Tokens.load(file))
            1
        """
        if path is None:
            token = os.environ.get(TOKEN_VARIABLE)
            return cls({} if token is None else {_long(token.strip(), f"variable {TOKEN_VARIABLE}"): UNNAMED})
        text = read_text(path)
        if path.stat().st_mode & 0o007:
            raise UserError("others can read the tokens", where=path, fix=f"chmod o= {path}")
        names = {}
        for number, line in enumerate(text.splitlines(), 1):
            words = line.partition("#")[0].split()
            if len(words) > 2:
                raise UserError("more than a name and a token", where=f"{path} row {number}")
            if words:
                token = _long(words[-1], f"{path} row {number}")
                names[token] = words[0] if len(words) == 2 else UNNAMED
        if not names:
            raise UserError("there is no token", where=path, fix="write one, such as of: openssl rand -hex 32")
        return cls(names)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _long(token: str, where: str) -> str:
    if len(token) < SHORTEST:
        what = f"the token has {len(token)} characters, fewer than {SHORTEST}"
        raise UserError(what, where=where, fix="take a random one, such as of: openssl rand -hex 32")
    return token
