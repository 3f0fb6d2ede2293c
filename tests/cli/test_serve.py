"""What is said before a server listens."""

from __future__ import annotations

import socket

import pytest
from typer.testing import CliRunner

from mdfnet.cli import app
from mdfnet.core.errors import UserError
from mdfnet.services.serve.audit import Audit
from mdfnet.services.serve.server import listen

TOKEN = "0123456789abcdef0123456789abcdef"


def run(*words: str):
    return CliRunner().invoke(app, ["serve", *words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "no model is named; give a run's or a model's folder", id="no model"),
        pytest.param(["nowhere"], "nowhere: no model here", id="no such model"),
        pytest.param(["demo", "--images", "nowhere"], "nowhere: no such folder", id="no such worklist"),
        pytest.param(["demo", "--host", "0.0.0.0"], "without a token the server listens on loopback", id="no token"),
        pytest.param(["demo", "--token-file", "nowhere"], "nowhere: no such file", id="no such tokens"),
        pytest.param(["--verify-audit", "nowhere"], "nowhere: cannot be read: No such file or directory", id="no log"),
    ],
)
def test_bad_input(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MDFNET_TOKEN", raising=False)
    with pytest.raises(UserError, match=message):
        run(*words)


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        pytest.param(f"ward-3 {TOKEN}\n", 0o644, "others can read the tokens", id="readable by all"),
        pytest.param("ward-3 short\n", 0o600, "row 1: the token has 5 characters, fewer than 32", id="short"),
        pytest.param(f"the ward {TOKEN}\n", 0o600, "row 1: more than a name and a token", id="three words"),
        pytest.param("# none\n", 0o600, "there is no token; write one", id="none"),
    ],
)
def test_bad_tokens(tmp_path, text, mode, message):
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(UserError, match=message):
        run("demo", "--token-file", str(path))


def test_beyond_loopback_an_audit_log_is_kept(monkeypatch):
    monkeypatch.setenv("MDFNET_TOKEN", TOKEN)
    with pytest.raises(UserError, match="a server that others reach keeps an audit log; name it: --audit FILE"):
        run("demo", "--host", "0.0.0.0")


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: cannot listen: Address already in use"):
            run("demo", "--port", str(port))


def test_verify_audit_says_how_many_lines(tmp_path):
    Audit(tmp_path / "audit.jsonl").add(who="ward-3", action="view", model="5826", image="image-a7", result=None)
    assert (
        "audit.jsonl: 1 lines, none changed, removed or put in; last hash"
        in run("--verify-audit", str(tmp_path / "audit.jsonl")).output
    )


def test_the_body_of_an_answer_does_not_wait_for_the_client_to_acknowledge_its_head():
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
