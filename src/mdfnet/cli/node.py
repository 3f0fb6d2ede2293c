"""``mdfnet node``."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import Threads, extra, use_threads


def node(
    config: Annotated[Path, typer.Option(help="YAML file: model, source of images, records, target.")],
    once: Annotated[bool, typer.Option("--once", help="Look once, report on what is there, and end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing and keep no journal.")] = False,
    threads: Threads = None,
) -> None:
    """Send a PACS structured reports on its new frontal chest X-rays, exactly once each.

    Example: mdfnet node --config node.yaml --once --dry-run
    """
    with extra("dicom"):
        from mdfnet.services.pacs.settings import load_node
    from mdfnet.models.card import find_model, read_card

    settings = load_node(config)
    read_card(find_model(settings.model))  # what is wrong with it is said before torch is imported
    use_threads(threads)
    with extra("dicom"):
        from mdfnet.services.pacs.node import Node
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("mdfnet").setLevel(logging.INFO)
    running = Node.of(settings, dry_run=dry_run)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    waiting = running.run(once=once or dry_run)
    if once and waiting:
        raise typer.Exit(1)
