"""Files that are either whole or not there: a final name never holds half of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from mdfnet.errors import UserError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file in one step: yields a temporary sibling, which takes ``path``'s place when the block ends well.

    When the block fails (a full disk, an interrupt) the sibling is removed and what stood under ``path`` stays. Missing
    parent folders are made. The sibling has the suffix of ``path``, by which some libraries choose the format.

    Raises:
        UserError: The operating system refuses (disk full, no permission).

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with replacing(folder / "scores.csv") as draft:
        ...     _ = draft.write_text("image,score")
        >>> [file.name for file in folder.iterdir()]
        ['scores.csv']
    """
    path = Path(path)
    draft = _sibling(path)
    with _os_errors_as_user_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder in one step: yields a temporary sibling, which becomes ``path`` when the block ends well.

    Raises:
        UserError: ``path`` holds something already, or the operating system refuses.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "set"
        >>> with new_folder(folder) as draft:
        ...     _ = (draft / "note.txt").write_text("whole")
        >>> [file.name for file in folder.iterdir()]
        ['note.txt']
    """
    path = Path(path)
    draft = _sibling(path)
    with _os_errors_as_user_errors(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError("exists already", where=path, fix="name a new folder, or remove this one first")
        draft.mkdir(parents=True)
        try:
            yield draft
            os.replace(draft, path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Like `new_folder`, but takes the place of a folder of that name: at every moment one of the two is whole on disk.

    Raises:
        UserError: The operating system refuses.
    """
    path = Path(path)
    draft, old = _sibling(path), _sibling(path)
    with _os_errors_as_user_errors(path):
        draft.mkdir(parents=True)
        try:
            yield draft
            if path.exists():
                path.rename(old)
            draft.rename(path)
        except BaseException:
            if old.exists() and not path.exists():
                old.rename(path)
            raise
        finally:
            if old.exists() and not path.exists():
                old.rename(path)
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def read_text(path: str | Path) -> str:
    """Text of a UTF-8 file, with or without a byte-order mark.

    Raises:
        UserError: The file is not there, cannot be read, or is in another encoding.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        row = Path(path).read_bytes()[: error.start].count(b"\n") + 1
        raise UserError("not UTF-8 text", where=f"{path} row {row}", fix="save it as UTF-8") from None
    except FileNotFoundError:
        raise UserError("no such file", where=path) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=path) from None


def _sibling(path: Path) -> Path:
    return path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")


@contextmanager
def _os_errors_as_user_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = "free space or choose another place; nothing half-written was left"
        raise UserError(f"cannot be written: {error.strerror or error}", where=path, fix=fix) from error
