"""The command line: ``mdfnet VERB``. Every verb imports what it needs only when it runs."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer

from mdfnet.cli import cards, data, experiments, explain, models, predict, runs
from mdfnet.cli import node as pacs
from mdfnet.cli import serve as server
from mdfnet.cli.former_options import Verbs
from mdfnet.core.errors import UserError

#: Typer's exit code for Ctrl-C.
INTERRUPTED = 130

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Detect findings on chest X-rays with the image and the patient's clinical data. "
    "Research use only, not a medical device.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mdfnet {metadata.version('mdfnet')}")
        raise typer.Exit


@app.callback()
def _mdfnet(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command()(runs.demo)
app.add_typer(data.app, name="data")
app.command()(runs.train)
app.command()(runs.evaluate)
app.command()(runs.compare)
app.command()(runs.report)
app.command()(cards.card)
app.command()(runs.calibrate)
app.add_typer(experiments.app, name="experiment")
app.command()(predict.predict)
app.command()(explain.explain)
app.command()(models.config)
app.command()(models.models)
app.command()(server.serve)
app.command()(pacs.node)


def main() -> None:
    """Run the command line; a mistake of the user's is one line and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("interrupted; what was complete is kept", file=sys.stderr)
        raise
