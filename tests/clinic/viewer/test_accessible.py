"""axe-core, a checker that is not ours, finds nothing against WCAG A and AA in any state of the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from viewer_page import ViewerPage

AXE = Path(__file__).parents[3] / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
IMAGE = "phantom-00004.png"
RUN = """() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then(({ violations }) => violations.map(({ id, impact, nodes }) => [id, impact, nodes.map(node => node.html)]))"""


def reading(page: ViewerPage) -> None:
    page.open_listed(IMAGE)


def asking(page: ViewerPage) -> None:
    page.open_listed(IMAGE)
    page.slider("Body temperature").focus()
    for _ in range(12):
        page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("n")


def comparing(page: ViewerPage) -> None:
    page.open_listed(IMAGE)
    page.page.keyboard.press("c")
    page.page.keyboard.press("e")


def refused(page: ViewerPage) -> None:
    page.drop(("notes.txt", b"not an image"))
    page.page.get_by_role("alert").wait_for()
    page.errors.clear()


STATES: dict[str, Callable[[ViewerPage], object]] = {
    "empty": lambda page: None,
    "with an image": reading,
    "what-if with a box chosen": asking,
    "compared, menu open": comparing,
    "image refused": refused,
    "keys": lambda page: page.page.keyboard.press("?"),
}


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(viewer, state):
    if not AXE.is_file():
        pytest.skip("NEEDS axe-core: run 'make test-clinic', which installs it from npm")
    page = viewer().open()
    STATES[state](page)
    page.settled()
    page.page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.page.evaluate(RUN) == []
