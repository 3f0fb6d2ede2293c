"""The viewer in a real browser, for tests, benchmarks and pictures: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import base64
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Puts files into the page as if they had been dragged there: a file dialog is not the way that images come.
_DROP = """files => {
  const moved = new DataTransfer();
  for (const { name, data } of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    moved.items.add(new File([bytes], name));
  }
  const drop = new DragEvent("drop", { dataTransfer: moved, bubbles: true, cancelable: true });
  document.querySelector("#stage").dispatchEvent(drop);
}"""


#: Images are drawn with the next frame of the screen.
_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@contextmanager
def chromium():
    """A headless browser, until the block ends; skips a test where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="NEEDS playwright: pip install 'mdfnet[clinic]'")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("NEEDS chromium: run 'make test-clinic', which installs it from Debian")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class ViewerPage:
    """The viewer of one server in one tab, with what it did wrong: errors, and what its content policy stopped.

    Args:
        page: Of Playwright.
        url: Of the server's root.
    """

    def __init__(self, page, url: str):
        self.page, self.address = page, f"{url}/"
        self.errors: list[str] = []
        self.requests, self.ended = [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: line.type in ("error", "warning") and self.errors.append(line.text))
        page.on("request", lambda request: self.requests.append(request))
        for end in ("requestfinished", "requestfailed"):
            page.on(end, lambda request: self.ended.append(request))

    def open(self) -> ViewerPage:
        """Load the page and wait for the model."""
        self.page.goto(self.address)
        self.page.locator("#classes li").first.wait_for()
        return self

    def drop(self, *files: Path | tuple[str, bytes]) -> None:
        """Drop files on the image, by path or as name and bytes."""
        named = [(file.name, file.read_bytes()) if isinstance(file, Path) else file for file in files]
        self.page.evaluate(_DROP, [{"name": name, "data": base64.b64encode(data).decode()} for name, data in named])

    def detected(self) -> ViewerPage:
        """Wait until an image is shown and its findings are listed, with their scores of the image alone."""
        self.page.locator("#status", has_text=re.compile("findings? shown")).wait_for()
        return self

    def open_listed(self, name: str) -> ViewerPage:
        """Open an image of the worklist."""
        self.page.locator("#images button", has_text=name).click()
        self.page.locator("#images button[aria-current]", has_text=name).wait_for()
        return self.detected()

    def settled(self) -> ViewerPage:
        """Wait until no answer is on its way, none has led to another question, and all is drawn."""
        # Not Playwright's "networkidle": once reached after loading, it does not wait again.
        before = -1
        while before != len(self.requests) or len(self.ended) < before:
            before = len(self.requests)
            self.page.wait_for_timeout(100)
        self.page.evaluate(_DRAWN)
        return self

    def drawn(self, selector: str, **options):
        """What is found on the image, once it is drawn as the page now has it."""
        self.page.evaluate(_DRAWN)
        return self.page.locator(selector, **options)

    def slider(self, name: str):
        """The slider of a clinical value."""
        return self.page.get_by_role("slider", name=name, exact=True)

    def findings(self) -> list[tuple[str, float, str]]:
        """Class, score and change of each finding that is listed."""
        rows = self.page.locator("#findings tr").all()
        cells = [row.locator("td").all_inner_texts() for row in rows]
        return [(label.strip(), float(score), change) for label, score, change, _ in cells]

    def settings(self) -> tuple[int, int, int]:
        """Window center, window width and zoom in percent, as the image's corner says."""
        text = self.drawn("#image-settings").inner_text()
        return tuple(int(number.replace("−", "-")) for number in re.findall(r"-?\d+", text)[:3])

    def drag(self, dx: int, dy: int, **options) -> None:
        """Drag from the middle of the image."""
        box = self.page.locator(".pane").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down(**options)
        mouse.move(x + dx / 2, y + dy / 2, steps=4)
        mouse.move(x + dx, y + dy, steps=4)
        mouse.up(**options)

    def times(self, name: str) -> list[float]:
        """What the page itself measured under this name, in milliseconds: ``image`` or ``what-if``."""
        return self.page.evaluate("name => performance.getEntriesByName(name, 'measure').map(e => e.duration)", name)
