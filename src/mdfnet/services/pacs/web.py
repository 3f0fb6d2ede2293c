"""Asking servers over HTTP: what cannot be had now is told from what cannot be had at all."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from mdfnet.core.errors import UserError
from mdfnet.data.images.dicom_file import MOST_BYTES
from mdfnet.services.pacs.archive import Rejected, Unreachable
from mdfnet.services.pacs.settings import HttpServer, secret

#: A response and its body, which was read within bounds.
Answered = tuple[requests.Response, bytes]

#: Answers that may be others tomorrow: not logged in (a changed password), too many requests, the server's own faults.
_PASSING = {401, 403, 408, 425, 429}


class HttpClient:
    """Asks one server, which messages call by its name.

    No answer, or one that may be another later, is `Unreachable`; an answer that says no (not found, ...) `Rejected`.
    """

    def __init__(self, settings: HttpServer, name: str):
        self.root, self.name, self.timeout = settings.url, name, settings.timeout
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy of whoever starts the node sees images
        # Orthanc would deflate an image of 15 MB, which takes it two seconds; nor can a small answer become a large
        # one.
        self.session.headers["Accept-Encoding"] = "identity"
        if settings.user is not None and settings.password_file is not None:
            self.session.auth = (settings.user, secret(settings.password_file))
        if settings.token_file is not None:
            self.session.headers["Authorization"] = f"Bearer {secret(settings.token_file)}"
        if settings.ca_file is not None:
            if not settings.ca_file.is_file():
                raise UserError("no such file", where=settings.ca_file)
            self.session.verify = str(settings.ca_file)

    def get(self, path: str, **more: Any) -> Answered:
        """Get what is at a path below the root, at most as many bytes as an image may have."""
        return self._request("GET", path, **more)

    def post(self, path: str, content: bytes, but: Collection[int] = (), **more: Any) -> Answered:
        """Post something; answers with the statuses in ``but`` are the caller's to judge."""
        return self._request("POST", path, but, data=content, **more)

    def json(self, path: str, **more: Any) -> Any:
        """The JSON at a path, None where there is nothing."""
        response, content = self.get(path, **more)
        if response.status_code == 204 or not content:
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise Unreachable(f"{self.name} answered no JSON") from None

    def here(self, url: str) -> str | None:
        """An address below the root in full, None where it is another server's: it gets no password of ours."""
        whole = urljoin(f"{self.root}/", url)
        mine, other = urlsplit(self.root), urlsplit(whole)
        return whole if (mine.scheme, mine.netloc) == (other.scheme, other.netloc) else None

    def _request(self, method: str, path: str, but: Collection[int] = (), **more: Any) -> Answered:
        url = path if path.startswith(("http://", "https://")) else self.root + path
        more |= {"timeout": self.timeout, "stream": True, "allow_redirects": False}
        try:
            with self.session.request(method, url, **more) as response:
                content = _read(response)
        except requests.RequestException as error:  # its text holds the address, and that can hold identifiers
            raise Unreachable(f"{self.name} does not answer ({type(error).__name__})") from None
        if response.status_code in but:
            return response, content
        if response.status_code >= 500 or response.status_code in _PASSING:
            raise Unreachable(f"{self.name} answered {response.status_code}")
        if response.status_code >= 300:
            raise Rejected(f"{self.name} answered {response.status_code}")
        return response, content


def _read(response: requests.Response) -> bytes:
    content = bytearray()
    for part in response.iter_content(1 << 16):
        content += part
        if len(content) > MOST_BYTES:
            raise Rejected(f"an answer of more than {MOST_BYTES // 1_000_000} MB")
    return bytes(content)
