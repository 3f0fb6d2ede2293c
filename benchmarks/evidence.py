"""What intervals and explanations cost, as ratios of the plain way, both measured in one run.

Usage: python benchmarks/evidence.py [bootstrap] [--films N] [--replicates R]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import time
from types import SimpleNamespace

import numpy as np

from mdfnet.metrics.average_precision import average_precision, mean_over_classes
from mdfnet.metrics.bootstrap import draws
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.matching import match

CLASSES, BOXES = 5, 10


def bootstrap(options: argparse.Namespace) -> None:
    """Replicates of mAP over patients, against accumulating with pycocotools for each replicate."""
    found, targets = random_films(options.films)
    cases = Cases.of(found, targets, CLASSES)
    start = time.process_time()
    matches = match(cases, thresholds=(0.5,))
    matching = time.process_time() - start
    patients = [str(film // 2) for film in range(options.films)]
    before, start = peak(), time.process_time()
    values = [mean_over_classes(average_precision(matches, rows)[:, 0]) for rows in draws(patients, options.replicates)]
    ours, memory = time.process_time() - start, peak() - before
    assert sum(map(len, values)) == options.replicates
    theirs, value = accumulated(found, targets, rounds=3)
    same = float(mean_over_classes(average_precision(matches)[0]))
    assert abs(value - same) < 1e-6, (value, same)
    print(f"{options.films} films, {CLASSES} classes, {BOXES} boxes a film; mAP {same:.4f} both ways")
    plain = theirs * options.replicates
    print(f"processor time: matching once {matching:.2f} s")
    print(f"{options.replicates} replicates {ours:.2f} s, {memory:.0f} MB more than before")
    print(f"pycocotools: accumulate once {theirs:.2f} s, {options.replicates} times {plain:.0f} s")
    print(f"ratio {plain / ours:.0f}; {plain / (ours + matching):.0f} with our matching, without theirs")


def random_films(count: int) -> tuple[list[SimpleNamespace], list[SimpleNamespace]]:
    """A mark on most films, boxes near marks and elsewhere."""
    random = np.random.default_rng(0)
    found, targets = [], []
    for _ in range(count):
        marks = random.integers(0, 4)
        boxes, labels = random_boxes(random, marks), random.integers(1, CLASSES + 1, marks)
        targets.append(SimpleNamespace(boxes=boxes, labels=labels))
        near = np.repeat(boxes, 2, axis=0)[:BOXES] + random.normal(0, 8, (min(2 * marks, BOXES), 4)).round()
        near = np.hstack([near[:, :2], np.maximum(near[:, 2:], near[:, :2] + 1)])
        other = random_boxes(random, BOXES - len(near))
        scores = random.random(BOXES) * np.repeat([1.0, 0.7], [len(near), len(other)])
        labels = np.concatenate([np.repeat(labels, 2)[: len(near)], random.integers(1, CLASSES + 1, len(other))])
        found.append(SimpleNamespace(boxes=np.vstack([near, other]), labels=labels, scores=scores))
    return found, targets


def random_boxes(random: np.random.Generator, count: int) -> np.ndarray:
    corner = random.integers(0, 400, (count, 2)).astype(float)
    return np.hstack([corner, corner + random.integers(20, 110, (count, 2))])


def accumulated(found: list[SimpleNamespace], targets: list[SimpleNamespace], rounds: int) -> tuple[float, float]:
    """Seconds of processor time that ``COCOeval.accumulate`` takes when all is matched, and its mAP at IoU 0.5."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": film} for film in range(1, len(targets) + 1)],
            "categories": [{"id": label} for label in range(1, CLASSES + 1)],
            "annotations": [one | {"id": i} for i, one in enumerate(entries(targets), start=1)],
        }
        truth.createIndex()
        scores = np.concatenate([one.scores for one in found]).tolist()
        results = [one | {"score": score} for one, score in zip(entries(found), scores, strict=True)]
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.params.iouThrs, evaluation.params.maxDets = np.array([0.5]), [100]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        start = time.process_time()
        for _ in range(rounds):
            evaluation.accumulate()
    return (time.process_time() - start) / rounds, float(evaluation.eval["precision"].mean())


def entries(marks: list[SimpleNamespace]):
    for film, mark in enumerate(marks, start=1):
        for (x1, y1, x2, y2), label in zip(mark.boxes.tolist(), mark.labels.tolist(), strict=True):
            w, h = x2 - x1, y2 - y1
            yield {"image_id": film, "category_id": label, "bbox": [x1, y1, w, h], "area": w * h, "iscrowd": 0}


def peak() -> float:
    """Most memory used so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


#: Name on the command line -> what is measured.
PARTS = {"bootstrap": bootstrap}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--replicates", type=int, default=1000)
    options = parser.parse_args()
    for name in options.parts or PARTS:
        PARTS[name](options)


if __name__ == "__main__":
    main()
