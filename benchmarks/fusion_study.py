"""What fusion gains and whether it harms: one protocol for any detector and any fusion.

Usage: python benchmarks/fusion_study.py run --out runs/study [--source phantom] [--detectors rcnn ssd] [--seeds 5]
       python benchmarks/fusion_study.py table --out runs/study

Every seed is a replicate of its own: other images, other patients, other starting weights. For each, on the same
images:

- image-only: the detector without clinical data;
- fused, on vital signs that tell (signal 1) and on vital signs that tell nothing (signal 0);
- ceiling: the same detector, told which of the look-alike classes an opacity has, as well as the record can tell: it
  is trained on the look-alikes as one class, and each box it finds is divided among the classes by the posterior of
  the generative model, given the record (:func:`mdfnet.data.phantom.class_probabilities`).

The fused model is scored also with all records missing and with half of all values missing. What is done stands in
OUT/results.jsonl, a line each, and is not done again, so a killed study goes on where it was. The lines behind
docs/results.md are in docs/fusion-study: python benchmarks/fusion_study.py table --out docs/fusion-study
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from study_sources import SOURCES, Source

from mdfnet.core.types import Detections, Sample
from mdfnet.data.dataset import Dataset
from mdfnet.experiments.cell_data import hidden
from mdfnet.metrics.evaluation import evaluate
from mdfnet.models.card import is_model
from mdfnet.models.config import load_config
from mdfnet.models.inference import detect_images
from mdfnet.models.model import Model
from mdfnet.training.run_folder import has_checkpoint
from mdfnet.training.train import train

#: Detectors by what the tables call them: preset and overrides.
DETECTORS: dict[str, tuple[str, dict[str, Any]]] = {
    "rcnn": ("tiny", {}),
    "retinanet": ("default", {"detector.name": "retinanet"}),
    "fcos": ("default", {"detector.name": "fcos"}),
    "ssd": ("default", {"detector.name": "ssd"}),
    "yolov9_t": ("default", {"detector.name": "yolov9_t", "epochs": 12}),
    "rt-detr-v2": ("detr-tiny", {"lr": 0.001, "epochs": 15}),
}

#: Fusions by what the tables call them. "concat": at the first layer over each RoI, as in the paper.
AT_ONCE = {"train.fusion_epochs": None}
CONCAT_AT_ONCE = {"vector": "concat", **AT_ONCE}
NOTHING_HIDDEN = {**CONCAT_AT_ONCE, "record_dropout": 0.0, "feature_dropout": 0.0}
PAPER = {"map": "paper", "zero_start": False, **NOTHING_HIDDEN}
FUSIONS: dict[str, dict[str, Any]] = {
    "none": {"map": None, "vector": None},
    "default": {},
    "at-once": AT_ONCE,
    "concat": {"vector": "concat", "train.fusion_epochs": 20},
    "concat-at-once": CONCAT_AT_ONCE,
    "nothing-hidden": NOTHING_HIDDEN,
    "raw": {"encoder": "paper", **NOTHING_HIDDEN},
    "paper": {"encoder": "paper", **PAPER},
    "paper-scaled": {"encoder": "paper-scaled", **PAPER},
}

#: One line for each cell that is done.
RESULTS = "results.jsonl"

#: What is trained: without records twice, with records that tell and that do not.
ARMS = ("image-only", "ceiling", "signal-1", "signal-0")


@dataclass(frozen=True)
class Cell:
    """One training: on which images, which detector and fusion, what it is taught, which replicate."""

    source: str
    detector: str
    fusion: str
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return "-".join(map(str, vars(self).values()))


def cells(options: argparse.Namespace) -> list[Cell]:
    """All trainings asked for, replicate by replicate."""
    found = []
    for seed in range(options.first, options.first + options.seeds):
        for detector in options.detectors:
            for arm in options.arms:
                fusions = options.fusions if arm.startswith("signal") else ["none"]
                found += [Cell(options.source, detector, fusion, arm, seed) for fusion in fusions]
    return found


def run(options: argparse.Namespace) -> None:
    """Do every cell that is not done."""
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    for cell in cells(options):
        if cell in results(options.out):
            continue
        print(cell.name, flush=True)
        done = trained_and_scored(cell, SOURCES[cell.source], options.out)
        with (options.out / RESULTS).open("a", encoding="utf-8") as file:  # one write: studies side by side do not mix
            file.write(json.dumps({"cell": vars(cell), "scores": done}) + "\n")
        print(json.dumps({given: round(values["look-alike"], 3) for given, values in done.items()}), flush=True)


def results(out: Path) -> dict[Cell, dict[str, dict[str, float]]]:
    """Scores of all cells that are done."""
    if not (out / RESULTS).exists():
        return {}
    lines = map(json.loads, (out / RESULTS).read_text(encoding="utf-8").splitlines())
    return {Cell(**line["cell"]): line["scores"] for line in lines}


def trained_and_scored(cell: Cell, source: Source, out: Path) -> dict[str, dict[str, float]]:
    """Train a cell, or go on with its training, and score it on the test images."""
    preset, overrides = DETECTORS[cell.detector]
    config = load_config(preset, {**source.training, **overrides, **FUSIONS[cell.fusion], "seed": cell.seed})
    dataset = source.images(out, cell.seed, 0.0 if cell.arm == "signal-0" else 1.0)
    folder = out / "runs" / cell.name
    taught = source.merge(dataset) if cell.arm == "ceiling" else dataset
    image_only = out / "runs" / replace(cell, fusion="none", arm="image-only").name / "model"
    how = {"resume": has_checkpoint(folder), "image_only": image_only if is_model(image_only) else None, "devices": 1}
    model = train(config, taught, folder, **how, log=lambda line: print(" ", line, flush=True))
    return scored(model, cell, source, dataset)


def scored(model: Model, cell: Cell, source: Source, dataset: Dataset) -> dict[str, dict[str, float]]:
    """Scores by what the model is given of the records."""
    test = dataset.split("test")
    if cell.arm == "ceiling":
        found = list(detect_images(model, test))
        told = [
            divided(one, source, source.posterior(cell.seed, study)) for one, study in zip(found, test, strict=True)
        ]
        return {"given": scores(told, test, source)}
    shown = {"given": list(test)}
    if cell.fusion != "none":
        shown |= {"half": hidden(test, 0.5, cell.seed), "none": hidden(test, 1.0, cell.seed)}
    return {name: scores(list(detect_images(model, studies)), test, source) for name, studies in shown.items()}


def divided(found: Detections, source: Source, share: np.ndarray) -> Detections:
    """Each opacity's score divided among the look-alikes."""
    rows = []
    for box, label, score in zip(found.boxes, found.labels.tolist(), found.scores.tolist(), strict=True):
        name = source.merged.name(label)
        for own in source.look_alike if name == "Opacity" else (name,):
            own_label = source.classes.label(own)
            rows.append((score * (share[own_label - 1] if name == "Opacity" else 1.0), own_label, box))
    if not rows:
        return found
    rows.sort(key=lambda row: -row[0])
    values, labels, boxes = zip(*rows, strict=True)
    return Detections(torch.stack(boxes), torch.tensor(labels), torch.tensor(values, dtype=torch.float32))


def scores(found: Sequence[Detections], studies: Sequence[Sample], source: Source) -> dict[str, float]:
    """The source's measure: mean over all findings, over the look-alikes, and of each."""
    result = evaluate(found, [s.target for s in studies], source.classes, images=[s.id for s in studies])
    per_class = dict(zip(source.classes.names, result.measures[source.measure], strict=True))
    look_alike = float(np.mean([per_class[name] for name in source.look_alike]))
    return {"all": result.mean(source.measure), "look-alike": look_alike, **per_class}


def table(options: argparse.Namespace) -> None:
    """Print what has been measured so far."""
    known = results(options.out)
    for source, detector, fusion in sorted({(c.source, c.detector, c.fusion) for c in known if c.fusion != "none"}):
        print(f"\n{source}: {detector}, fusion {fusion}; {SOURCES[source].measure}")
        for name, by_seed in rows(known, source, detector, fusion).items():
            if by_seed:
                values = " ".join(f"{value:+.3f}" for value in by_seed.values())
                print(f"  {name:46} {mean_and_interval(list(by_seed.values()))}   {values}")


def rows(known: dict[Cell, dict], source: str, detector: str, fusion: str) -> dict[str, dict[int, float]]:
    """What one fusion gains and harms in one detector, by seed."""

    def values(fusion: str, arm: str, given: str, group: str) -> dict[int, float]:
        wanted = (source, detector, fusion, arm)
        return {c.seed: s[given][group] for c, s in known.items() if (c.source, c.detector, c.fusion, c.arm) == wanted}

    plain, top = (values("none", arm, "given", "look-alike") for arm in ("image-only", "ceiling"))
    fused, half = (values(fusion, "signal-1", given, "look-alike") for given in ("given", "half"))
    plain_all = values("none", "image-only", "given", "all")
    result = {
        "look-alikes: image-only": plain,
        "look-alikes: fused at signal 1": fused,
        "look-alikes: ceiling": top,
        "share of the attainable gain": ratio(difference(fused, plain), difference(top, plain)),
        "share of the gain kept with half missing": ratio(difference(half, plain), difference(fused, plain)),
        "all findings: image-only": plain_all,
    }
    for arm in ("signal-1", "signal-0"):
        for given, name in (("given", ""), ("none", ", records all missing")):
            text = f"all findings: fused - image-only, {arm.replace('-', ' ')}{name}"
            result[text] = difference(values(fusion, arm, given, "all"), plain_all)
    return result


def difference(first: dict[int, float], second: dict[int, float]) -> dict[int, float]:
    """By seed, where both are there."""
    return {seed: value - second[seed] for seed, value in first.items() if seed in second}


def ratio(first: dict[int, float], second: dict[int, float]) -> dict[int, float]:
    """By seed, where both are there."""
    return {seed: value / second[seed] for seed, value in first.items() if seed in second}


#: 97.5 % quantiles of Student's t by degrees of freedom.
STUDENT = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def mean_and_interval(values: list[float]) -> str:
    """Mean over seeds and the half width of its 95 % interval (Student's t)."""
    if len(values) < 3:  # of two, it would be thirteen times their distance
        return f"{np.mean(values):6.3f}        "
    half = STUDENT[len(values) - 1] * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):6.3f} ± {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("run", "table"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--source", default="phantom", choices=SOURCES)
    parser.add_argument("--detectors", nargs="+", default=["rcnn"], choices=DETECTORS)
    parser.add_argument("--fusions", nargs="+", default=["default"], choices=FUSIONS)
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--seeds", type=int, default=5, help="how many replicates")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    {"run": run, "table": table}[options.verb](options)


if __name__ == "__main__":
    main()
