"""The shipped demo model behind the guard, asked in this process."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from mdfnet.services.serve.server import prepare
from mdfnet.services.serve.settings import Settings
from mdfnet.services.serve.tokens import Tokens


def png(width: int = 80, height: int = 96, seed: int = 0, depth=np.uint8) -> bytes:
    """An image of noise."""
    values = np.random.default_rng(seed).integers(0, np.iinfo(depth).max, (height, width), depth)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def form(image: bytes | None = None, **parts) -> dict:
    """Arguments of a post: the image, and parts as JSON."""
    files = {"image": ("Doe^Jane.png", png() if image is None else image)}
    return {"files": files, "data": {name: json.dumps(value) for name, value in parts.items()}}


def warm(client: TestClient) -> TestClient:
    """The client, once the server is ready."""
    end = time.monotonic() + 60
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end, "the server does not get ready"
        time.sleep(0.02)
    return client


@pytest.fixture(scope="session")
def send() -> SimpleNamespace:
    """What tests send: ``png``, ``form``, and ``warm`` to wait for a server of their own."""
    return SimpleNamespace(png=png, form=form, warm=warm)


@pytest.fixture
def image_file(image, tmp_path):
    """Writes a DICOM image; gives its path and what is stored in it."""

    def write(**tags):
        stored = np.random.default_rng(1).integers(0, 4096, (64, 48)).astype(np.uint16)
        return image(tmp_path / "image.dcm", stored, **tags), stored

    return write


@pytest.fixture(scope="session")
def serving() -> Callable[..., TestClient]:
    """Factory of a client, to be used as a context: ``with serving(tokens=..., queue=...) as client``."""

    def serve(tokens: dict[str, str] | None = None, audit=None, **settings) -> TestClient:
        app = prepare("demo", Settings(decoders=1, **settings), Tokens(tokens or {}), audit=audit)
        return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)

    return serve


@pytest.fixture(scope="session")
def client(serving) -> Iterator[TestClient]:
    """A server for all tests that leave no traces on it."""
    with serving() as client:
        yield warm(client)


@pytest.fixture
def opened(client) -> dict:
    """An image that is open."""
    return client.post("/v1/images", **form()).json()
