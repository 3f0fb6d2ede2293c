"""The page that is shipped is the one that the sources make."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

VIEWER = Path(__file__).parents[3] / "viewer"


@pytest.fixture(scope="session")
def npm():
    """Runs npm in the viewer's folder."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("NEEDS Node and npm: https://nodejs.org")
    if not all((VIEWER / "node_modules" / name).is_dir() for name in ("typescript", "vite")):
        pytest.skip("NEEDS npm packages: run 'make test-clinic', which installs them")
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, node.strip("v\n").split(".")))[:2] < (20, 19):
        pytest.skip(f"NEEDS Node 20.19 or later: this is {node.strip()}")

    def run(*arguments: str) -> None:
        environment = {**os.environ, "NODE_ENV": "production"}
        done = subprocess.run(["npm", *arguments], cwd=VIEWER, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_the_committed_page_is_a_fresh_build(npm, tmp_path):
    npm("run", "build", "--", "--outDir", str(tmp_path / "page"))
    shipped, fresh = (
        {file.name: file.read_bytes() for file in Path(str(folder)).iterdir()}
        for folder in (files("mdfnet.services.serve") / "page", tmp_path / "page")
    )
    assert shipped.keys() == fresh.keys()
    assert [name for name in fresh if fresh[name] != shipped[name]] == [], "run 'make viewer' and commit the page"


def test_logic(npm):
    npm("test")
