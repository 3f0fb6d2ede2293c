"""Tests with the real things: programs from Debian. ``make test-clinic`` installs them and runs these."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from archived_films import archived_film  # noqa: F401


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Path of an installed program; the test is skipped where it is absent."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
        if path is None:
            pytest.skip(f"NEEDS {name}: run 'make test-clinic', which installs it from Debian")
        return path

    return find
