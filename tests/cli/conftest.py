"""The program as a user runs it, a small synthetic dataset, and one run trained on it for all tests of the session."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import torch

from mdfnet.cli import main


@dataclass(frozen=True)
class Answer:
    """What the program did: exit code and what it wrote to its two streams."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def program() -> Callable[..., Answer]:
    """Runs ``mdfnet`` with arguments in this process; an exception that it lets through is a traceback to the user."""

    def run(*arguments: object) -> Answer:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            mock.patch.object(sys, "argv", ["mdfnet", *map(str, arguments)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
        return Answer(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def phantom_set(program, tmp_path_factory) -> Path:
    """A dataset folder of 24 synthetic images, 64 pixels; not to be written to."""
    folder = tmp_path_factory.mktemp("phantom") / "set"
    assert program("data", "phantom", "--count", 24, "--size", 64, "--out", folder).code == 0
    return folder


#: A config that trains in a second.
QUICK = ("--config", "tiny", "epochs=1", "size=64")


@pytest.fixture(scope="session")
def run_folder(program, phantom_set, tmp_path_factory) -> Path:
    """A run of one epoch on the phantoms; not to be written to."""
    folder = tmp_path_factory.mktemp("run") / "quick"
    answer = program("train", phantom_set, *QUICK, "--out", folder, "--threads", torch.get_num_threads())
    assert answer.code == 0, answer.err
    assert "no gain by the records was shown on the validation images" in answer.out  # one epoch shows none
    return folder


@pytest.fixture
def quick() -> tuple[str, ...]:
    """Arguments of a training that takes a second."""
    return QUICK


@pytest.fixture
def data(phantom_set, tmp_path) -> Path:
    """The phantoms, to be broken."""
    return Path(shutil.copytree(phantom_set, tmp_path / "data"))
