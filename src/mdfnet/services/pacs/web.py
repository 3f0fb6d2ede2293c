"""Asking servers by HTTP: what cannot be had now is told from what cannot be had at all."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from mdfnet.core.errors import UserError
from mdfnet.data.images.dicom_file import MOST_BYTES
from mdfnet.services.pacs.settings import Web, secret


class Unreachable(Exception):
    """It did not work this time; another time it may. Says what did not answer, and no address of a patient."""


class Rejected(Exception):
    """A server understood and does not want it, whenever it is asked."""


#: Answers that may be others tomorrow: not logged in (a changed password), too many requests, the server's own faults.
_PASSING = {401, 403, 408, 425, 429}


class Server:
    """One server.

    Args:
        settings: Where it is and how to log in.
        name: What messages call it.

    Raises:
        UserError: The password or the token cannot be read.
    """

    def __init__(self, settings: Web, name: str):
        self.root, self.name, self.timeout = settings.url, name, settings.timeout
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy of whoever starts the node sees images
        # Orthanc would deflate an image of 15 MB, which takes it two seconds; nor can a small answer become a large
        # one.
        self.session.headers["Accept-Encoding"] = "identity"
        if settings.user is not None:
            self.session.auth = (settings.user, secret(settings.password_file))
        if settings.token_file is not None:
            self.session.headers["Authorization"] = f"Bearer {secret(settings.token_file)}"
        if settings.ca_file is not None:
            if not settings.ca_file.is_file():
                raise UserError("no such file", where=settings.ca_file)
            self.session.verify = str(settings.ca_file)

    def ask(self, path: str, most: int = MOST_BYTES, **more: Any) -> tuple[requests.Response, bytes]:
        """Get what stands at a path below the root, at most so many bytes.

        Raises:
            Unreachable: No answer, or one that may be another later.
            Rejected: An answer that says no (not found, ...).
        """
        return self._request("GET", path, most, **more)

    def give(
        self, path: str, content: bytes, but: Collection[int] = (), **more: Any
    ) -> tuple[requests.Response, bytes]:
        """Post something; raises what `ask` does, but for these statuses, which the caller understands."""
        return self._request("POST", path, MOST_BYTES, but, data=content, **more)

    def json(self, path: str, **more: Any) -> Any:
        """The JSON that stands at a path, None where there is nothing; raises what `ask` does."""
        response, content = self.ask(path, **more)
        if response.status_code == 204 or not content:
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise Unreachable(f"{self.name} answered no JSON") from None

    def here(self, url: str) -> str | None:
        """The path of an address below the root, None where it is another server's: it gets no password of ours."""
        whole = urljoin(f"{self.root}/", url)
        mine, other = urlsplit(self.root), urlsplit(whole)
        same = (mine.scheme, mine.netloc) == (other.scheme, other.netloc)
        return whole if same else None

    def _request(
        self, method: str, path: str, most: int, but: Collection[int] = (), **more: Any
    ) -> tuple[requests.Response, bytes]:
        url = path if path.startswith(("http://", "https://")) else self.root + path
        try:
            with self.session.request(
                method, url, timeout=self.timeout, stream=True, allow_redirects=False, **more
            ) as response:
                content = _read(response, most)
        except requests.RequestException as error:  # its text holds the address, and that can hold identifiers
            raise Unreachable(f"{self.name} does not answer ({type(error).__name__})") from None
        if response.status_code in but:
            return response, content
        if response.status_code >= 500 or response.status_code in _PASSING:
            raise Unreachable(f"{self.name} answered {response.status_code}")
        if response.status_code >= 300:
            raise Rejected(f"{self.name} answered {response.status_code}")
        return response, content


def _read(response: requests.Response, most: int) -> bytes:
    content = bytearray()
    for part in response.iter_content(1 << 16):
        content += part
        if len(content) > most:
            raise Rejected(f"an answer of more than {most // 1_000_000} MB")
    return bytes(content)
