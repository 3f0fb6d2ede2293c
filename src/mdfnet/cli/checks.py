"""``mdfnet data check``: what may be wrong with a dataset, on the terminal, as JSON, or as a page with pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mdfnet.core.errors import UserError, nearest

if TYPE_CHECKING:
    from mdfnet.data.checks import Finding


def check(
    folder: Annotated[Path, typer.Argument(help="Dataset folder.")],
    every: Annotated[bool, typer.Option("--all", help="List every finding, not only the first of each kind.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings, too.")] = False,
    ignore: Annotated[list[str], typer.Option(help="Kind of finding to leave out; repeatable.")] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON and nothing else.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures of the images concerned.")] = None,
) -> None:
    """Look for problems in a dataset; exit code 1 when there are errors.

    Example: mdfnet data check data/nih --strict --ignore image-text --html check.html
    """
    from mdfnet.cli.tables import print_findings
    from mdfnet.data.checks import KINDS, check_dataset

    for kind in ignore:
        if kind not in KINDS:
            raise UserError(f"--ignore {kind!r} is no kind of finding", fix=nearest(kind, KINDS))
    found = check_dataset(folder)
    findings = [finding for finding in found if finding.id not in ignore]
    ignored = len(found) - len(findings)
    if html:
        from mdfnet.report.check import write_check_page

        write_check_page(html, folder, findings, ignore)
    if as_json:
        typer.echo(_json(folder, findings, ignored))
    else:
        print_findings(findings, every)
        if ignored:
            typer.echo(f"{ignored} ignored")
        if html:
            typer.echo(f"wrote {html}")
    if any(finding.severity == "error" or (strict and finding.severity == "warning") for finding in findings):
        raise typer.Exit(1)


def _json(folder: Path, findings: Sequence[Finding], ignored: int) -> str:
    counts = {
        f"{name}s": sum(finding.severity == name for finding in findings) for name in ("error", "warning", "note")
    }
    entries = [
        {"id": finding.id, "severity": finding.severity, **{key: value for key, value in asdict(finding).items()}}
        for finding in findings
    ]
    return json.dumps({"folder": str(folder), **counts, "ignored": ignored, "findings": entries}, indent=1)
