"""A server in a process of its own, and a client that is light enough to load it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


class Server:
    """A running ``mdfnet serve``.

    Args:
        process: It.
        port: Where it listens on loopback.
        log: What it says.
    """

    def __init__(self, process: subprocess.Popen, port: int, log: Path):
        self.process, self.port, self.log = process, port, log

    @property
    def url(self) -> str:
        """Of its root."""
        return f"http://localhost:{self.port}"

    def processes(self) -> list[int]:
        """Its own id and those of its decoders."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        every = [Path(f"/proc/{self.process.pid}/task/{task}/children") for task in os.listdir(children.parents[1])]
        return [self.process.pid, *(int(child) for file in every for child in file.read_text().split())]

    def memory(self) -> list[float]:
        """Resident megabytes of each of them."""
        pages = (int(Path(f"/proc/{number}/statm").read_text().split()[1]) for number in self.processes())
        return [page * os.sysconf("SC_PAGESIZE") / 1e6 for page in pages]

    def seconds(self) -> list[float]:
        """Processor time of each of them."""
        stats = (Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split() for number in self.processes())
        return [(int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") for stat in stats]

    def get(self, path: str) -> str:
        """Text of a page that needs no token."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def steps(self) -> dict[str, tuple[float, float]]:
        """Of each step how often and for how many seconds it ran."""
        values = dict(line.rsplit(" ", 1) for line in self.get("/metrics").splitlines() if not line.startswith("#"))
        names = [key.split('"')[1] for key in values if key.startswith("mdfnet_step_seconds_count")]
        return {
            name: tuple(float(values[f'mdfnet_step_seconds_{what}{{step="{name}"}}']) for what in ("count", "sum"))
            for name in names
        }


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as open_ones:
        free = [open_ones.enter_context(socket.socket()) for _ in range(count)]
        for one in free:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in free]


@contextmanager
def running(folder: Path, *options: str, model: str = "demo", **variables: str) -> Iterator[Server]:
    """Start a server, and end it; it is ready when the block begins.

    Args:
        folder: Where its log is written.
        options: Of ``mdfnet serve``.
        model: Its model.
        variables: Of its environment.
    """
    (port,) = free_ports(1)
    log = folder / f"serve-{port}.log"
    environment = {"MDFNET_KEY": "a key for tests, which is no secret at all", **os.environ, **variables}
    command = [sys.executable, "-m", "mdfnet", "serve", model, "--port", str(port), *options]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    server = Server(process, port, log)
    try:
        _wait(server)
        yield server
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    """Ask a process to end, and end it when it does not: nothing that a test starts outlives it."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _wait(server: Server) -> None:
    end = time.monotonic() + 120
    while True:
        assert server.process.poll() is None and time.monotonic() < end, server.log.read_text()
        try:
            return bool(json.loads(server.get("/readyz")))
        except OSError:
            time.sleep(0.1)


def post(path: str, body: bytes, kind: str, headers: str = "") -> bytes:
    """A request, ready to be sent as often as wanted."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{headers}\r\n".encode() + body


def form(image: bytes, **parts: str) -> tuple[bytes, str]:
    """A form with an image, and its media type."""
    mark = b"-5c1f0e"
    texts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (mark, name.encode(), text.encode())
        for name, text in parts.items()
    ]
    head = b'--%b\r\nContent-Disposition: form-data; name="image"; filename="image"\r\n\r\n' % mark
    return b"".join([*texts, head, image, b"\r\n--%b--\r\n" % mark]), f"multipart/form-data; boundary={mark.decode()}"


class Connection:
    """One client that keeps its connection as long as the server does."""

    def __init__(self, port: int):
        self.port, self.streams = port, None

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        reader, writer = self.streams
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        body = await reader.readexactly(length)
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), body

    def close(self) -> None:
        """Hang up."""
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None
