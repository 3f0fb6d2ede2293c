"""Starts a server: what may be wrong is said before it listens."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable
from pathlib import Path

import uvicorn

from mdfnet import checkpoint
from mdfnet.errors import UserError
from mdfnet.inference import on_best_device
from mdfnet.privacy import Pseudonyms
from mdfnet.scoring import find_model
from mdfnet.serve.app import make_app
from mdfnet.serve.guard import LOOPBACK, Guard
from mdfnet.serve.service import Service
from mdfnet.serve.settings import Settings
from mdfnet.serve.tokens import TOKEN_VARIABLE, Tokens
from mdfnet.serve.worklist import Folder


def prepare(model: str | Path, settings: Settings, tokens: Tokens, key_file: Path | None = None) -> Guard:
    """The application, with its model loaded and not yet run.

    Raises:
        UserError: The model, the worklist's folder or the key is not as it should be.
    """
    path = find_model(model)
    network = on_best_device(checkpoint.load(path))
    service = Service(network, checkpoint.read_card(path), settings, Pseudonyms.load(key_file))
    return make_app(service, tokens, Folder(settings.films, network.schema))


def run_server(
    model: str | Path,
    settings: Settings,
    tokens: Tokens,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    key_file: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until interrupted.

    Raises:
        UserError: See `prepare`; also an address beyond loopback without a token, or one that is taken.
    """
    if host not in LOOPBACK and not len(tokens):
        fix = f"give --token-file or the variable {TOKEN_VARIABLE}, or listen on 127.0.0.1"
        raise UserError("without a token the server listens on loopback only", where=f"--host {host}", fix=fix)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what is in memory does not get on a disk by a crash
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app = prepare(model, settings, tokens, key_file)
    say(f"http://{host}:{port} answers once it is warm. {checkpoint.NOTICE}")
    config = uvicorn.Config(
        app, host, port, access_log=False, server_header=False, date_header=False, ws="none", log_level="warning"
    )
    uvicorn.Server(config).run()
