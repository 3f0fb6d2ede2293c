"""Throughput, waiting times and memory of `mdfnet serve` on loopback, and what bounds them.

    python benchmarks/serve.py [--requests 200] [--threads 2] [--side 1024] [--only what-if]

The claims: at overload nothing but 200 and 503; memory stays as it is over 2,000 requests; a what-if on an open image
takes under 150 ms at 512 pixels. Clients run in this process, on the same cores as the server.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from running_server import Connection, Server, form, post, running

import mdfnet

RECORD = json.dumps({"age": 61, "temperature": 38.9, "heartrate": 104, "o2sat": 93})

#: Clients at once.
CLIENTS = (1, 4, 16, 64)


def image(side: int) -> bytes:
    """An image as smooth as real ones, so that it compresses as they do."""
    y, x = np.mgrid[:side, :side] / side
    noise = np.random.default_rng(0).normal(0, 2, (side, side))
    gray = 120 + 90 * np.sin(3 * x) * np.cos(2 * y) + noise
    buffer = io.BytesIO()
    Image.fromarray(gray.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


async def load(port: int, request: bytes, clients: int, count: int) -> tuple[list[float], Counter[int], float]:
    """Seconds of each answer, how often each status came, and seconds in all."""
    times, statuses, left = [], Counter(), iter(range(count))

    async def client() -> None:
        connection = Connection(port)
        for _ in left:
            start = time.perf_counter()
            status, _ = await connection.send(request)
            times.append(time.perf_counter() - start)
            statuses[status] += 1
        connection.close()

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return times, statuses, time.perf_counter() - start


def throughput(server: Server, request: bytes, count: int) -> None:
    """Print a line for each number of clients."""
    print(
        f"{'clients':>8}{'requests/s':>12}{'p50 ms':>9}{'p95 ms':>9}  processor ms per request: server, decoders; model"
    )
    asyncio.run(load(server.port, request, 4, 20))
    for clients in CLIENTS:
        used, model = server.seconds(), server.steps()["detect"][1]
        times, statuses, taken = asyncio.run(load(server.port, request, clients, count))
        assert set(statuses) == {200}, statuses
        spent = [(after - before) / count * 1000 for before, after in zip(used, server.seconds(), strict=True)]
        p50, p95 = np.percentile(times, [50, 95]) * 1000
        model = (server.steps()["detect"][1] - model) / count * 1000
        print(
            f"{clients:>8}{count / taken:>12.1f}{p50:>9.0f}{p95:>9.0f}"
            f"  {spent[0]:.0f}, {sum(spent[1:]):.0f}; {model:.0f} (clock)"
        )


def memory(server: Server, request: bytes, count: int) -> None:
    """Print resident megabytes before, in the middle and after."""
    sizes = [sum(server.memory())]
    for _ in range(4):
        asyncio.run(load(server.port, request, 4, count // 4))
        sizes.append(sum(server.memory()))
    print(f"memory over {count} requests, MB: {', '.join(f'{size:.0f}' for size in sizes)}")


def overload(server: Server, request: bytes, count: int) -> None:
    """Print what 64 clients get of a server that takes 4 requests at once."""
    _, statuses, taken = asyncio.run(load(server.port, request, 64, count))
    print(f"overload: 64 clients, 4 places: {dict(statuses)}, {statuses[200] / taken:.1f} answers/s")
    assert set(statuses) <= {200, 503}, statuses


def what_if(folder: Path, threads: int, count: int) -> None:
    """Print how long a what-if takes on an open image, preset `default` at 512 pixels, untrained."""
    mdfnet.build("default", size=512).save(folder / "model")
    with running(folder, "--threads", str(threads), model=str(folder / "model")) as server:
        asyncio.run(_what_if(server, count))


async def _what_if(server: Server, count: int) -> None:
    connection, opening = Connection(server.port), post("/v1/images", *form(image(2048)))
    start = time.perf_counter()
    opened = json.loads((await connection.send(opening))[1])
    print(f"opening an image of 2048 px: {(time.perf_counter() - start) * 1000:.0f} ms")
    body = json.dumps({"clinical": json.loads(RECORD)}).encode()
    found = json.loads((await connection.send(post(f"/v1/images/{opened['id']}/detect", body, "application/json")))[1])
    boxes = [{"label": one["label"], "box": one["box"]} for one in found["detections"]][:20]
    for boxes_given in ([], boxes):
        times, used = [], sum(server.seconds())
        for number in range(count):
            record = {"age": 61, "temperature": 36 + number % 40 / 10}
            body = json.dumps({"records": [record], "boxes": boxes_given}).encode()
            request = post(f"/v1/images/{opened['id']}/what-if", body, "application/json")
            start = time.perf_counter()
            status, _ = await connection.send(request)
            times.append(time.perf_counter() - start)
            assert status == 200, status
        p50, p95 = np.percentile(times, [50, 95]) * 1000
        spent = (sum(server.seconds()) - used) / count * 1000
        print(f"what-if at 512 px, {len(boxes_given)} boxes scored: p50 {p50:.0f} ms, p95 {p95:.0f} ms, ", end="")
        print(f"processor {spent:.0f} ms")


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--only", choices=["what-if"])
    given = parser.parse_args()
    if given.only:
        with tempfile.TemporaryDirectory() as name:
            return what_if(Path(name), given.threads, 50)
    body, kind = form(image(given.side), clinical=RECORD)
    request = post("/v1/predict", body, kind)
    print(f"an image of {given.side} px, {len(body) / 1000:.0f} kB, demo model, {given.threads} threads")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder, "--threads", str(given.threads), "--queue", "80") as server:
            throughput(server, request, given.requests)
            memory(server, request, 10 * given.requests)
        with running(folder, "--threads", str(given.threads), "--queue", "4") as server:
            overload(server, request, 10 * given.requests)
        what_if(folder, given.threads, 50)


if __name__ == "__main__":
    main()
