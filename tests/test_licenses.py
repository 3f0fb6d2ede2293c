"""Run-time dependencies, those of the extras too and theirs in turn, come under permissive licenses."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Words of permissive licenses, in license expressions, classifiers and license fields.
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|BSD|BSD License|[0-3]-Clause|Apache|ISC|PSF|PSF-2\.0|Python Software Foundation|Unlicense|"
    r"HPND|MIT-CMU|CC0-1\.0|0BSD|Zlib|NCSA)\b",
    re.I,
)
#: Words of those that are not.
COPYLEFT = re.compile(r"\b[AL]?GPL|Affero|General Public|SSPL|MPL|Mozilla|Non-?Commercial|BUSL", re.I)

#: Read by hand: weak copyleft, or words that are not in the lists above.
REVIEWED = {
    "certifi": "MPL-2.0: a list of certificates; what uses it keeps its own license",
    "tqdm": "MPL-2.0 AND MIT: a progress bar; what uses it keeps its own license",
    "pycocotools": "FreeBSD, that is BSD-2-Clause; needed by libreyolo",
    # opencv-python says Apache-2.0 of itself; its wheels carry FFmpeg and Qt under LGPL, as libraries of their own.
    # libreyolo alone asks for it; nothing that is used of libreyolo here calls it.
}

#: Of the platform, not of ours: NVIDIA's libraries come with PyTorch's CUDA build, under NVIDIA's own terms.
PLATFORM = ("nvidia-", "cuda-")


def needed() -> dict[str, metadata.Distribution]:
    """All installed distributions that this one needs at run time, by name."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = [texts for extra, texts in project["optional-dependencies"].items() if extra not in ("dev", "clinic")]
    waiting = [(text, "") for texts in (project["dependencies"], *extras) for text in texts]
    found: dict[str, metadata.Distribution] = {}
    seen = set()
    while waiting:
        text, extra = waiting.pop()
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed
        for wanted in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, wanted))
            waiting += [(inner, wanted) for inner in found[name].requires or []]
    return found


def license_of(distribution: metadata.Distribution) -> str:
    """What a distribution's metadata say: the expression, else the classifiers, else the first lines of the field."""
    about = distribution.metadata
    classifiers = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    classifiers = [c for c in classifiers if c != "OSI Approved"]
    return about.get("License-Expression") or ", ".join(classifiers) or (about.get("License") or "")[:200]


def verdict(name: str, text: str) -> str | None:
    """What is wrong with a license, if anything."""
    if COPYLEFT.search(text):
        return f"{name}: {text}"
    return None if PERMISSIVE.search(text) else f"{name}: not known to be permissive: {text!r}"


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        pytest.param("MIT", True, id="an expression"),
        pytest.param("BSD-3-Clause AND MIT", True, id="two permissive ones"),
        pytest.param("Apache Software License", True, id="a classifier"),
        pytest.param("GPL-3.0-or-later", False, id="GPL"),
        pytest.param("GNU Affero General Public License v3", False, id="AGPL in words"),
        pytest.param("MIT AND LGPL-2.1", False, id="one of two is copyleft"),
        pytest.param("", False, id="nothing said"),
        pytest.param("Proprietary", False, id="something else"),
    ],
)
def test_a_license_is_judged_by_its_words(text, fine):
    assert (verdict("some", text) is None) == fine


def test_all_that_runs_is_permissive():
    distributions = needed()
    assert {"torch", "torchvision", "timm", "libreyolo", "opencv-python", "sympy"} <= set(distributions)
    wrong = [
        problem
        for name, distribution in sorted(distributions.items())
        if name not in REVIEWED and not name.startswith(PLATFORM)
        for problem in [verdict(name, license_of(distribution))]
        if problem
    ]
    assert wrong == []


def test_nothing_is_reviewed_in_vain():
    assert set(REVIEWED) <= set(needed())
