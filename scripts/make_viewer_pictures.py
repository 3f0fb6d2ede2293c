"""Takes the pictures of the viewer that the documentation shows: real pages of a real server, synthetic images.

Usage: python scripts/make_viewer_pictures.py [DICOM]; writes docs/pictures/viewer*.png. The DICOM image is one of the
NIH (ChestX-ray14, unrestricted use with acknowledgement); without it the picture of it stays as it is. Needs Chromium
and the extra `clinic`.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from running_server import running
from viewer_page import ViewerPage, chromium

from mdfnet.data.phantom import PhantomConfig, write_phantoms

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"

#: The one of these images on which the demo model finds edema, and calls it consolidation when the patient has a fever.
PHANTOMS, IMAGE = PhantomConfig(count=8, size=512, seed=77), "phantom-00004.png"

#: Grays and other colors of a picture's palette: an image needs no more, and the files stay small.
GRAYS, COLORS = 112, 112


def take(viewer: ViewerPage, name: str) -> None:
    """Wait until nothing moves, and save what the page shows."""
    viewer.settled()
    viewer.page.wait_for_timeout(800)
    with Image.open(io.BytesIO(viewer.page.screenshot())) as shot:
        few_colors(shot.convert("RGB")).save(PICTURES / name, optimize=True)
    print(f"{name}: {(PICTURES / name).stat().st_size / 1000:.0f} kB")


def few_colors(shot: Image.Image) -> Image.Image:
    """With a palette of grays and of the page's own colors, the vivid ones first: they have few pixels."""
    pixels = np.asarray(shot)
    colored = pixels[np.ptp(pixels.astype(int), axis=2) > 8]
    colors, counts = np.unique(colored, axis=0, return_counts=True)
    gray = np.linspace(0, 255, GRAYS).round().astype(np.uint8)
    palette = Image.new("P", (1, 1))
    weight = counts * np.ptp(colors.astype(float), axis=1) ** 2
    most = colors[np.argsort(-weight, kind="stable")[:COLORS]]
    palette.putpalette([*np.repeat(gray, 3).tolist(), *most.ravel().tolist()])
    return shot.quantize(palette=palette, dither=Image.Dither.NONE)


def synthetic_image(viewer: ViewerPage) -> None:
    """What-if with a box explained, then beside the image alone."""
    viewer.open_listed(IMAGE)
    viewer.slider("Body temperature").focus()
    for _ in range(12):
        viewer.page.keyboard.press("ArrowRight")
    viewer.settled()
    viewer.page.locator("#findings button", has_text="Consolidation").first.click()
    take(viewer, "viewer.png")
    viewer.page.keyboard.press("m")
    viewer.page.keyboard.press("c")
    take(viewer, "viewer-compare.png")
    viewer.page.keyboard.press("c")


def dicom_image(viewer: ViewerPage, image: Path) -> None:
    """A real image, windowed and enlarged."""
    viewer.drop(image)
    viewer.detected()
    viewer.drag(-60, 20)
    take(viewer, "viewer-dicom.png")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        write_phantoms(PHANTOMS, Path(folder) / "data")
        images = shutil.copytree(Path(folder) / "data" / "images", Path(folder) / "images")
        shutil.copy(Path(folder) / "data" / "clinical.csv", images)
        with running(Path(folder), "--images", str(images)) as server:
            viewer = ViewerPage(browser.new_page(viewport={"width": 1280, "height": 800}), server.url).open()
            synthetic_image(viewer)
            for image in map(Path, sys.argv[1:]):
                dicom_image(viewer, image)


if __name__ == "__main__":
    main()
