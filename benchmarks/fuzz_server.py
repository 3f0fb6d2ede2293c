"""Mutated uploads to `mdfnet serve`: nothing but 2xx and 4xx, no crash, no growth, each refused quickly.

    python benchmarks/fuzz_server.py [--count 10000] [--seed 0]

Images (DICOM, PNG, JPEG), records and whole forms are cut, repeated, overwritten, and their numbers replaced by extreme
ones; beside them go the hostile images of tests/data/images/test_hostile.py. The time of each is that of the whole
request, on whatever else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib import util
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from running_server import Connection, Server, form, post, running

TESTS = Path(__file__).parents[1] / "tests"
RECORD = json.dumps({"age": 61, "temperature": {"value": 101.3, "unit": "[degF]"}, "gender": "F", "sbp": None})
EXTREME = (b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\x00\x00\x00")


def module(path: Path) -> ModuleType:
    """A test file as a module."""
    spec = util.spec_from_file_location(path.stem, path)
    loaded = util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def seeds(folder: Path) -> dict[str, list[bytes]]:
    """Whole images by kind, in several forms of each."""
    gray = np.random.default_rng(0).integers(0, 256, (64, 48), np.uint8)
    images: dict[str, list[bytes]] = {"png": [], "jpeg": [], "dicom": []}
    for picture, kind in ((gray, "PNG"), (gray.astype(np.uint16) * 256, "PNG"), (gray, "JPEG")):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, kind)
        images[kind.lower()].append(buffer.getvalue())
    write = module(TESTS / "conftest.py").image.__wrapped__()
    windowed = {"WindowCenter": "2000", "WindowWidth": "4000", "RescaleSlope": "1", "RescaleIntercept": "0"}
    for tags in ({}, windowed, {"PhotometricInterpretation": "MONOCHROME1", "ViewPosition": "PA"}):
        images["dicom"].append(write(folder / "image.dcm", **tags).read_bytes())
    return images


def hostile(folder: Path) -> list[bytes]:
    """The images of the test of hostile files."""
    made, write = module(TESTS / "data/images/test_hostile.py"), module(TESTS / "conftest.py").image.__wrapped__()
    images = []
    for case in made.HOSTILE:
        case.values[0](write, folder / "hostile.dcm")
        images.append((folder / "hostile.dcm").read_bytes())
    return images


def mutate(data: bytes, chance: random.Random) -> bytes:
    """One to four mistakes; most near the start, where headers are."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not changed:
            break
        place = min(len(changed) - 1, int(chance.expovariate(8 / len(changed))))
        kind = chance.randrange(6)
        if kind == 0:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[place : place + 4] = chance.choice(EXTREME)
        elif kind == 2:
            del changed[place : place + chance.randint(1, 64)]
        elif kind == 3:
            changed[place:place] = changed[place : place + chance.randint(1, 64)]
        elif kind == 4:
            changed[place : place + 8] = chance.randbytes(8)
        else:
            del changed[max(1, place) :]
    return bytes(changed)


def mutated(images: dict[str, list[bytes]], chance: random.Random) -> tuple[str, bytes]:
    """What was mutated, and the request."""
    kind = chance.choice(["png", "jpeg", "dicom", "dicom", "json", "form"])
    image = chance.choice(images.get(kind, images["png"]))
    path = chance.choice(["/v1/predict", "/v1/images"])
    if kind == "json":
        text = mutate(RECORD.encode(), chance).decode("latin-1")
        body, media = form(image, clinical=text)
    elif kind == "form":
        body, media = form(image, clinical=RECORD)
        body = mutate(body, chance)
    else:
        body, media = form(mutate(image, chance))
    return kind, post(path, body, media)


async def fuzz(
    server: Server, count: int, make: Callable[[int], tuple[str, bytes]]
) -> tuple[dict[str, Counter[int]], list[float]]:
    """Statuses by kind, and seconds of each refusal."""
    statuses: dict[str, Counter[int]] = {}
    times: list[float] = []
    numbers = iter(range(count))

    async def client() -> None:
        connection = Connection(server.port)
        for number in numbers:
            kind, request = make(number)
            start = time.perf_counter()
            status, _ = await connection.send(request)
            if status >= 400:
                times.append(time.perf_counter() - start)
            statuses.setdefault(kind, Counter())[status] += 1
        connection.close()

    await asyncio.gather(*(client() for _ in range(2)))
    return statuses, times


def run(folder: Path, count: int, seed: int) -> bool:
    """Send them all and print what came of it; gives whether all is as claimed."""
    images, chance, bad = seeds(folder), random.Random(seed), hostile(folder)
    with running(folder, "--threads", "1", "--seconds", "60", "--image-memory", "20") as server:
        asyncio.run(fuzz(server, 200, lambda _: mutated(images, chance)))
        before, decoders = sum(server.memory()), set(server.processes())
        used = server.seconds()
        statuses, times = asyncio.run(
            fuzz(server, len(bad), lambda number: ("hostile", post("/v1/predict", *form(bad[number]))))
        )
        spent = (sum(server.seconds()) - sum(used)) / len(bad) * 1000
        print(
            f"hostile images: {len(bad)}, {dict(statuses['hostile'])}, slowest {max(times) * 1000:.0f} ms on the clock"
        )
        print(f"  processor time {spent:.0f} ms each on average")
        found, times = asyncio.run(fuzz(server, count, lambda _: mutated(images, chance)))
        after = sum(server.memory())
        for kind, counts in sorted(found.items()):
            print(f"{kind:>6}: {', '.join(f'{status}: {number}' for status, number in sorted(counts.items()))}")
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        print(f"refused in p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {max(times) * 1000:.0f} ms")
        print(f"memory {before:.0f} -> {after:.0f} MB, decoders replaced {len(set(server.processes()) - decoders)}")
        alive = "ok" in server.get("/readyz")
    every = {status for counts in (*found.values(), *statuses.values()) for status in counts}
    return alive and all(status < 500 for status in every) and after < before + 50


def main() -> None:
    """Parse, run, say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        good = run(Path(folder), given.count, given.seed)
    print("no 5xx, no crash, no growth" if good else "NOT AS CLAIMED")
    sys.exit(not good)


if __name__ == "__main__":
    main()
