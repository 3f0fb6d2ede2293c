"""Detectors of other packages: the page's own example works, and broken ones are named."""

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import mdfnet
from mdfnet.cli import app
from mdfnet.models.detectors.registry import OWN, entries, find

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "how-to/own-detector.md"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a distribution: a package's files by name, and its entry points."""

    def install(name: str, files: dict[str, str], points: dict[str, str]) -> None:
        for file, text in files.items():
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(text)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{key} = {value}" for key, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[mdfnet.detectors]", *lines, ""]))
        entries.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield install
    entries.cache_clear()
    for module in [key for key in sys.modules if key.partition(".")[0] in ("cells", "broken")]:
        del sys.modules[module]


def test_the_pages_detector_is_listed_and_trained(install):
    found = re.findall(r"`([^`\s]+)`:\n\n```\w+\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    files = dict(found)
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    install(project["name"], files, project["entry-points"]["mdfnet.detectors"])
    answer = CliRunner().invoke(app, ["models", "cells", "--json"], catch_exceptions=False)
    row = json.loads(answer.stdout)
    assert (row["strides"], row["map_sites"], row["installed"]) == ([16], ["maps"], True)
    assert {"key": "detector.width", "default": 32, "meaning": "channels of the feature map"} in row["settings"]

    torch.manual_seed(0)
    model = mdfnet.build("tiny", **{"detector.name": "cells", "width": 16, "size": 64}).train()
    images, record = [torch.rand(1, 64, 64), torch.rand(1, 50, 64)], torch.rand(2, 10)
    targets = [{"boxes": torch.tensor([[8.0, 8, 40, 36]]), "labels": torch.tensor([3])},
               {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}]  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    losses = []
    for _ in range(100):
        losses.append(sum(model.losses(images, targets, record).values()))
        optimizer.zero_grad()
        losses[-1].backward()
        assert [key for key, value in model.named_parameters() if value.grad is None] == []
        optimizer.step()
    assert losses[-1] < losses[0] / 2
    best = model.detect(images, record)[0]
    assert best.labels[0] == 3 and (best.scores.diff() <= 0).all()


@pytest.mark.parametrize(
    ("text", "point", "words"),
    [
        pytest.param("1 / 0", "broken:ENTRY", "cannot load detector 'own': ZeroDivisionError", id="raises when read"),
        pytest.param("", "broken:ENTRY", "cannot load detector 'own': AttributeError", id="names what is not there"),
        pytest.param("ENTRY = 3", "broken:ENTRY", "int, not a mdfnet.models.detectors.registry.Entry", id="no entry"),
        pytest.param("from mdfnet.models.detectors.registry import OWN\nENTRY = OWN[0]", "broken:ENTRY",
                     "detector 'rcnn' takes a name in use; give it another name, or uninstall broken", id="taken"),
    ],
)  # fmt: skip
def test_a_broken_entry_is_named_with_its_package(install, text, point, words):
    install("broken", {"broken.py": text}, {"own": point})
    with pytest.raises(mdfnet.UserError, match=re.escape(words)) as error:
        find("rcnn")
    assert str(error.value).startswith("broken (broken:ENTRY): ") and "uninstall broken" in str(error.value)


def test_the_pages_table_is_the_registry():
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| ([\d,]+) \| ([^|]+) \| ?`?(\w*)`? \|$",
                      (DOCS / "reference/detectors.md").read_text(), re.M)  # fmt: skip
    assert [(name, family, license, extra) for name, family, _, license, extra in rows] == [
        (entry.name, entry.family, entry.license, entry.extra or "") for entry in OWN
    ]
    answer = CliRunner().invoke(app, ["models", "--json"], catch_exceptions=False)
    listed = {row["name"]: row["parameters"] for row in json.loads(answer.stdout)["detectors"] if row["installed"]}
    assert listed == {name: int(count.replace(",", "")) for name, _, count, _, _ in rows if name in listed}


def test_the_list_fits_a_hundred_columns_and_names_the_presets():
    answer = CliRunner().invoke(app, ["models"], catch_exceptions=False)
    assert max(map(len, answer.stdout.splitlines())) <= 100
    assert "paper-mdfnet" in answer.stdout and all(entry.name in answer.stdout for entry in OWN)
    missing = CliRunner().invoke(app, ["models", "retinane"])
    assert "did you mean 'retinanet'" in str(missing.exception)
