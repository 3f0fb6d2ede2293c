"""The import contract of pyproject.toml: it holds, and it notices what goes against it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]

ROOMS = ("core", "metrics", "clinical", "data", "models", "evaluation", "training", "explain", "experiments", "report",
         "services", "cli")  # fmt: skip


def lint_imports(project: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter over a project's ``src``."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's sources alone, to be spoiled."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.safetensors", "page", "*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contract_is_kept():
    answer = lint_imports(ROOT)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("core/errors.py", "import mdfnet.cli.runs", id="the lowest room knows the highest"),
        pytest.param("data/split.py", "from mdfnet.models.config import Config", id="one room up"),
        pytest.param("training/stages.py", "import mdfnet.evaluation.score", id="rooms side by side"),
        pytest.param("data/names.py", "import mdfnet.data.dataset", id="a circle within a room"),
        pytest.param(
            "metrics/overlap.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mdfnet.metrics.matching",
            id="a circle of types alone",
        ),
    ],
)
def test_the_contract_notices(copy, module, line):
    path = copy / "src" / "mdfnet" / module
    path.write_text(f"{path.read_text()}\n{line}\n")
    answer = lint_imports(copy)
    assert answer.returncode != 0 and "BROKEN" in answer.stdout


def test_nothing_is_loose_at_the_root():
    inside = {path.name for path in (ROOT / "src" / "mdfnet").iterdir() if path.name != "__pycache__"}
    assert inside == {*ROOMS, "__init__.py", "__main__.py", "py.typed"}


def test_tests_mirror_the_rooms():
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("**/*.py"))}
    assert folders == {*ROOMS, "clinic", "support"}


def test_no_package_imports_what_imports_it():
    """The one kind of circle that siblings cannot have: between a package's own file and what lies below it."""
    graph = grimp.build_graph("mdfnet", cache_dir=None)
    for package in graph.modules:
        below = graph.find_descendants(package)
        if below & graph.find_modules_directly_imported_by(package):
            assert not any(package in graph.find_modules_directly_imported_by(module) for module in below), package
