"""``mdfnet models`` and ``mdfnet config``: which detectors there are, and all that can be set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mdfnet.cli.console import terminal
from mdfnet.cli.options import Overrides
from mdfnet.models.detectors.registry import Entry, entries, find
from mdfnet.models.detectors.sizes import CLASSES, Size, sizes

if TYPE_CHECKING:
    from mdfnet.models.detectors.facts import Facts

#: Where there is no terminal, no squeezing to 80 columns.
WIDTH = 100


def models(
    name: Annotated[str | None, typer.Argument(help="A detector, to see its settings and fusion sites.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List all detectors and presets; or one detector's settings, and where fusion attaches.

    Example: mdfnet models retinanet
    """
    if name is not None:
        _print_one(find(name), as_json)
        return
    from mdfnet.models.config import load_config, presets

    rows = [_row(entry, sizes().get(entry.name) or _facts(entry)) for entry in entries().values()]
    uses = {name: load_config(name).detector.name for name in presets()}
    if as_json:
        typer.echo(json.dumps({"detectors": rows, "presets": uses}, indent=2))
    else:
        _print_all(rows, uses)


def config(
    preset: Annotated[str, typer.Argument(help="Preset name or YAML file.")] = "default",
    overrides: Overrides = None,
) -> None:
    """Print a whole config as YAML, to read or to start your own from.

    Example: mdfnet config default epochs=10 > mine.yaml
    """
    from mdfnet.models.config import load_config

    typer.echo(load_config(preset, overrides or []).to_yaml(), nl=False)


def _facts(entry: Entry) -> Facts | None:
    """What is found out by making the detector; None where its library is missing."""
    from mdfnet.models.detectors.facts import facts

    return facts(entry) if entry.installed else None


def _row(entry: Entry, found: Size | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "family": entry.family,
        "parameters": found and found.parameters,
        "strides": found and found.strides,
        "library": entry.library,
        "license": entry.license,
        "installed": entry.installed,
        "install": None if entry.installed else entry.install,
        "source": entry.source,
    }


def _print_all(rows: list[dict[str, Any]], uses: dict[str, str]) -> None:
    console = terminal(WIDTH)
    table = Table("detector", "family", box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("million", justify="right")
    for heading in ("strides", "license", "library"):
        table.add_column(heading)
    for row in rows:
        size = f"{row['parameters'] / 1e6:.1f}" if row["parameters"] else "–"
        library = row["library"] if row["installed"] else "not installed"
        cells = (row["name"], row["family"], size, _span(row["strides"]), row["license"], library)
        table.add_row(*map(escape, cells))
    console.print(table)
    for command in sorted({row["install"] for row in rows if row["install"]}):
        missing = [row["name"] for row in rows if row["install"] == command]
        console.print(f"{', '.join(missing)}: {command}", highlight=False, markup=False)
    console.print(f"Millions of parameters with {CLASSES} classes, without fusion; strides of the maps in pixels.")
    console.print("Presets: " + ", ".join(f"{name} ({detector})" for name, detector in uses.items()), highlight=False)
    console.print("Choose one: mdfnet train DATASET detector.name=NAME. Its settings: mdfnet models NAME")


def _print_one(entry: Entry, as_json: bool) -> None:
    found = _facts(entry)
    row, settings, sites = _row(entry, found), _settings(entry), _sites(found)
    if as_json:
        typer.echo(json.dumps({**row, "settings": settings, **sites}, indent=2))
        return
    console = terminal(WIDTH)
    console.print(f"[bold]{escape(entry.name)}[/]: {escape(entry.family)}, {escape(entry.source)}", highlight=False)
    console.print(f"{entry.library}, {entry.license}", highlight=False)
    if row["parameters"]:
        console.print(f"{row['parameters']:,} parameters, strides {_list(row['strides'])}", highlight=False)
    else:
        console.print(f"not installed: {row['install']}", markup=False)
    for kind, names in sites.items():
        console.print(f"{kind.replace('_', ' ')}: {', '.join(names)}", highlight=False, markup=False)
    table = Table("setting", "default", "meaning", box=None, padding=(0, 1, 0, 0), header_style="bold")
    for setting in settings:
        table.add_row(*map(escape, (setting["key"], json.dumps(setting["default"]), setting["meaning"])))
    console.print(table)


def _settings(entry: Entry) -> list[dict[str, Any]]:
    """All keys of a detector's settings with default and meaning; the name is not one to set."""
    defaults = entry.settings(name=entry.name).model_dump(mode="json")
    return [
        {"key": f"detector.{key}", "default": defaults[key], "meaning": field.description or ""}
        for key, field in entry.settings.model_fields.items()
        if key != "name"
    ]


def _sites(found: Facts | None) -> dict[str, list[str]]:
    if found is None:
        return {}
    return {
        "map_sites": [site.module for site in found.map_sites],
        "vector_sites": [site.module for site in found.vector_sites],
    }


def _span(strides: tuple[int, ...] | None) -> str:
    if not strides or len(strides) < 4:
        return _list(strides)
    return f"{strides[0]} to {strides[-1]}"


def _list(strides: tuple[int, ...] | None) -> str:
    return ", ".join(map(str, strides)) if strides else "–"
