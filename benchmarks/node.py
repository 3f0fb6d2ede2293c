"""Where the node's time for an image goes, beside a real Orthanc and a FHIR server on loopback.

    unshare -n bash -c 'ip link set lo up; python benchmarks/node.py --images 40'

(Debian's Orthanc listens on all addresses; in a network namespace nobody else can reach it. That needs root.)
Synthetic images at the size of a detector's, 3056 x 2544 pixels of 12 bits, and small ones.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
import torch
import yaml
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import fhir_stub
from running_orthanc import running_orthanc
from synthetic_patients import ZONE, synthetic_images

import conftest
from mdfnet.services.pacs.node import Node
from mdfnet.services.pacs.settings import load_node

PHASES = ("fetch", "image", "record", "model", "objects", "sent")
SIZES = ((3056, 2544), (256, 256))


class Times(logging.Handler):
    """What the node's log says of how long each phase took, in milliseconds."""

    def __init__(self):
        super().__init__()
        self.taken = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().replace("sent,", "sent")
        for phase, milliseconds in re.findall(r"(\w+) (\d+) ms", text):
            self.taken[phase].append(int(milliseconds))


def writer(height: int, width: int):
    """Writes an image enlarged to this size, in 12 bits."""
    image = conftest.image.__wrapped__()

    def write(path: Path, pixels: np.ndarray, bits: int, **tags) -> Path:
        large = np.asarray(Image.fromarray(pixels).resize((width, height))).astype(np.uint16) * 16
        return image(path, pixels=large, bits=12, **tags)

    return write


def measure(images: int, height: int, width: int, folder: Path) -> dict[str, float]:
    """Median of each phase, without the first image."""
    times = Times()
    logging.getLogger("mdfnet").handlers = [times]
    logging.getLogger("mdfnet").setLevel(logging.INFO)
    with fhir_stub.serving() as fhir, running_orthanc("Orthanc", folder / "orthanc") as archive:
        fhir.page = 200
        for one in synthetic_images(images + 1, folder, writer(height, width), fhir):
            archive.send(one.path)
        source = {**archive.settings(), "start": "beginning"}
        record = {"kind": "fhir", "url": fhir.url, "zone": ZONE}
        config = {"model": "demo", "state": "state", "source": source, "record": record}
        (folder / "node.yaml").write_text(yaml.safe_dump(config))
        assert Node.of(load_node(folder / "node.yaml")).run(once=True) == 0
    return {phase: median(times.taken[phase][1:]) for phase in PHASES}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40)
    images = parser.parse_args().images
    torch.set_num_threads(1)
    print(f"{'median ms of ' + str(images) + ' images':28}" + "".join(f"{phase:>9}" for phase in (*PHASES, "beside")))
    for height, width in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            taken = measure(images, height, width, Path(folder))
        beside = sum(taken.values()) - taken["model"]
        row = "".join(f"{number:>9.0f}" for number in (*taken.values(), beside))
        print(f"{height} x {width}".ljust(28) + row, flush=True)


if __name__ == "__main__":
    main()
