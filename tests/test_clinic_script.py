"""``make test-clinic`` on machines that lack what it needs: it says so, and the tests run all the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "test_clinic.sh"
TOOLS = ("bash", "dirname", "env", "gzip", "mkdir", "mv", "rm", "sed", "tail", "tar", "timeout")

#: Programs as they are on a machine where all goes well; none does anything.
WELL = {
    "apt-get": "exit 0",
    "dpkg": "exit 1",
    "id": "echo 0",
    "npm": "if [[ $1 == pack ]]; then mkdir package; tar czf ohif-app-3.13.2.tgz package; fi",
    "unshare": 'shift; exec "$@"',
    "ip": "exit 0",
}
PYTHON, UV = 'echo "python $*"; exit ${PYTEST_STATUS:-0}', "exit 0"


@pytest.fixture
def clinic(tmp_path):
    """Runs the script where there are only the tools of any machine and these programs."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    for folder in ("bin", "venv", "viewer"):
        (tmp_path / folder).mkdir()
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))

    def run(programs: dict[str, str | None], uv: str = UV, **variables: str) -> subprocess.CompletedProcess:
        named = {f"bin/{name}": text for name, text in programs.items()} | {"venv/python": PYTHON, "venv/uv": uv}
        for name, text in named.items():
            if text is not None:
                (tmp_path / name).write_text(f"#!{shutil.which('bash')}\n{text}\n")
                (tmp_path / name).chmod(0o755)
        environment = {"PATH": str(tmp_path / "bin"), "PYTHON": str(tmp_path / "venv/python"), **variables}
        command = [tmp_path / "scripts/test_clinic.sh", "-k", "some"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    return run


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="NEEDS the coreutils of Linux")
@pytest.mark.parametrize(
    ("without", "said"),
    [
        pytest.param({}, [], id="all goes well"),
        pytest.param({"apt-get": None}, ["NOT INSTALLED: orthanc orthanc-dicomweb dcmtk"], id="no Debian"),
        pytest.param({"id": "echo 1000"}, ["NOT INSTALLED: orthanc"], id="not root"),
        pytest.param(
            {"apt-get": "echo no route; exit 100"},
            ["NOT TO BE HAD: Debian's list of packages (status 100", "chromium of Debian (status 100", "    no route"],
            id="no network for apt-get",
        ),
        pytest.param(
            {"apt-get": '[[ "$*" != *chromium ]]'}, ["NOT TO BE HAD: chromium of Debian"], id="one package is not there"
        ),
        pytest.param({"npm": None}, ["the viewer's tools of npm (status 127", "OHIF of npm (status 127"], id="no npm"),
        pytest.param({"npm": "exit 1"}, ["OHIF of npm (status 1"], id="no network for npm"),
        pytest.param({"unshare": None}, ["NO NETWORK NAMESPACE"], id="no unshare"),
        pytest.param({"ip": None}, ["NO NETWORK NAMESPACE"], id="no ip"),
        pytest.param({"unshare": "exit 1"}, ["NO NETWORK NAMESPACE"], id="namespaces are not allowed"),
        pytest.param(
            dict.fromkeys(WELL), ["NOT TO BE HAD", "NOT INSTALLED", "NO NETWORK NAMESPACE"], id="nothing at all"
        ),
    ],
)
def test_what_is_lacking_is_said_and_the_tests_run(clinic, without, said):
    done = clinic({**WELL, **without})
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "python -m pytest tests/clinic -k some"
    assert all(text in done.stderr for text in said), done.stderr
    assert bool(said) == ("***" in done.stderr), done.stderr


def test_a_package_of_python_that_is_not_to_be_had_is_said(clinic):
    done = clinic(WELL, uv="exit 2")
    assert done.returncode == 0 and "NOT TO BE HAD: Python packages of the extra clinic (status 2" in done.stderr


def test_failed_tests_fail(clinic):
    assert clinic(WELL, PYTEST_STATUS="1").returncode == 1
