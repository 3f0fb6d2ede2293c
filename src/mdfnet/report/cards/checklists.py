"""Checklists of reporting guidelines, filled in as far as a run knows."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml

from mdfnet.report.cards import markdown
from mdfnet.report.cards.answers import TO_FILL_IN, answers
from mdfnet.report.cards.subject import Subject

#: The checklists by the name of their file.
CHECKLISTS = ("claim", "tripod-ai")


def read_checklist(name: str) -> dict[str, Any]:
    """A checklist: ``name``, ``title``, ``source``, and ``sections`` with ``items``: ``item``, ``asks``, ``answer``."""
    path = resources.files("mdfnet.report.cards") / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def checklist(name: str, subject: Subject) -> str:
    """A checklist as Markdown: number, what is asked, and the answer or that the authors must give it."""
    content, known = read_checklist(name), answers(subject)
    items = [item for section in content["sections"] for item in section["items"]]
    filled = sum(item.get("answer") in known for item in items)
    parts = [
        markdown.MARK,
        f"# {content['name']} for {markdown.text(subject.name)}",
        f"{content['title']}. {content['source']}. What is asked is put in our words: read the original, too.",
        markdown.NOTICE,
        f"{filled} of {len(items)} items have an answer from the run. Check each of them: the software knows what it"
        " did, not why, and not what was done before.",
    ]
    for section in content["sections"]:
        rows = [(item["item"], item["asks"], known.get(item.get("answer"), TO_FILL_IN)) for item in section["items"]]
        parts += [f"## {section['name']}", markdown.table(("item", "what is asked", "answer"), rows)]
    return "\n\n".join(parts) + "\n"
