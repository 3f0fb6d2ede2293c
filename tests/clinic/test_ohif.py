"""A real viewer shows the boxes of a report where they are on the image."""

from __future__ import annotations

import os
from pathlib import Path

import clinic_ohif
import fhir_stub
import numpy as np
import pydicom
import pytest
import yaml
from read_reports import reported
from running_orthanc import PASSWORD, USER
from synthetic_patients import ZONE, synthetic_images

from mdfnet.services.pacs.node import Node
from mdfnet.services.pacs.settings import load_node

CACHE = Path(__file__).parents[2] / ".cache/ohif/package/dist"
SIDE = 512

#: In pixels of the image.
TOLERANCE = 0.1

#: Where a screenshot is kept, if that is wanted.
SCREENSHOT = os.environ.get("MDFNET_SCREENSHOT")

#: Headless drawing by the processor.
_FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture
def app() -> Path:
    """The npm package ``@ohif/app``, unpacked."""
    folder = Path(os.environ.get("MDFNET_OHIF", CACHE))
    if not (folder / "index.html").is_file():
        pytest.skip(f"NEEDS OHIF: it is not in {folder}; run 'make test-clinic', which fetches it from npm")
    return folder


@pytest.fixture
def page(program):
    playwright = pytest.importorskip("playwright.sync_api", reason="NEEDS playwright: run 'make test-clinic'")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program("chromium"), args=_FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)  # drawn by the processor, maybe beside other work
        yield page
        browser.close()


def reported_image(orthanc, image, folder: Path):
    """An image with boxes in the archive, with the node's report; the node's own way of getting it there."""
    with fhir_stub.serving() as fhir:
        images = synthetic_images(6, folder, image, fhir, size=SIDE)
        record = {"kind": "fhir", "url": fhir.url, "zone": ZONE}
        source = {**orthanc.settings(), "start": "beginning"}
        config = {"model": "demo", "state": "state", "source": source, "record": record}
        (folder / "node.yaml").write_text(yaml.safe_dump(config))
        orthanc.send(images[-1].path)
        node = Node.of(load_node(folder / "node.yaml"))
        assert node.run(once=True) == 0
    (key,) = [one for one in orthanc.get("/instances") if orthanc.get(f"/instances/{one}/content/0008-0060") == b"SR"]
    (folder / "report.dcm").write_bytes(orthanc.get(f"/instances/{key}/file"))
    return pydicom.dcmread(images[-1].path), reported(pydicom.dcmread(folder / "report.dcm"))


def open_report(page) -> None:
    """Double-click on the report, until the viewer has taken it; while it still loads, clicks are lost."""
    shown = "() => [...document.querySelectorAll('svg.svg-layer')].some(one => one.textContent.includes('score'))"
    for _ in range(12):
        page.locator("[data-cy=study-browser-thumbnail-no-image]").first.dblclick()
        for _ in range(10):
            page.wait_for_timeout(1000)
            if page.evaluate(shown):
                return
    if SCREENSHOT:
        page.screenshot(path=SCREENSHOT)
    raise AssertionError("the viewer does not show the report")


#: Extent of each shape drawn over the image, in pixels of the canvas, and the canvas' size.
_DRAWN = """() => {
  const layer = document.querySelector('svg.svg-layer'), canvas = layer.getBoundingClientRect();
  const shapes = [...layer.querySelectorAll('polyline, polygon, path, rect')].map(shape => {
    const box = shape.getBBox();
    return [box.x, box.y, box.x + box.width, box.y + box.height];
  });
  return {size: [canvas.width, canvas.height], shapes: shapes, text: layer.textContent};
}"""


def test_ohif_shows_the_boxes_on_the_image(orthanc, image, tmp_path, app, page):
    taken, boxes = reported_image(orthanc, image, tmp_path)
    assert boxes
    with clinic_ohif.serving(app, orthanc.url, (USER, PASSWORD)) as url:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{url}/viewer?StudyInstanceUIDs={taken.StudyInstanceUID}")
        page.get_by_text("Skip all").click()
        page.locator("svg.svg-layer").first.wait_for(state="attached")
        open_report(page)
        page.get_by_role("button", name="No", exact=True).click()  # it asks whether to track them as one's own
        page.wait_for_timeout(2000)
        if SCREENSHOT:
            page.screenshot(path=SCREENSHOT)
        drawn = page.evaluate(_DRAWN)
    assert all(address.startswith((url, "blob:", "data:")) for address in asked)
    width, height = drawn["size"]
    scale = min(width, height) / SIDE
    margin = np.array([width - SIDE * scale, height - SIDE * scale] * 2) / 2
    shapes = np.array(drawn["shapes"]).reshape(-1, 4)
    for one in boxes:
        place = np.array(one.box) * scale + margin
        nearest = np.abs(shapes - place).max(1).min() / scale
        assert nearest < TOLERANCE, f"{one.name}: off by {nearest:.1f} pixels of the image"
        assert f"{one.name}, score" in drawn["text"]
