"""The documentation tells the truth: its blocks run, its links lead somewhere, its tables are complete.

Run are, page by page in one folder and in order: ``python`` blocks, in one namespace, and ``console`` lines that start
with ``$ mdfnet``. A ``csv``, ``json`` or ``yaml`` block below a line that ends in ``` `NAME`: ``` is written to NAME
first. ``bash`` blocks are not run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from archived_images import archived
from PIL import Image
from random_mimic import random_release
from typer.main import get_command
from typer.testing import CliRunner

import mdfnet
from mdfnet import Schema
from mdfnet.cli import app
from mdfnet.data.checks import KINDS
from mdfnet.evaluation import score as scoring
from mdfnet.experiments.plan import Arm, Phantoms, Plan, protocols
from mdfnet.models.config import Config, keys, presets

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

#: Measurements, made by hand on purpose: their commands take long.
RESULTS = DOCS / "results.md"

#: What a page takes for granted.
GIVEN = {
    "README.md": ["images"],
    "docs/how-to/own-data.md": ["images"],
    "docs/how-to/check.md": ["data"],
    "docs/how-to/dicom.md": ["pacs"],
    "docs/how-to/dicom-out.md": ["pacs"],
    "docs/how-to/hospital-records.md": ["pacs"],
    "docs/how-to/other-formats.md": ["data"],
    "docs/how-to/train.md": ["data"],
    "docs/how-to/evaluate.md": ["data", "runs"],
    "docs/how-to/experiments.md": ["data"],
    "docs/how-to/report.md": ["data", "runs"],
    "docs/how-to/predict.md": ["images", "runs"],
    "docs/how-to/explain.md": ["data", "images", "runs"],
    "docs/reference/dataset-folder.md": ["data"],
    "docs/reference/model-folder.md": ["data", "runs"],
    "docs/reference/python-api.md": ["data"],
}

#: What makes a command quick; the last value given holds.
QUICK = {
    "train": ["epochs=1", "size=64", "batch_size=8", "weights=null"],
    "experiment report": ["--replicates", "20"],
    "experiment ablation": ["epochs=1", "size=64", "batch_size=8", "seeds=1"],
    "data phantom": ["--count", "16", "--size", "64"],
    "explain": ["--orders", "2"],
}
NOT_RUN = ("make", "source")


class Block(NamedTuple):
    """A fenced block: its language, its text, its first line in the page, and the file it is to be written to."""

    language: str
    text: str
    line: int
    file: str | None


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
        before = text[: found.start()]
        file = re.search(r"`([^`\s]+)`:\n\n\Z", before) if found[1] in ("csv", "json", "yaml") else None
        yield Block(found[1], found[2], before.count("\n") + 1, file and file[1])


def mdfnet_command(line: str) -> str:
    """Run one command line in this process and give back what it printed."""
    words = shlex.split(os.path.expandvars(line))[1:]
    words, target = (words[:-2], words[-1]) if ">" in words else (words, None)
    quick = next((more for verb, more in QUICK.items() if words[: len(verb.split())] == verb.split()), [])
    result = CliRunner().invoke(app, [*words, *quick], catch_exceptions=False)
    assert result.exit_code == 0, f"{line}\n{result.output}"
    if target:
        Path(target).write_text(result.stdout, encoding="utf-8")
    return result.output


def run_page(page: Path) -> None:
    namespace: dict = {"__name__": "__page__"}
    for block in blocks(page):
        if block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            code = "\n" * block.line + block.text  # so that a traceback shows the page's own lines
            exec(compile(code, page, "exec"), namespace)
        elif block.language == "console":
            for line in re.findall(r"^\$ (.*)$", block.text.replace("\\\n", " "), re.M):
                assert line.startswith(("mdfnet ", *NOT_RUN)), f"not known how to run: {line}"
                if line.startswith("mdfnet "):
                    mdfnet_command(line)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, image) -> Path:
    """Folders ``images``, ``pacs``, ``data/phantom`` and ``runs`` that pages take for granted."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "images").mkdir()
    (folder / "pacs/ward-a").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(1, 9):
        Image.fromarray(random.integers(0, 256, (512, 512), np.uint8)).save(folder / f"images/image-{number}.png")
    for name in ("image-1", "ward-a/image-2"):
        image(folder / f"pacs/{name}.dcm", random.integers(0, 4096, (512, 512)).astype(np.uint16), **archived())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mdfnet_command("mdfnet data phantom --out data/phantom")
        mdfnet_command("mdfnet train data/phantom --config tiny --out runs/fused")
        mdfnet_command("mdfnet train data/phantom --config tiny map=null vector=null --out runs/image-only")
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if page != RESULTS and any(blocks(page))], ids=name_of)
def test_blocks_run(page, workspace, tmp_path, monkeypatch, request):
    if page.stem == "nih":
        monkeypatch.setenv("NIH", str(request.getfixturevalue("shared_data") / "nih_cxr"))
    if page.stem == "mimic":
        random_release()[0].write(tmp_path / "physionet.org/files")
    for name in GIVEN.get(name_of(page), []):
        shutil.copytree(workspace / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scoring, "REPLICATES", 20)
    run_page(page)


def headings(page: Path) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_lead_somewhere(page):
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_in_the_index():
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#\s]+\.md)", (DOCS / "README.md").read_text())}
    assert linked == set(PAGES) - {ROOT / "README.md", DOCS / "README.md"} | {RESULTS}


def first_two_columns(page: Path) -> dict[str, str]:
    """Rows of all tables whose first two cells are code."""
    return dict(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", page.read_text(encoding="utf-8"), re.M))


def test_config_keys_and_defaults():
    config = Config().model_dump(mode="json")

    def default(key: str) -> str:
        part, _, leaf = key.rpartition(".")
        value = config[part][leaf] if part else config[leaf]
        return yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("\n...")

    assert first_two_columns(DOCS / "reference/config.md") == {key: default(key) for key in keys()}


def test_experiment_keys():
    text = (DOCS / "reference/experiments.md").read_text()
    for heading, part in (("The plan", Plan), ("An arm", Arm), ("Synthetic data", Phantoms)):
        table = text.partition(f"## {heading}")[2].partition("\n## ")[0]
        cells = re.findall(r"^\| (`\w.*?) \|", table, re.M)
        assert re.findall(r"`(\w+)`", " ".join(cells)) == list(part.model_fields)


def test_protocols():
    rows = re.findall(r"^\| `([\w-]+)` \| (?!`)", (DOCS / "how-to/experiments.md").read_text(), re.M)
    assert sorted(rows) == protocols()


def test_presets():
    text = (DOCS / "reference/config.md").read_text()
    table = text.partition("## Presets")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `([^`]+)`", table, re.M)) == presets()


def verbs(command, name: str = "mdfnet") -> Iterator[tuple[str, set[str]]]:
    """Every verb of the program with its long options."""
    for word, child in getattr(command, "commands", {}).items():
        yield from verbs(child, f"{name} {word}")
    if not hasattr(command, "commands"):
        yield name, {max(option.opts, key=len) for option in command.params if option.opts[0].startswith("-")}


@pytest.mark.parametrize(("verb", "options"), list(verbs(get_command(app))))
def test_verbs_and_options(verb, options):
    parts = re.split(r"^##+ (.*)$", (DOCS / "reference/command-line.md").read_text(), flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    text = sections[verb]
    if verb.startswith("mdfnet data import "):  # "the same"
        text += sections["mdfnet data import csv"]
    assert {option for option in options if f"`{option}`" not in text} == set()


@pytest.mark.parametrize("name", Schema.shipped())
def test_clinical_schemas(name):
    rows = (DOCS / "reference/clinical-schema.md").read_text().partition(f"## {name}")[2].splitlines()
    for feature in Schema.load(name).features:
        is_number = feature.kind == "number"
        unit = feature.unit if is_number else ", ".join(feature.categories)
        span = f"{feature.low:g} to {feature.high:g}" if is_number else ""
        cells = [feature.name, unit, span, feature.loinc or "", feature.meaning]
        assert "| " + " | ".join(cells).replace("|  |", "| |").replace("|  |", "| |") + " |" in rows


def test_kinds_of_findings():
    text = (DOCS / "reference/dataset-folder.md").read_text().partition("## What the check reports")[2]
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.*) \| (.*) \|$", text, re.M)
    assert rows == [(kind.id, kind.severity, kind.meaning, kind.fix) for kind in KINDS.values()]
    assert f"[{len(KINDS)} kinds of such" in (DOCS / "how-to/check.md").read_text()


def test_public_names():
    table = (DOCS / "reference/python-api.md").read_text().partition("## Conventions")[0]
    assert set(re.findall(r"`(\w+)(?:\([^`]*\))?`", table)) - {"None"} >= set(mdfnet.__all__)


def test_citation():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    paper = citation["preferred-citation"]
    assert citation["version"] == version("mdfnet") and citation["license"] == "Apache-2.0"
    readme = " ".join((ROOT / "README.md").read_text().replace("\n>", " ").split())
    assert paper["doi"] in readme and paper["title"] in readme
    assert all(author["family-names"] in readme for author in paper["authors"])
