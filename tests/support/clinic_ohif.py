"""OHIF beside an Orthanc, at one address as browsers want it: the app's files, and the archive below ``/dicom-web``."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import requests

_SOURCE = {
    "friendlyName": "Orthanc",
    "name": "orthanc",
    "wadoUriRoot": "/dicom-web",
    "qidoRoot": "/dicom-web",
    "wadoRoot": "/dicom-web",
    "qidoSupportsIncludeField": False,
    "imageRendering": "wadors",
    "thumbnailRendering": "wadors",
    "enableStudyLazyLoad": True,
    "supportsFuzzyMatching": False,
    "supportsWildcard": True,
    "omitQuotationForMultipartRequest": True,
}
CONFIG = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "showStudyList": True,
    "investigationalUseDialog": {"option": "never"},
    "defaultDataSourceName": "dicomweb",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "dicomweb",
            "configuration": _SOURCE,
        }
    ],
}


@contextmanager
def serving(app: Path, archive: str, login: tuple[str, str]) -> Iterator[str]:
    """The viewer's address.

    Args:
        app: Folder ``dist`` of the npm package ``@ohif/app``.
        archive: Orthanc's root.
        login: User and password of the archive; the browser needs none.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path.startswith("/dicom-web/"):
                self._from_archive()
            elif self.path.startswith("/app-config.js"):
                self._send(200, "text/javascript", f"window.config = {json.dumps(CONFIG)};".encode())
            else:
                file = (app / urlsplit(self.path).path.lstrip("/")).resolve()
                there = file.is_file() and file.is_relative_to(app.resolve())
                file = file if there else app / "index.html"  # routes of the app itself
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                self._send(200, kind, file.read_bytes())

        def _from_archive(self):
            accept = {"Accept": self.headers.get("Accept", "*/*")}
            answer = requests.get(archive + self.path, headers=accept, auth=login, timeout=60)
            self._send(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)

        def _send(self, status: int, kind: str, content: bytes):
            self.send_response(status)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(content)))):
                self.send_header(name, value)
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
