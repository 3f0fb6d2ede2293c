"""The server in a process of its own, asked over loopback, as others will ask it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from importlib import util
from pathlib import Path

import pytest
from running_server import Connection, form, post, running

HERE = Path(__file__).parent
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def fuzz_server():
    """The benchmark as a module."""
    spec = util.spec_from_file_location("fuzz_server", HERE.parents[2] / "benchmarks/fuzz_server.py")
    loaded = util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize("token", [None, TOKEN], ids=["without a token", "with a token"])
def test_schemathesis_finds_nothing_with_all_checks(tmp_path, token):
    """Status codes, media types, headers, schemas, data that break them, methods, tokens, images that are gone."""
    pytest.importorskip("schemathesis", reason="NEEDS schemathesis: pip install 'mdfnet[clinic]'")
    with running(tmp_path, **({"MDFNET_TOKEN": token} if token else {})) as server:
        command = [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml"),
            *("run", f"{server.url}/openapi.json", "--checks", "all", "--max-examples", "10", "--seed", "1"),
            *("--continue-on-failure", "--suppress-health-check", "all"),
            *(("--header", f"Authorization: Bearer {token}") if token else ()),
        ]
        environment = {**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "schemathesis_hooks"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "No issues found" in done.stdout


def test_mutated_uploads(fuzz_server, tmp_path, capsys):
    assert fuzz_server.run(tmp_path, count=500, seed=7), capsys.readouterr().out


def test_overload_is_200_or_503(fuzz_server, tmp_path):
    image = fuzz_server.seeds(tmp_path)["png"][0]
    request = post("/v1/predict", *form(image))

    async def ask(port: int) -> Counter[int]:
        statuses: Counter[int] = Counter()

        async def client() -> None:
            connection = Connection(port)
            for _ in range(10):
                status, _ = await connection.send(request)
                statuses[status] += 1

        await asyncio.gather(*(client() for _ in range(32)))
        return statuses

    with running(tmp_path, "--queue", "2") as server:
        statuses = asyncio.run(ask(server.port))
    assert set(statuses) == {200, 503} and sum(statuses.values()) == 320


def test_a_chunked_upload_is_413(tmp_path):
    """What is too large is refused while it is being sent, with a length and without."""

    async def send(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        for _ in range(30):
            writer.write(b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return await reader.readuntil(b"\r\n")

    with running(tmp_path, "--megabytes", "1") as server:
        assert b" 413 " in asyncio.run(send(server.port))


def test_audit_survives_a_restart_and_names_nobody(fuzz_server, tmp_path):
    image = fuzz_server.seeds(tmp_path)["png"][0]
    audit = tmp_path / "audit.jsonl"
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ward-3 {TOKEN}\n")
    tokens.chmod(0o600)
    request = post("/v1/predict", *form(image, clinical='{"age": 61}'), f"Authorization: Bearer {TOKEN}\r\n")

    async def ask(port: int) -> int:
        return (await Connection(port).send(request))[0]

    for _ in range(2):
        with running(tmp_path, "--audit", str(audit), "--token-file", str(tokens)) as server:
            assert asyncio.run(ask(server.port)) == 200
    command = [sys.executable, "-m", "mdfnet", "serve", "--verify-audit", str(audit)]
    assert "4 lines, none changed" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(line["who"], line["action"]) for line in lines] == [("server", "start"), ("ward-3", "predict")] * 2
    assert lines[1]["image"] == lines[3]["image"] and lines[1]["result"] == lines[3]["result"]
    assert audit.stat().st_mode & 0o777 == 0o600
