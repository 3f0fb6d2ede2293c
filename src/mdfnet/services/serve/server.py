"""Starts a server: what may be wrong is said before it listens."""

from __future__ import annotations

import logging
import resource
import socket
from collections.abc import Callable
from pathlib import Path

from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import Pseudonyms
from mdfnet.models.card import NOTICE, find_model, read_card
from mdfnet.services.serve.audit import Audit
from mdfnet.services.serve.guard import LOOPBACK, Guard
from mdfnet.services.serve.settings import Settings
from mdfnet.services.serve.tokens import TOKEN_VARIABLE, Tokens
from mdfnet.services.serve.worklist import Folder


def prepare(
    model: str | Path, settings: Settings, tokens: Tokens, *, key_file: Path | None = None, audit: Path | None = None
) -> Guard:
    """The application, with its model loaded and not yet run."""
    path = find_model(model)
    card = read_card(path)
    worklist, names = Folder(settings.images, card.clinical_schema), Pseudonyms.load(key_file)
    log = None if audit is None else Audit(audit)
    from mdfnet.models.inference import on_best_device  # after these checks: they take seconds to import
    from mdfnet.models.load import load
    from mdfnet.services.serve.app import make_app
    from mdfnet.services.serve.service import Service

    return make_app(Service(on_best_device(load(path)), card, settings, names, log), tokens, worklist)


def run_server(
    model: str | Path,
    settings: Settings,
    tokens: Tokens,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    key_file: Path | None = None,
    audit: Path | None = None,
    log: Callable[[str], None] = print,
) -> None:
    """Serve until interrupted; beyond loopback only with a token and an audit log."""
    if host not in LOOPBACK and not len(tokens):
        fix = f"give --token-file or the variable {TOKEN_VARIABLE}, or listen on 127.0.0.1"
        raise UserError("without a token the server listens on loopback only", where=f"--host {host}", fix=fix)
    if host not in LOOPBACK and audit is None:
        what, fix = "a server that others reach keeps an audit log", "name it: --audit FILE"
        raise UserError(what, where=f"--host {host}", fix=fix)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what is in memory does not get on a disk by a crash
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("mdfnet").setLevel(logging.INFO)  # what libraries say can quote what was sent
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    listening = listen(host, port)
    app = prepare(model, settings, tokens, key_file=key_file, audit=audit)
    import uvicorn

    log(f"http://{host}:{port} answers once it is warm. {NOTICE}")
    config = uvicorn.Config(
        app, host, port, access_log=False, server_header=False, date_header=False, ws="none", log_level="warning"
    )
    with listening:
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, with answers sent as they are written."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
        # What is accepted inherits it. asyncio sets it on sockets of its own making alone, and without it every answer
        # waits 40 ms: its body for the client to acknowledge its head.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        what = f"cannot listen: {error.strerror}"
        raise UserError(what, where=f"--host {host} --port {port}", fix="name another port or address") from None
