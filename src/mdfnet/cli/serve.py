"""``mdfnet serve``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import Threads, use_threads
from mdfnet.core.errors import UserError

ACCESS, LIMITS = "Access", "Limits"


def serve(
    model: Annotated[
        str | None,
        typer.Argument(help="A run's or a model's folder, or 'demo' for the shipped model.", show_default=False),
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of images for the viewer's worklist.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="Time zone of DICOM times, such as Europe/Berlin; for FHIR records.")
    ] = None,
    host: Annotated[
        str, typer.Option(rich_help_panel=ACCESS, help="Address; beyond loopback it needs token and audit log.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, rich_help_panel=ACCESS, help="Port.")] = 8000,
    token_file: Annotated[
        Path | None, typer.Option(rich_help_panel=ACCESS, help="File with a token per line, after a name if wanted.")
    ] = None,
    audit: Annotated[
        Path | None, typer.Option(rich_help_panel=ACCESS, help="Audit log to append to; made if absent.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(rich_help_panel=ACCESS, help="Key of the hashes in the audit log.")
    ] = None,
    verify_audit: Annotated[
        Path | None, typer.Option(rich_help_panel=ACCESS, help="Verify an audit log, and serve nothing.")
    ] = None,
    megabytes: Annotated[int, typer.Option(min=1, rich_help_panel=LIMITS, help="Size of a request, MB.")] = 100,
    seconds: Annotated[float, typer.Option(min=1, rich_help_panel=LIMITS, help="Time of a request.")] = 30,
    queue: Annotated[
        int, typer.Option(min=1, rich_help_panel=LIMITS, help="Requests in progress; the next gets 503.")
    ] = 16,
    image_memory: Annotated[
        int, typer.Option(min=1, rich_help_panel=LIMITS, help="MB for open images; the least recently used go.")
    ] = 1000,
    decoders: Annotated[int, typer.Option(min=1, rich_help_panel=LIMITS, help="Processes that decode images.")] = 2,
    threads: Threads = None,
) -> None:
    """Serve a model over HTTP, images and records in, boxes out; with a viewer in the browser.

    Example: mdfnet serve demo --images images
    """
    if verify_audit is not None:
        from mdfnet.services.serve.audit import verify

        count, last = verify(verify_audit)
        typer.echo(f"{verify_audit}: {count} lines, none changed, removed or put in; last hash {last}")
        return
    if model is None:
        raise UserError("no model is named", fix="give a run's or a model's folder, or 'demo' for the shipped one")
    use_threads(threads)
    with_extra()
    from mdfnet.services.serve.server import run_server
    from mdfnet.services.serve.settings import Settings
    from mdfnet.services.serve.tokens import Tokens

    settings = Settings(
        max_bytes=megabytes * 1_000_000,
        seconds=seconds,
        queue=queue,
        decoders=decoders,
        kept_bytes=image_memory * 1_000_000,
        images=images,
        zone=zone,
    )
    tokens = Tokens.load(token_file)
    run_server(model, settings, tokens, host=host, port=port, key_file=key_file, audit=audit, log=typer.echo)


def with_extra() -> None:
    """Make sure that the extra is installed.

    Raises:
        UserError: It is not.
    """
    for library in ("fastapi", "prometheus_client", "python_multipart", "uvicorn"):
        if find_spec(library) is None:
            raise UserError(f"the server needs {library}", fix="install it: pip install 'mdfnet[serve]'")
