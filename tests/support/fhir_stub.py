"""A FHIR R4 server in a few lines: Patient by identifier, Observation by patient, code and date, in pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


@dataclass
class Fhir:
    """What the server holds, and what it was asked.

    Args:
        url: Its root.
        patients, observations: Resources.
        page: Most entries of an answer.
        asked: Paths with their queries.
        fail: Answers this status instead, while it is set.
    """

    url: str = ""
    patients: list[dict] = field(default_factory=list)
    observations: list[dict] = field(default_factory=list)
    page: int = 3
    asked: list[str] = field(default_factory=list)
    fail: int = 0


def patient(identifier: str, gender: str, born: str) -> dict:
    """A Patient."""
    return {
        "resourceType": "Patient",
        "id": f"p-{identifier}",
        "identifier": [{"system": "urn:hospital", "value": identifier}],
        "gender": gender,
        "birthDate": born,
    }


def observation(identifier: str, code: str, value: float, unit: str, time: datetime) -> dict:
    """An Observation of a number."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/p-{identifier}"},
        "effectiveDateTime": time.isoformat(),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


@contextmanager
def serving() -> Iterator[Fhir]:
    """The server on loopback, at a free port."""
    held = Fhir()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            held.asked.append(self.path)
            status, answer = (held.fail, {}) if held.fail else (200, _answer(held, self.path))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()


def _answer(held: Fhir, path: str) -> dict:
    place, query = urlsplit(path).path, parse_qs(urlsplit(path).query)
    if place == "/Patient":
        wanted = query["identifier"][0].rpartition("|")[2]
        found = [one for one in held.patients if one["identifier"][0]["value"] == wanted]
    else:
        found = [one for one in held.observations if _matches(one, query)]
        found.sort(key=_time, reverse=True)
    start = int(query.get("_start", ["0"])[0])
    shown = found[start : start + held.page]
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": [{"relation": "self", "url": held.url + path}],
        "entry": [{"fullUrl": f"{held.url}/{one['resourceType']}/{i}", "resource": one} for i, one in enumerate(shown)],
    }
    if start + held.page < len(found):
        following = urlencode({**query, "_start": [start + held.page]}, doseq=True)
        bundle["link"].append({"relation": "next", "url": f"{held.url}{place}?{following}"})
    return bundle


def _time(observed: dict) -> datetime:
    return datetime.fromisoformat(observed["effectiveDateTime"])


def _matches(observed: dict, query: dict[str, list[str]]) -> bool:
    codes = {f"{coding['system']}|{coding['code']}" for coding in observed["code"]["coding"]}
    compare = {"ge": lambda a, b: a >= b, "le": lambda a, b: a <= b}
    return (
        observed["subject"]["reference"] == f"Patient/{query['patient'][0]}"
        and bool(codes & set(query["code"][0].split(",")))
        and all(compare[date[:2]](_time(observed), datetime.fromisoformat(date[2:])) for date in query["date"])
    )
