"""What is done to an audit log afterwards is found."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from mdfnet.core.errors import UserError
from mdfnet.services.serve import server
from mdfnet.services.serve.audit import Audit, verify


def add(path: Path, count: int, who: str = "ward-3") -> None:
    audit = Audit(path)
    for _ in range(count):
        audit.add(who=who, action="predict", model="5826af19", image="film-a733210adf67da37", result="91ab")
    audit.close()


def changed(lines):
    entry = json.loads(lines[2])
    return [*lines[:2], json.dumps(entry | {"who": "nobody"}) + "\n", *lines[3:]]


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        pytest.param(changed, "row 3: the line was changed", id="a name changed"),
        pytest.param(lambda lines: [*lines[:2], *lines[3:]], "row 3: a line before this one was removed", id="removed"),
        pytest.param(lambda lines: lines[1:], "row 1: a line before this one was removed", id="the first removed"),
        pytest.param(lambda lines: [*lines[:3], *lines[2:]], "row 4: a line before this one", id="put in twice"),
        pytest.param(lambda lines: [lines[1], lines[0], *lines[2:]], "row 1: a line before", id="moved"),
        pytest.param(lambda lines: [*lines, "{}\n"], "row 6: not a line of an audit log", id="something else"),
        pytest.param(lambda lines: [*lines[:4], lines[4][:-9]], "row 5: the line is not whole", id="cut off"),
    ],
)
def test_tampering_is_found(tmp_path, tamper, message):
    path = tmp_path / "audit.jsonl"
    add(path, 5)
    assert verify(path)[0] == 5
    path.write_text("".join(tamper(path.read_text().splitlines(keepends=True))))
    with pytest.raises(UserError, match=message):
        verify(path)


def test_a_log_that_does_not_end_well_is_not_added_to(tmp_path):
    path = tmp_path / "audit.jsonl"
    add(path, 2)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match="ends in the middle of a line; move the file away"):
        add(path, 1)


def test_two_servers_share_a_log(tmp_path):
    path = tmp_path / "audit.jsonl"
    several = [multiprocessing.get_context("spawn").Process(target=add, args=(path, 50, f"ward-{n}")) for n in range(2)]
    for process in several:
        process.start()
    for process in several:
        process.join()
    assert verify(path)[0] == 100


def test_no_answer_without_its_line(serving, send, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "Audit", Full)
    with serving(audit=tmp_path / "audit.jsonl") as client:
        send.warm(client)
        response = client.post("/v1/predict", **send.form())
    assert response.status_code == 503 and response.json()["error"]["code"] == "no_audit"


class Full(Audit):
    """A log whose disk is full after the server has started."""

    def add(self, **facts):
        if facts["action"] != "start":
            raise OSError("disk full")
        super().add(**facts)
