"""``mdfnet data build``: datasets from the tables of published collections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from mdfnet.cli.former_options import Verbs
from mdfnet.cli.option_sets import with_options
from mdfnet.cli.options import KeepIds, KeyFile, Threads, extra, pairs, shares
from mdfnet.core.files import check_folder_can_be_made
from mdfnet.data.mimic.rules import AS_PAPER, Rules

app = typer.Typer(
    cls=Verbs, no_args_is_help=True, help="Make a dataset folder from the tables of a published collection."
)

#: Heading of ``--help`` -> rule -> what it says of the option; name, values and default are those of `Rules`.
RULES = {
    "Image to stay": {
        "stay": "Which stay an image belongs to.",
        "before": "Hours an image may precede a stay.",
        "after": "Hours an image may follow a stay.",
        "open_stay": "Hours that a stay without an end lasts at most.",
        "study_time": "How StudyTime is read: with its leading zeros, or without.",
        "unmatched": "Keep images without a stay, vital signs missing.",
    },
    "Clinical values": {
        "vitals": "Last values at or before the image, or triage alone.",
        "within": "Hours before the image that a value may date back.",
        "values": "Clinical values checked and converted, or as they are.",
        "missing": "Missing numbers stay missing, or become the mean.",
    },
    "Readings": {
        "discarded": "Keep readings whose eye tracking was discarded.",
        "readers": "What several readings become.",
        "overlap": "IoU from which two readers mean the same.",
        "findings": "The paper's five findings, or all labels drawn.",
        "synonyms": "LABEL=OTHER to take it for; repeatable.",
        "ellipse_labels": "A box for each label of an ellipse, or for the first.",
        "certainty": "Least certainty of an ellipse, 1 to 5.",
    },
    "Splits": {
        "split": "By patient, MIMIC's own, or by row.",
        "fractions": "SPLIT=SHARE; repeatable.",
        "folds": "Folds of a cross-validation.",
        "fold": "The fold to test on, from 0.",
        "seed": "Seed of the split.",
    },
}
FILES = "Images and names"

#: Rules that are mappings: options to repeat, NAME=VALUE each.
REPEATED = {"synonyms": "--synonym", "fractions": "--fraction"}


def _rule_options() -> Iterator[Parameter]:
    hints, safe = get_type_hints(Rules), Rules()
    for panel, rules in RULES.items():
        for name, text in rules.items():
            option = REPEATED.get(name, "--" + name.replace("_", "-"))
            kind, default = (list[str], []) if name in REPEATED else (hints[name], getattr(safe, name))
            about = typer.Option(option, rich_help_panel=panel, help=text)
            yield Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, about])


@app.callback()
def _build() -> None:
    """Make a dataset folder from the tables of a published collection."""


@app.command()
@with_options([*_rule_options()])
def mimic(
    context: typer.Context,
    folders: Annotated[
        list[Path], typer.Argument(help="Folders with MIMIC-CXR-JPG, MIMIC-IV, MIMIC-IV-ED and REFLACX, or MIMIC-Eye.")
    ],
    out: Annotated[Path, typer.Option(help="Dataset folder to make.")],
    as_paper: Annotated[
        bool, typer.Option("--as-paper", help="The paper's rules; those given beside it hold.")
    ] = False,
    images: Annotated[
        Path | None, typer.Option(rich_help_panel=FILES, help="Folder of the images, if not the tables'.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=32, rich_help_panel=FILES, help="Longer side of the images, pixels.")
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", rich_help_panel=FILES, help="Hard links to the images instead of copies.")
    ] = False,
    keep_ids: KeepIds = False,
    key_file: KeyFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the flow chart, write nothing.")] = False,
    threads: Threads = None,
    **given: Any,
) -> None:
    """Build the multimodal dataset of images, boxes and vital signs from MIMIC and REFLACX.

    Example: mdfnet data build mimic physionet.org/files --size 1024 --out data/mimic
    """
    from mdfnet.cli.flow import print_provenance, print_written
    from mdfnet.core.pseudonyms import Kept

    with extra("mimic"):
        from mdfnet.data.mimic.build import ImageOptions, build_mimic, plan

    rules = _rules(context, as_paper, given)
    placed = ImageOptions(images, size, link)
    if dry_run:
        planned = plan(folders, rules, Kept, placed, threads=threads, log=typer.echo)
        return print_provenance(planned.dataset.provenance)
    check_folder_can_be_made(out)
    names = Kept() if keep_ids else key_file
    try:
        dataset = build_mimic(folders, out, rules, names, placed, threads=threads, log=typer.echo)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on with the images that are placed", err=True)
        raise
    print_provenance(dataset.provenance)
    print_written(dataset, out)


def _rules(context: typer.Context, as_paper: bool, given: dict[str, Any]) -> Rules:
    """The rules of the command line; beside ``--as-paper`` only those that were given."""
    values = given | {
        "synonyms": pairs(given["synonyms"], "--synonym"),
        "fractions": shares(given["fractions"]),
    }
    sources = {rule.name: context.get_parameter_source(rule.name) for rule in fields(Rules)}
    typed = {name: values[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    return replace(AS_PAPER if as_paper else Rules(), **typed)
