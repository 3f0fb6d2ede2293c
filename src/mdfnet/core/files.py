"""Files that are either whole or not there: a final name never holds half a file."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from mdfnet.core.errors import UserError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file in one step: yields a temporary sibling, which takes ``path``'s place when the block ends well.

    When the block fails (a full disk, an interrupt) the sibling is removed and what stood under ``path`` stays. Missing
    parent folders are made. The sibling has the suffix of ``path``, by which some libraries choose the format.

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


def write_text(path: str | Path, text: str) -> None:
    """Write a text file as UTF-8, in one step; raises what :func:`replacing` does."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def check_folder_can_be_made(path: str | Path, *, new: bool = False) -> None:
    """Whether files can be written to a folder that is there or is to be made, before work is done; nothing is made.

    With ``new`` it must not exist yet, or be empty.

    Raises:
        UserError: A file is in the folder's way, it may not be written to, or is not new.

    Examples:
        >>> check_folder_can_be_made("/dev/null/run")
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: /dev/null/run: cannot be a folder: /dev/null is none; name another folder
    """
    path = Path(path)
    with _os_errors_as_user_errors(path):
        if new and path.exists() and (not path.is_dir() or any(path.iterdir()) or path.samefile(".")):
            raise UserError("exists already", where=path, fix="name a new folder, or remove this one first")
        there = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
        if not there.is_dir():
            what = "is a file, not a folder" if there == path else f"cannot be a folder: {there} is none"
            raise UserError(what, where=path, fix="name another folder")
        if not os.access(there, os.W_OK | os.X_OK):
            what = f"cannot be written: {there} is not yours to write to"
            raise UserError(what, where=path, fix="name another folder")


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder in one step: yields a temporary sibling, which becomes ``path`` when the block ends well.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "set"
        >>> with new_folder(folder) as draft:
        ...     _ = (draft / "note.txt").write_text("whole")
        >>> [file.name for file in folder.iterdir()]
        ['note.txt']
    """
    path = Path(path)
    check_folder_can_be_made(path, new=True)
    with _os_errors_as_user_errors(path):
        draft = _sibling(path)
        draft.mkdir(parents=True)
        try:
            yield draft
            os.replace(draft, path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Like `new_folder`, but takes the place of a folder of that name: one of the two is whole at any moment."""
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
    """Text of a UTF-8 file, with or without a byte-order mark."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        row = Path(path).read_bytes()[: error.start].count(b"\n") + 1
        raise UserError("not UTF-8 text", where=f"{path} row {row}", fix="save it as UTF-8") from None
    except FileNotFoundError:
        raise UserError("no such file", where=path) from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=path) from None


def read_json(path: str | Path) -> Any:
    """Content of a JSON file in UTF-8, in which no object has a key twice."""

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            keys = [key for key, _ in pairs]
            raise UserError(f"key {max(keys, key=keys.count)!r} is duplicated", where=path, fix="keep one of the two")
        return content

    try:
        return json.loads(read_text(path), object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise UserError("not JSON, or only a part of it", where=f"{path} row {error.lineno}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", where=path) from None


def without_nan(value: Any) -> Any:
    """The same with null for NaN, which JSON does not have.

    Examples:
        >>> json.dumps(without_nan({"AP": (0.5, float("nan"))}), allow_nan=False)
        '{"AP": [0.5, null]}'
    """
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def read_yaml(path: str | Path) -> Any:
    """Content of a YAML file in UTF-8; None when it is empty."""
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, where: object) -> Any:
    """Content of YAML text.

    Examples:
        >>> parse_yaml("epochs: [1", "mine.yaml")
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: mine.yaml row 1: not YAML: expected ',' or ']', but got '<stream end>'
    """
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where} row {mark.line + 1}" if mark else where
        raise UserError(f"not YAML: {error.problem or error.context}", where=place) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: a date such as 2020-13-01
        raise UserError(f"not YAML: {str(error).splitlines()[0]}", where=where) from None


def _sibling(path: Path) -> Path:
    return path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")


@contextmanager
def _os_errors_as_user_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = "free space or choose another place; nothing half-written was left"
        raise UserError(f"cannot be written: {error.strerror or error}", where=path, fix=fix) from error
