"""A server with a worklist of synthetic images, and the viewer in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_server import running
from viewer_page import ViewerPage, chromium

from mdfnet.data.phantom import PhantomConfig, write_phantoms


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    """Synthetic images with records; on the fourth and the sixth the demo model finds something."""
    made = tmp_path_factory.mktemp("phantoms")
    write_phantoms(PhantomConfig(count=8, size=512, seed=77), made / "data")
    folder = made / "images"
    shutil.copytree(made / "data" / "images", folder)
    shutil.copy(made / "data" / "clinical.csv", folder)
    return folder


@pytest.fixture(scope="session")
def server(images, tmp_path_factory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("server"), "--images", str(images), "--threads", "1") as started:
        yield started.url


@pytest.fixture(scope="session")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def viewer(browser, server) -> Iterator[Callable[..., ViewerPage]]:
    """Opens the viewer in a new tab; options are those of a Playwright page. No tab may have had an error."""
    opened: list[ViewerPage] = []

    def open_page(url: str = server, **options) -> ViewerPage:
        options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **options}
        opened.append(ViewerPage(browser.new_page(**options), url))
        return opened[-1]

    yield open_page
    for page in opened:
        page.page.close()
        assert page.errors == []
