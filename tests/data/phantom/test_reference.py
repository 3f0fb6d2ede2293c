"""The reference page of the phantom says what the code does."""

import re
from pathlib import Path

import pytest

from mdfnet.data.phantom.clinical import BASELINES, SCHEMA, SHIFTS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "phantom.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("feature", BASELINES)
def test_baselines_are_those_of_the_page(feature):
    mean, sd, low, high, step = BASELINES[feature]
    assert f"| {feature} | {SCHEMA[feature].unit} | {mean:g} | {sd:g} | {low:g} to {high:g} | {step:g} |" in PAGE


@pytest.mark.parametrize("finding", SHIFTS, ids=str)
def test_shifts_are_those_of_the_page(finding):
    name = finding if isinstance(finding, str) else " ".join(finding)
    shifts = ", ".join(f"{feature} {shift:+g}" for feature, shift in SHIFTS[finding].items())
    assert f"| {name} | {shifts} |" in PAGE


def test_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(example, "phantom.md", "exec"), {})
    assert re.search(r"pair: (0\.\d\d|1\.00)", capsys.readouterr().out)
    assert (tmp_path / "phantoms" / "dataset.yaml").is_file()
