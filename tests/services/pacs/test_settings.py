"""The node's config: what is wrong is said, and where."""

from __future__ import annotations

import json

import pytest
import yaml

from mdfnet.core.errors import UserError
from mdfnet.services.pacs.archive import Rejected
from mdfnet.services.pacs.dicomweb import Dicomweb, _only_part
from mdfnet.services.pacs.settings import load_node, secret
from mdfnet.services.pacs.web import HttpClient

ORTHANC = {"kind": "orthanc", "url": "http://127.0.0.1:8042"}
GOOD = {"model": "demo", "state": "state", "source": ORTHANC}
RECEIVE = {"kind": "receive", "callers": ["CR1"]}


def load(tmp_path, **changes):
    path = tmp_path / "node.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}))
    return load_node(path)


def test_paths_are_seen_from_the_file(tmp_path):
    record = {"kind": "table", "file": "records.csv", "zone": "UTC"}
    config = load(tmp_path, record=record, source={**ORTHANC, "user": "me", "password_file": "secret"})
    assert config.state == tmp_path / "state" and config.record.file == tmp_path / "records.csv"
    assert config.source.password_file == tmp_path / "secret" and config.model == "demo"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"modle": "demo"}, "unknown key 'modle'; did you mean 'model'?", id="misspelled key"),
        pytest.param({"model": None}, "model: Input should be a valid string", id="no model"),
        pytest.param({"threshold": 2}, "threshold: Input should be less than or equal to 1", id="threshold"),
        pytest.param({"also": ["sr"]}, "also.0: Input should be 'capture' or 'presentation'", id="unknown object"),
        pytest.param({"source": {"kind": "orthanc"}}, "source.url is missing", id="no address"),
        pytest.param({"source": {**ORTHANC, "days": 2}}, "unknown key 'source.days'", id="key of another source"),
        pytest.param({"source": {**ORTHANC, "url": "127.0.0.1"}}, "starts with http://", id="no scheme"),
        pytest.param({"source": {**ORTHANC, "url": "http://me:pw@x"}}, "an address holds no password", id="password"),
        pytest.param({"source": {**ORTHANC, "user": "me"}}, "user and password_file go together", id="half a login"),
        pytest.param({"source": RECEIVE}, "target: say where reports go", id="nowhere to report"),
        pytest.param({"source": {**RECEIVE, "callers": []}}, "source.callers", id="anyone may send"),
        pytest.param({"source": {"kind": "pacs"}}, "'pacs'", id="unknown kind"),
        pytest.param({"record": {"kind": "fhir", "url": "http://x"}}, "record.zone is missing", id="no time zone"),
        pytest.param(
            {"record": {"kind": "fhir", "url": "http://x", "zone": "Berlin"}}, "not a time zone", id="no such zone"
        ),
        pytest.param({"version": 2}, "version 2 is later than 1", id="later version"),
    ],
)
def test_mistakes(tmp_path, changes, words):
    with pytest.raises(UserError) as error:
        load(tmp_path, **changes)
    assert str(error.value).startswith(f"{tmp_path / 'node.yaml'}: ") and words in str(error.value)


def test_files_that_are_no_config(tmp_path):
    (tmp_path / "list.yaml").write_text("- model")
    with pytest.raises(UserError, match=r"list.yaml: not a node's config; see docs"):
        load_node(tmp_path / "list.yaml")
    with pytest.raises(UserError, match="no such file"):
        load_node(tmp_path / "none.yaml")


def test_secrets_are_one_line(tmp_path):
    (tmp_path / "one").write_text("pass word \n")
    (tmp_path / "two").write_text("a\nb\n")
    assert secret(tmp_path / "one") == "pass word "
    with pytest.raises(UserError, match="two: not one line; write the password or token, and nothing else"):
        secret(tmp_path / "two")


@pytest.mark.parametrize(
    ("link", "path"),
    [
        pytest.param("http://127.0.0.1:8042/fhir?page=2", "http://127.0.0.1:8042/fhir?page=2", id="the same"),
        pytest.param("?page=2", "http://127.0.0.1:8042/?page=2", id="relative"),
        pytest.param("http://127.0.0.1:8043/", None, id="another port"),
        pytest.param("https://127.0.0.1:8042/", None, id="another scheme"),
        pytest.param("http://127.0.0.1:8042@evil/", None, id="another host that looks the same"),
    ],
)
def test_links_stay_on_the_server(tmp_path, link, path):
    assert HttpClient(load(tmp_path).source, "Orthanc").here(link) == path


def failing(*reasons: int) -> bytes:
    """An answer to STOW-RS: these failed."""
    failed = [{"00081197": {"vr": "US", "Value": [reason]}} for reason in reasons]
    return json.dumps({"00081198": {"vr": "SQ", "Value": failed}} if failed else {}).encode()


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        pytest.param(200, failing(), None, id="kept"),
        pytest.param(200, b"stored", None, id="kept, said in words"),
        pytest.param(409, failing(0x0111), None, id="there already, as after an interruption"),
        pytest.param(409, failing(0x0122), "failure reason 0122", id="kind not supported"),
        pytest.param(202, failing(0xA700), "failure reason A700", id="accepted, but failed"),
        pytest.param(409, b"", "none given", id="no reason"),
        pytest.param(400, b"", "answered 400", id="not understood"),
    ],
)
def test_what_an_archive_says_to_a_report(monkeypatch, tmp_path, status, answer, message):
    server = HttpClient(load(tmp_path).source, "the archive")
    monkeypatch.setattr(server.session, "request", lambda *_, **__: Answering(status, answer))
    if message is None:
        Dicomweb(server).store(b"report")
    else:
        with pytest.raises(Rejected, match=message):
            Dicomweb(server).store(b"report")


class Answering:
    """What requests gives for an answer."""

    def __init__(self, status: int, content: bytes):
        self.status_code, self.content = status, content

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def iter_content(self, _):
        yield self.content


def test_one_part_of_many_bytes():
    image = b"\0\r\n\r\n--x\r\n" * 3
    kind = 'multipart/related; type="application/dicom"; boundary="bound"'
    body = b"preamble\r\n--bound\r\nContent-Type: application/dicom\r\n\r\n" + image + b"\r\n--bound--\r\n"
    assert _only_part(body, kind) == image
    for damaged, header in ((body, "application/dicom"), (body[:40], kind), (b"", kind)):
        with pytest.raises(Rejected):
            _only_part(damaged, header)
