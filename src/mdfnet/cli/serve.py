"""``mdfnet serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import Threads, use_threads


def serve(
    model: Annotated[str, typer.Argument(help="A run's or a model's folder, or 'demo' for the shipped one.")],
    host: Annotated[str, typer.Option("--host", help="Address to listen on; beyond loopback it needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 8000,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="File with a token a line, a name before it if wanted.")
    ] = None,
    films: Annotated[Path | None, typer.Option("--films", help="Folder of films for the viewer's worklist.")] = None,
    key_file: Annotated[Path | None, typer.Option("--key-file", help="File with the key of hashes.")] = None,
    threads: Threads = None,
):
    """Answer over HTTP: films and records in, boxes out; the viewer is the same server's page.

    Example: mdfnet serve demo --films films
    """
    use_threads(threads)
    from mdfnet.serve.server import run_server
    from mdfnet.serve.settings import Settings
    from mdfnet.serve.tokens import Tokens

    settings = Settings(films=films)
    run_server(model, settings, Tokens.load(token_file), host=host, port=port, key_file=key_file, say=typer.echo)
