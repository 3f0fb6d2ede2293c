"""Trains the small fused model that ships with the package, on synthetic images with synthetic vital signs.

Usage: python scripts/make_demo_model.py [--threads N]; about 20 minutes on one core. Writes src/mdfnet/demo_model/.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import torch

from mdfnet.data.phantom import PhantomConfig, write_phantoms
from mdfnet.models.card import DEMO_MODEL
from mdfnet.models.config import load_config
from mdfnet.training.train import train

#: Not the demo's seed: its images stay unseen by the shipped model.
PHANTOMS = PhantomConfig(count=1200, size=192, seed=1000, missing=0.1, splits=(0.85, 0.15, 0.0))
OVERRIDES = {"name": "demo", "epochs": 15}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    with tempfile.TemporaryDirectory() as folder:
        dataset = write_phantoms(PHANTOMS, Path(folder) / "data")
        train(load_config("tiny", OVERRIDES), dataset, Path(folder) / "run", devices=1)
        shutil.rmtree(DEMO_MODEL, ignore_errors=True)
        shutil.copytree(Path(folder) / "run" / "model", DEMO_MODEL)
    print(f"wrote {DEMO_MODEL}")


if __name__ == "__main__":
    main()
