"""How long the viewer lets a person wait, in a real browser on a real server.

    python benchmarks/viewer.py [IMAGE ...] [--size 512] [--threads 2] [--moves 40]

Of each image: from the drop to the image on screen, and one step of a window drag. Without images a synthetic 16-bit
one of 3,000 x 2,500 pixels is taken. Then the temperature slider is moved, with the preset `default` at the given input
size, untrained but for fusers that listen: from the move to the new scores on screen. The claims: an image in under 1.5
s, a what-if in under 150 ms. Needs Chromium and the extra `clinic`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from running_server import running
from viewer_page import ViewerPage, chromium

import mdfnet


def model_folder(size: int, folder: str) -> str:
    """A saved model of real size; what it finds means nothing, how long it takes does."""
    torch.manual_seed(0)
    model = mdfnet.build("default", size=size, box_score=0.01).eval()
    with torch.no_grad():
        for parameter in model.fusion.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save(Path(folder) / "model")
    return f"{folder}/model"


def synthetic() -> bytes:
    """A 16-bit PNG of 3,000 x 2,500 pixels."""
    values = np.random.default_rng(0).normal(30000, 6000, (2500, 3000)).clip(0, 65535).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def image(viewer: ViewerPage, name: str, data: bytes) -> None:
    """Drop an image twice, for the first time is that of the server's workers, too, and window it."""
    for turn in ("first", "again"):
        seen = len(viewer.times("image"))
        viewer.drop((name, data))
        while len(viewer.times("image")) == seen:
            viewer.page.wait_for_timeout(20)
        viewer.detected()
        viewer.settled()
        print(f"{name}, {turn}: {viewer.times('image')[-1]:.0f} ms from drop to screen")
    viewer.drag(120, 60)
    steps = viewer.times("draw")
    print(f"{name}: {np.median(steps):.0f} ms a drawing while windowed, {max(steps):.0f} ms at most of {len(steps)}")


def what_if(viewer: ViewerPage, moves: int) -> None:
    """Move the slider as a person does: on, when the scores have followed."""
    viewer.slider("Body temperature").focus()
    for move in range(moves):
        viewer.page.keyboard.press("ArrowRight" if move % 20 < 10 else "ArrowLeft")
        while len(viewer.times("what-if")) <= move:
            viewer.page.wait_for_timeout(5)
    took = viewer.times("what-if")
    print(f"what-if, {len(took)} moves: p50 {np.median(took):.0f} ms, p95 {np.quantile(took, 0.95):.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--moves", type=int, default=40)
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; model at {args.size} px, {args.threads} threads")
    images = [(path.name, path.read_bytes()) for path in args.images] or [("synthetic.png", synthetic())]
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), "--threads", str(args.threads), model=model_folder(args.size, folder)) as server,
        chromium() as browser,
    ):
        viewer = ViewerPage(browser.new_page(viewport={"width": 1280, "height": 800}), server.url).open()
        for name, data in images:
            image(viewer, name, data)
        what_if(viewer, args.moves)


if __name__ == "__main__":
    main()
