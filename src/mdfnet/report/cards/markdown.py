"""Markdown and the YAML above it, as Hugging Face's hub reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from mdfnet.core.errors import UserError
from mdfnet.core.files import read_text, write_text

#: A file with this line is written anew; one without it is the user's.
MARK = "<!-- Written by mdfnet card, which writes it anew. Remove this line to keep what you change. -->"

NOTICE = "> **Research use only. Not a medical device.** Not for diagnosis, treatment or any decision about a patient."

#: Licenses that the hub knows by name, of those that data sets often have.
_KNOWN_LICENSES = {"apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"}


def page(header: Mapping[str, Any], parts: Iterable[str]) -> str:
    """A card: the header as YAML, the mark, and the parts."""
    front = yaml.safe_dump(dict(header), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{front}---\n\n" + "\n\n".join([MARK, *parts]) + "\n"


def render(template: str, **content: Any) -> str:
    """The body of a card, from a file of ``templates/``; paragraphs are one blank line apart."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mdfnet.report.cards"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = text
    environment.globals |= {"table": table, "notice": NOTICE}
    return re.sub(r"\n{3,}", "\n\n", environment.get_template(template).render(content)).strip()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; what would break its cells is escaped.

    Examples:
        >>> print(table(["finding", "AP"], [["a|b", 0.5]]))
        | finding | AP |
        |---|---|
        | a\\|b | 0.5 |
    """
    lines = ["| " + " | ".join(map(text, row)) + " |" for row in (columns, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(columns), *lines[1:]])


def text(value: object) -> str:
    """One line of text that is nothing but text in Markdown tables and in HTML.

    Examples:
        >>> text("a|b <i>")
        'a\\\\|b &lt;i>'
    """
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def license_header(terms: str) -> dict[str, str]:
    """The header's keys for a license; one that the hub does not know is "other", with its name.

    Examples:
        >>> license_header("CC0-1.0"), license_header("")
        ({'license': 'cc0-1.0'}, {'license': 'other', 'license_name': 'not-stated'})
    """
    known = terms.strip().lower()
    if known in _KNOWN_LICENSES:
        return {"license": known}
    return {"license": "other", "license_name": "-".join(known.split())[:60] or "not-stated"}


def write(path: Path, content: str) -> Path:
    """Write a card in one step, unless there is one that a person has taken over.

    Raises:
        UserError: There is, or it cannot be written.
    """
    if path.exists() and MARK not in read_text(path):
        fix = "name another folder with --out, or remove the file"
        raise UserError("the file is not one that this command wrote, so it is left as it is", where=path, fix=fix)
    write_text(path, content)
    return path
