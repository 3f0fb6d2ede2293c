"""The demo: what the vital signs add, seen on synthetic images in a few minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mdfnet.cli.scores import print_scores
from mdfnet.core.files import check_folder_can_be_made
from mdfnet.data.dataset import Dataset
from mdfnet.data.phantom import PhantomConfig, write_phantoms
from mdfnet.evaluation.evaluate import evaluate
from mdfnet.evaluation.score import Scored
from mdfnet.models.card import NOTICE
from mdfnet.models.config import load_config
from mdfnet.report.evaluation import write_report
from mdfnet.report.runs import read_report
from mdfnet.training.train import train

#: Sized so that the whole demo takes less than five minutes on two cores.
IMAGES, SIZE, SPLITS = 640, 192, (0.625, 0.125, 0.25)

#: Findings that look alike on the image; only the vital signs tell them apart.
LOOK_ALIKE = ("Atelectasis", "Consolidation", "Pulmonary edema")

#: The two models: the same detector without and with the clinical data.
MODELS = {"image-only": {"map": None, "vector": None}, "fused": {}}


def run_demo(out: Path, *, seed: int = 0, log: Callable[[str], None] = print) -> dict[str, Scored]:
    """Make images, train image-only and fused, score both on the test split, write the report.

    Args:
        out: New folder: ``data/``, ``image-only/``, ``fused/`` and ``report.html``.
        seed: Of images and training.
        log: Where to print.

    Returns:
        Both models' scores by name.

    Raises:
        UserError: The folder exists already.
    """
    check_folder_can_be_made(out, new=True)
    log(f"1/4  making {IMAGES} synthetic images with findings and vital signs")
    dataset = write_phantoms(PhantomConfig(count=IMAGES, size=SIZE, seed=seed, splits=SPLITS), out / "data")
    scored = {}
    for step, (name, overrides) in enumerate(MODELS.items(), start=2):
        log(f"{step}/4  training {name} on {len(dataset.split('train'))} images")
        config, image_only = load_config("tiny", {**overrides, "seed": seed}), out / "image-only" / "model"
        train(config, dataset, out / name, devices=1, image_only=image_only, log=log)
        scored[name] = evaluate(out / name, dataset, "test", out=out / name / "test", log=log)
    log("4/4  writing the report")
    title = "Do vital signs help to read chest X-rays?"
    folders = [out / name / "test" for name in MODELS]
    write_report(out / "report.html", read_report(title, folders, dataset, f"mdfnet demo --seed {seed}"))
    _conclude(scored, dataset, out, log)
    return scored


def _conclude(scored: dict[str, Scored], dataset: Dataset, out: Path, log: Callable[[str], None]) -> None:
    for one in scored.values():
        print_scores(one)
    plain, fused = (_look_alike(scored[name], dataset) for name in MODELS)
    log(f"Look-alikes ({', '.join(LOOK_ALIKE)}): AP50 {plain:.2f} by the image alone, {fused:.2f} with vital signs.")
    log(f"Images and vital signs are synthetic. {NOTICE}")
    log(f"Look at {out / 'report.html'}")


def _look_alike(scored: Scored, dataset: Dataset) -> float:
    per_class = scored.evaluation.measures["AP@IoU=0.5"]
    return float(np.mean([per_class[dataset.classes.label(name) - 1] for name in LOOK_ALIKE]))
