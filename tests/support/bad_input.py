"""For tests of bad input, which ends with code 2: how a refusal looks, and ways to break data, a model or a disk."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest


def assert_refused(answer, folder: Path, *words: str) -> None:
    """One line of error with the words, and neither ``out`` nor a draft of it in the folder."""
    assert answer.code == 2, answer
    assert answer.err.startswith("error: ") and answer.err.count("\n") == 1, answer.err
    assert [word for word in words if word not in answer.err] == [], answer.err
    assert [file.name for file in folder.iterdir() if file.name == "out" or file.name.startswith(".")] == []


def case(reason: str, *values: object):
    return pytest.param(*values, id=reason)


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        before = (folder / name).read_text()
        assert old in before
        (folder / name).write_text(before.replace(old, new))

    return change


def annotations(**parts: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "annotations.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | parts))

    return change


def image(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "images" / "phantom-00000.png").write_bytes(content)


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def full_disk(path: Path, *_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
