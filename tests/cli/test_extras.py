"""What an extra brings is asked for by name where it is absent."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: ``mdfnet`` in which the library named first is not there.
WITHOUT = "import sys; sys.modules[sys.argv.pop(1)] = None; from mdfnet.cli import main; main()"


@pytest.mark.parametrize(
    ("library", "extra", "arguments"),
    [
        ("duckdb", "mimic", "data build mimic {here} --out {here}/set"),
        ("duckdb", "mimic", "data clinical mapping"),
        ("duckdb", "mimic", "data clinical omop --measurement m --person p --metadata i --out {here}/clinical.csv"),
        ("highdicom", "dicom", "predict demo {image} --dicom-out {here}/dicom --out {here}/out"),
    ],
)
def test_what_is_absent_is_named_with_the_command_that_installs_it(phantom_set, tmp_path, library, extra, arguments):
    image = phantom_set / "images" / "phantom-00000.png"
    words = arguments.format(here=tmp_path, image=image).split()
    answer = subprocess.run([sys.executable, "-c", WITHOUT, library, *words], capture_output=True, text=True)
    expected = f"this needs the extra '{extra}': {library} is not installed; pip install 'mdfnet[{extra}]'"
    assert (answer.returncode, answer.stderr) == (2, f"error: {expected}\n")
    assert [*tmp_path.iterdir()] == []
