"""Tests with the real things: programs from Debian. ``make test-clinic`` installs them and runs these."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from archived_images import archived_image  # noqa: F401
from running_orthanc import DICOMWEB, Archive, running_orthanc

#: Schemathesis loads it, not pytest.
collect_ignore = ["server/schemathesis_hooks.py"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was lacking, in the last line: a run that skips all is green, too, and must be seen to be empty."""
    told = config.pluginmanager.get_plugin("terminalreporter")
    if told is None or not told.stats:
        return
    kinds = ("passed", "failed", "error", "skipped")
    stats = {kind: [one for one in told.stats.get(kind, []) if "tests/clinic/" in one.nodeid] for kind in kinds}
    wants = Counter(one.longrepr[2].removeprefix("Skipped: NEEDS ").partition(":")[0] for one in stats["skipped"])
    lacking = ", ".join(f"{what} ({count})" for what, count in wants.most_common())
    counts = ", ".join(f"{len(reports)} {kind}" for kind, reports in stats.items())
    told.write_line(f"Tests with real programs: {counts}" + (f" for want of {lacking}" if lacking else ""))


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Path of an installed program; the test is skipped where it is absent."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
        if path is None:
            pytest.skip(f"NEEDS {name}: run 'make test-clinic', which installs it from Debian")
        return path

    return find


@pytest.fixture
def orthanc(program, tmp_path) -> Iterator[Archive]:
    """An empty Orthanc."""
    if not DICOMWEB.is_file():
        pytest.skip("NEEDS Orthanc's DICOMweb plugin: run 'make test-clinic', which installs it from Debian")
    with running_orthanc(program("Orthanc"), tmp_path / "orthanc") as archive:
        yield archive
