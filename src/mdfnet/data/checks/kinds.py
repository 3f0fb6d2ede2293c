"""Every kind of finding: how severe it is, what it means, what to do. They are in ``kinds.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Literal

import yaml

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding."""

    id: str  #: Stable across versions, such as ``box-degenerate``
    severity: Severity  #: "error" (the folder cannot be used), "warning" (results may mislead), "note"
    family: str  #: What it is about, one of `FAMILIES`
    meaning: str  #: What it means, for people
    fix: str  #: What to do about it in general; a single finding may know better


def _read() -> dict[str, FindingKind]:
    text = (resources.files("mdfnet.data.checks") / "kinds.yaml").read_text(encoding="utf-8")
    kinds = {}
    for family, entries in yaml.safe_load(text).items():
        for identifier, entry in entries.items():
            severity = next(severity for severity in SEVERITIES if severity in entry)
            kinds[identifier] = FindingKind(identifier, severity, family, entry[severity], entry["fix"])
    return kinds


#: Every kind by id.
KINDS = _read()

#: What findings are about: files, images, boxes, classes, splits, clinical, shortcuts.
FAMILIES = tuple(dict.fromkeys(kind.family for kind in KINDS.values()))
