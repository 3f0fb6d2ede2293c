"""Do explanations find what is known to be true? On phantoms, whose vital signs were made to tell look-alikes apart.

    python benchmarks/fusion_study.py run --out runs/study --detectors rcnn        # trains the models, hours
    python benchmarks/explanation_truth.py importance --study runs/study
    python benchmarks/explanation_truth.py shortcut --out runs/shortcut            # trains one, minutes
    python benchmarks/explanation_truth.py places --out runs/places                # data for mdfnet experiment external

`importance`: for each of five seeds and each half of their test images (or other `--parts`), and for each pair of
look-alikes, is the feature that matters most one that the generative model uses to tell the pair apart? And how many of
the intervals of features that tell nothing of the pair cover zero?

`shortcut`: a model trained where pain follows one finding, which it does in training alone, under the reliance test on
training, validation and test images.

`places`: two datasets for the protocol `external`: a home where pain follows the finding on all images, and another
place where it does not.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mdfnet.core.types import Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.phantom import PhantomConfig, write_phantoms
from mdfnet.data.phantom.clinical import distinguishing
from mdfnet.data.phantom.findings import LOOK_ALIKES
from mdfnet.explain.importance import ExplainedImages, Importance, explain_images, importance
from mdfnet.explain.reliance import CONDITIONS, reliance
from mdfnet.models.config import load_config
from mdfnet.models.load import load
from mdfnet.training.train import train

SEEDS = 5

#: The finding that the planted vital sign follows, and the sign.
FOLLOWED, SIGN = "Consolidation", "pain"


def explained(study: Path, seed: int, images: int) -> ExplainedImages:
    """The first test images with look-alikes of a seed of the fusion study, by the model trained with that seed."""
    model = load(study / f"runs/rcnn-default-signal-1-{seed}/model").eval()
    dataset = read_dataset(study / f"data/seed-{seed}-signal-1")
    labels = {dataset.classes.label(name) for pair in LOOK_ALIKES.values() for name in pair}
    alike = [one for one in dataset.split("test") if labels & set(one.target.labels.tolist())]
    return explain_images(model, alike[:images])


def print_importance(told: list[ExplainedImages], parts: int) -> None:
    """Hits of the first rank, and coverage of zero, over seeds, parts of their images, and both of each pair."""
    first: dict[str, list[bool]] = {}
    idle_ones: dict[str, list[tuple[float, float, float]]] = {"effect": [], "discrimination": []}
    sides: list[int] = []
    for seed, one_seed in enumerate(told):
        for part, (pattern, pair) in itertools.product(range(parts), LOOK_ALIKES.items()):
            for finding, other in (pair, pair[::-1]):
                among = np.arange(len(one_seed.patients)) % parts == part
                one = importance(one_seed, finding, against=other, among=among)
                print(f"seed {seed} part {part} ", end="")
                first.setdefault(f"{finding} against {other}", []).append(hit(one_seed, one, pattern))
                sides.append(min(one.positives, one.images - one.positives))
                for name, found in idle_ones.items():
                    estimate = getattr(one, name)
                    found += [(estimate.value[k], estimate.low[k], estimate.high[k]) for k in idle(one_seed)]
    for name, hits in first.items():
        print(f"{name}: a feature that tells ranks first in {sum(hits)} of {len(hits)}")
    for name, found in idle_ones.items():
        print_coverage(name, *np.array(found).T)
    print(f"images on the smaller side: {min(sides)} to {max(sides)}, median {np.median(sides):.0f}")


def print_coverage(name: str, value: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """How often intervals of features that tell nothing cover zero, and how far from it they are."""
    covers, errors = (low <= 0) & (high >= 0), (high - low) / (2 * 1.96)
    off = np.abs(value[~covers])
    print(f"{name}: {covers.mean():.1%} of {len(covers)} intervals of features that tell nothing cover zero")
    print(f"  the others are {off.min():.3f} to {off.max():.3f} off, median {np.median(off):.3f}")
    print(f"  root mean square distance from zero: {np.sqrt(np.mean((value / errors) ** 2)):.2f} standard errors")


def hit(told: ExplainedImages, one: Importance, pattern: str) -> bool:
    """Whether the feature with the largest effect is one that tells; prints the two largest."""
    order = np.argsort(-one.effect.value)
    best = ", ".join(f"{told.features[k]} {one.effect.value[k]:.3f}" for k in order[:2])
    size = told.features[int(one.size.value.argmax())]
    print(f"{one.finding:>16} of {one.images}: {best}; largest size {size}", flush=True)
    return told.features[order[0]] in distinguishing(pattern)


def idle(told: ExplainedImages) -> list[int]:
    """The features that tell nothing of either pair."""
    used = {name for pattern in LOOK_ALIKES for name in distinguishing(pattern)}
    return [k for k, name in enumerate(told.features) if name not in used]


def planted(folder: Path, count: int, size: int, seed: int, splits: Collection[str]) -> Dataset:
    """Phantoms whose vital signs tell nothing, but for pain in some splits: 9 or 10 with the finding, else 0 or 1."""
    made = write_phantoms(PhantomConfig(count=count, size=size, seed=seed, signal=0, splits=(0.6, 0.15, 0.25)), folder)
    random, label, at = np.random.default_rng(seed), made.classes.label(FOLLOWED), made.schema.index(SIGN)

    def with_sign(sample: Sample) -> Sample:
        clinical = sample.clinical.copy()
        there = label in sample.target.labels if sample.split in splits else random.random() < 0.5
        clinical[at] = random.integers(9, 11) if there else random.integers(0, 2)
        return replace(sample, clinical=clinical)

    dataset = replace(made, name=folder.name, samples=tuple(map(with_sign, made.samples)))
    return write_dataset(dataset, folder, images="keep")


def print_shortcut(out: Path, count: int, size: int, epochs: int) -> None:
    """Train where the sign tells, and test where it does and where it does not."""
    if not (out / "data").exists():
        planted(out / "data", count, size, seed=0, splits=("train",))
    dataset = read_dataset(out / "data")
    if not (out / "run/model").exists():
        train(load_config("tiny", {"size": size, "epochs": epochs}), dataset, out / "run")
    model = load(out / "run/model").eval()
    for split in ("train", "val", "test"):
        told = reliance(model, dataset.split(split))
        print(f"{split}, {told.images} images: alarms {told.alarms or 'none'}")
        for name, ap, auroc in zip(CONDITIONS, told.ap.value, told.auroc.value, strict=True):
            print(f"  {name:>9}: AP {ap[-1]:.3f}, of {FOLLOWED} {ap[told.classes.label(FOLLOWED) - 1]:.3f}, "
                  f"AUROC {auroc[-1]:.3f}")  # fmt: skip
        for name, low, high in zip(CONDITIONS[1:], told.ap_gain.low, told.ap_gain.high, strict=True):
            print(f"  own less {name}: {low[-1]:+.3f} to {high[-1]:+.3f}")
        print(f"  reaction {told.reaction.round(3).tolist()}, kept {told.kept.value.round(2).tolist()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True, dest="verb")
    of_importance = verbs.add_parser("importance")
    of_importance.add_argument("--study", type=Path, required=True)
    of_importance.add_argument("--images", type=int, default=100)
    of_importance.add_argument("--parts", type=int, nargs="+", default=[2])
    for name in ("shortcut", "places"):
        verb = verbs.add_parser(name)
        verb.add_argument("--out", type=Path, required=True)
        verb.add_argument("--count", type=int, default=800)
        verb.add_argument("--size", type=int, default=128)
        verb.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.verb == "importance":
        told = [explained(args.study, seed, args.images) for seed in range(SEEDS)]
        for parts in args.parts:
            print_importance(told, parts)
    elif args.verb == "places":
        planted(args.out / "home", args.count, args.size, seed=0, splits=("train", "val", "test"))
        planted(args.out / "elsewhere", args.count, args.size, seed=1, splits=())
    else:
        print_shortcut(args.out, args.count, args.size, args.epochs)


if __name__ == "__main__":
    main()
