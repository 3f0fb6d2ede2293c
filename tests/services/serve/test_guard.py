"""What is refused, before and after it reaches the application; and what every response says."""

from __future__ import annotations

import asyncio
import logging
import tempfile

import pytest

from mdfnet.services.serve.guard import Guard
from mdfnet.services.serve.metrics import Metrics
from mdfnet.services.serve.service import Service
from mdfnet.services.serve.settings import Settings
from mdfnet.services.serve.tokens import Tokens

TOKEN = "0123456789abcdef0123456789abcdef"
BEARER = {"authorization": f"Bearer {TOKEN}"}


#: The record would be paired with the last one.
TWO_IMAGES = 2 * b'--x\r\nContent-Disposition: form-data; name="image"; filename="f"\r\n\r\nimage\r\n' + b"--x--\r\n"


@pytest.fixture(scope="module")
def guarded(serving, send):
    """A server with a token, that takes bodies of 200 kB."""
    with serving({TOKEN: "ward-3"}, max_bytes=200_000) as client:
        yield send.warm(client)


def refused(response, status: int, code: str) -> str:
    """The message of a response that is an error as declared."""
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    return error["message"]


@pytest.mark.parametrize(
    ("headers", "let"),
    [
        pytest.param({}, False, id="no token"),
        pytest.param({"authorization": f"Bearer {TOKEN[:-1]}0"}, False, id="one letter is wrong"),
        pytest.param({"authorization": f"Basic {TOKEN}"}, False, id="another scheme"),
        pytest.param({"authorization": TOKEN}, False, id="no scheme"),
        pytest.param({"authorization": f"Bearer {TOKEN}x"}, False, id="longer"),
        pytest.param(BEARER, True, id="the token"),
        pytest.param({"authorization": f"bearer  {TOKEN}"}, True, id="schemes have no case"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/model", "/v1/images", "/v1/nothing", "/metrics"])
def test_tokens(guarded, path, headers, let):
    response = guarded.get(path, headers=headers)
    if let:
        assert response.status_code == (404 if "nothing" in path else 200)
    else:
        refused(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_open_without_a_token(guarded, path):
    assert guarded.get(path).status_code == 200


def test_a_token_in_the_url_opens_nothing(guarded):
    refused(guarded.get(f"/v1/model?token={TOKEN}&access_token={TOKEN}"), 401, "unauthorized")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"host": "127.0.0.1:8000"}, 200, None, id="loopback"),
        pytest.param({"host": "[::1]:8000"}, 200, None, id="loopback of IPv6"),
        pytest.param({"host": "evil.example"}, 421, "wrong_host", id="a page whose name was changed to lead here"),
        pytest.param({"host": "localhost.evil.example"}, 421, "wrong_host", id="a name that begins as ours"),
        pytest.param({"host": "localhost", "origin": "http://evil.example"}, 403, "wrong_origin", id="another page"),
        pytest.param({"host": "localhost", "origin": "null"}, 403, "wrong_origin", id="a page from nowhere"),
        pytest.param({"host": "localhost", "origin": "http://localhost:8000"}, 200, None, id="our own page"),
    ],
)
def test_without_a_token_only_loopback_is_answered(client, headers, status, code):
    response = client.get("/v1/model", headers=headers)
    assert response.status_code == status
    assert code is None or refused(response, status, code)


@pytest.mark.parametrize("name", ["host", "origin", "authorization", "content-length", "content-type"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_header_that_is_there_twice_is_refused(guarded, client, name, method):
    """Whoever reads the first one and whoever reads the last one would not speak of the same request."""
    good = {"host": "localhost", "origin": "http://localhost", "content-length": "0", "content-type": "text/x"} | BEARER
    bad = {"host": "evil.example", "origin": "http://evil.example", "authorization": "Bearer guess"}
    for values in ((good[name], good[name]), (good[name], bad.get(name, "1")), (bad.get(name, "1"), good[name])):
        headers = [(name, value) for value in values]
        headers += [] if name == "authorization" else BEARER.items()
        for server in (guarded, client):
            refused(server.request(method, "/v1/model", headers=headers), 400, "header_twice")


def chunks(count: int):
    """A body without a length."""
    for _ in range(count):
        yield b"x" * 50_000


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"x" * 200_001, "application/octet-stream", id="length said"),
        pytest.param(chunks(10), "application/octet-stream", id="chunked"),
        pytest.param(chunks(10), "multipart/form-data; boundary=x", id="chunked form"),
        pytest.param(b'"' + b"x" * 300_000 + b'"', "application/json", id="JSON"),
    ],
)
def test_a_large_body_is_413(guarded, content, kind):
    headers = {**BEARER, "content-type": kind}
    assert refused(guarded.post("/v1/predict", content=content, headers=headers), 413, "too_large")
    assert guarded.get("/readyz").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/healthz", "/v1/model", "/v1/predict", "/nothing", "/v1/images/xx/pixels", "/docs"])
def test_every_response_has_the_headers(client, method, path):
    headers = client.request(method, path).headers
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        pytest.param("/", 200, "text/html", id="the viewer"),
        pytest.param("/viewer.js", 200, "text/javascript", id="its code"),
        pytest.param("/viewer.css", 200, "text/css", id="its style"),
        pytest.param("/icon.svg", 200, "image/svg+xml", id="its icon"),
        pytest.param("/index.htm", 404, "application/json", id="nothing there"),
        pytest.param("/../app.py", 404, "application/json", id="beside the page"),
        pytest.param("/v1/predict", 405, "application/json", id="the API, method that it lacks"),
    ],
)
def test_the_page_is_beside_the_api_not_over_it(client, path, status, kind):
    answer = client.get(path)
    assert answer.status_code == status and answer.headers["content-type"].startswith(kind)


def test_the_manual_asks_for_nothing_from_elsewhere(client):
    page = client.get("/docs").text
    assert "<script" not in page and "http" not in page.replace("HTTP", "").replace("httpValidation", "")
    assert all(path in page for path in client.get("/openapi.json").json()["paths"])


def test_no_upload_touches_the_disk(client, send, monkeypatch):
    def never(*_, **__):
        raise AssertionError("a temporary file was asked for")

    for name in ("TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, never)
    image = send.png(1500, 1500)  # 2 MB; the form's own limit is 1 MB
    assert len(image) > 2_000_000
    assert client.post("/v1/predict", **send.form(image)).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        pytest.param(b"{}", "application/json", 415, "not_a_form", id="JSON where a form is due"),
        pytest.param(b"", "multipart/form-data", 400, "bad_form", id="no boundary"),
        pytest.param(b"--x--\r\n", "multipart/form-data; boundary=x", 422, "no_image", id="no part at all"),
        pytest.param(TWO_IMAGES, "multipart/form-data; boundary=x", 422, "part_twice", id="whose image?"),
        pytest.param(b"--x\r\nnonsense\r\n\r\n", "multipart/form-data; boundary=x", 400, "bad_form", id="damaged"),
    ],
)
def test_a_bad_form(client, content, kind, status, code):
    response = client.post("/v1/predict", content=content, headers={"content-type": kind})
    assert refused(response, status, code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("{", "not_json", id="half"),
        pytest.param('{"age": NaN}', "not_json", id="NaN is no JSON"),
        pytest.param('{"age": 1e999}', None, id="beyond any float: refused by the schema's range"),
        pytest.param("[" * 100_000, "not_json", id="nested without end"),
        pytest.param('{"\\ud800": 1}', "not_json", id="half a surrogate pair"),
        pytest.param("[]", "does_not_fit", id="no object"),
        pytest.param('{"age": true}', "does_not_fit", id="truth is no number"),
        pytest.param('{"age": {"value": 1, "unit": "kg"}}', "record", id="a unit that does not fit"),
        pytest.param('{"resourceType": "Patient"}', "record", id="FHIR, but no bundle"),
    ],
)
def test_bad_records(client, send, text, code):
    response = client.post("/v1/predict", files=send.form()["files"], data={"clinical": text})
    assert response.status_code == 200 if code is None else refused(response, 422, code)


def test_nonsense_in_json_bodies(client, opened):
    url = f"/v1/images/{opened['id']}/what-if"
    headers = {"content-type": "application/json"}
    for text, code in (("{", "not_json"), ('{"records": [{"a": NaN}]}', "not_json"), ("{}", "does_not_fit")):
        assert refused(client.post(url, content=text, headers=headers), 422, code)
    many = {"records": [{}] * 65}
    assert refused(client.post(url, json=many), 422, "too_many_records") == "65 records, more than 64"
    outside = {"records": [{}], "boxes": [{"label": "Atelectasis", "box": [0, 0, 81, 1]}]}
    assert refused(client.post(url, json=outside), 422, "bad_box")
    unknown = {"records": [{}], "boxes": [{"label": "Atelectesis", "box": [0, 0, 1, 1]}]}
    assert refused(client.post(url, json=unknown), 422, "unknown_class") == "unknown class 'Atelectesis'"


def test_logs_name_nobody(client, send, caplog):
    secret = {"clinical": {"age": 61, "Doe^Jane": 4711}}
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/predict?patient=Doe^Jane", **send.form(**secret))
        client.post("/v1/predict", **send.form(b"no image of Jane Doe"))
        client.get("/Doe^Jane/4711")
        client.post("/v1/images/Doe4711Doe4711Doe/detect", json={"clinical": None})
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("mdfnet")]
    assert len(ours) == 4
    assert not [line for line in ours if "Doe" in line or "4711" in line]


def test_metrics_count_by_template(client, opened):
    client.get(f"/v1/images/{opened['id']}/pixels")
    text = client.get("/metrics").text
    assert 'route="/v1/images/{id}/pixels"' in text and opened["id"] not in text


def test_a_full_server_says_when_to_come_again():
    """A request is in hand until it is answered; the next is refused at once, and after the first is not."""

    async def post(guard: Guard, *parts: bytes) -> tuple[int, dict[str, str]]:
        """Status and headers that a body in parts gets; asked for more than it has, it waits."""
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        sent = []

        async def receive():
            await asyncio.sleep(0)
            return messages.pop(0) if messages else await asyncio.sleep(3600)

        async def send(message):
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"expect", b"100-continue")]
        await guard({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, send)
        return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}

    async def check():
        guard = Guard(None, Settings(queue=1, seconds=0.5), Tokens({}), Metrics())
        first = asyncio.create_task(post(guard, b"half of an image"))
        while not guard.in_hand:
            await asyncio.sleep(0)
        status, headers = await post(guard)
        assert status == 503 and int(headers["retry-after"]) >= 1
        assert (await first)[0] == 503 and not guard.in_hand  # it did not end in time

    asyncio.run(check())


def test_a_request_ends_in_time(serving, send, monkeypatch):
    with serving(seconds=0.5) as client:
        send.warm(client)
        monkeypatch.setattr(Service, "predict", _never)
        late = client.post("/v1/predict", **send.form())
        assert refused(late, 503, "busy") == "no answer within 0.5 s"


async def _never(*_):
    await asyncio.sleep(60)


def test_a_mistake_of_ours_tells_nothing(serving, send, monkeypatch, caplog):
    with serving() as client:
        send.warm(client)

        async def broken(*_):
            raise RuntimeError("about Jane Doe")

        monkeypatch.setattr(Service, "predict", broken)
        response = client.post("/v1/predict", **send.form())
    assert refused(response, 500, "internal") == "the server made a mistake"
    assert "Jane" not in caplog.text and "RuntimeError at test_guard.py" in caplog.text
