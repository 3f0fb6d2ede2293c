"""What intervals and explanations cost, as ratios of the plain way, both measured in one run.

    python benchmarks/evidence.py bootstrap [--images N] [--replicates R]
    python benchmarks/evidence.py shapley [--size 512] [--boxes 1 10] [--detects 50] [--threads 1]

`bootstrap`: replicates of mAP over patients, against accumulating with pycocotools as often. The claim: 1,000
replicates of 10,000 images in under 10 s, at least 100 times faster.

`shapley`: all 1,024 coalitions of the ten values of a record, with the preset `default`, untrained, for boxes that the
model found and for all of its findings, against as many `detect` calls (timed over `--detects` of them, and
multiplied). The claim: under 2 s an image, at least 100 times faster, memory bounded.

Processor time, so that other work on the machine does not count; with one thread that is what an idle machine takes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import parts
import torch

import mdfnet
from mdfnet.explain.shapley import box_shapley, finding_shapley
from mdfnet.metrics.average_precision import average_precision, mean_over_classes
from mdfnet.metrics.bootstrap import draws
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.matching import match

CLASSES, BOXES = 5, 10

RECORD = [67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1.0]
COALITIONS = 2 ** len(RECORD)


def bootstrap(options: argparse.Namespace) -> None:
    """Replicates of mAP over patients, against accumulating with pycocotools for each replicate."""
    found, targets = random_images(options.images)
    cases = Cases.of(found, targets, CLASSES)
    start = time.process_time()
    matches = match(cases, thresholds=(0.5,))
    matching = time.process_time() - start
    patients = [str(image // 2) for image in range(options.images)]
    before, start = parts.peak(), time.process_time()
    values = [mean_over_classes(average_precision(matches, rows)[:, 0]) for rows in draws(patients, options.replicates)]
    ours, memory = time.process_time() - start, parts.peak() - before
    assert sum(map(len, values)) == options.replicates
    theirs, value = accumulated(found, targets, rounds=3)
    same = float(mean_over_classes(average_precision(matches)[0]))
    assert abs(value - same) < 1e-6, (value, same)
    print(f"{options.images} images, {CLASSES} classes, {BOXES} boxes an image; mAP {same:.4f} both ways")
    plain = theirs * options.replicates
    print(f"processor time: matching once {matching:.2f} s")
    print(f"{options.replicates} replicates {ours:.2f} s, {memory:.0f} MB more than before")
    print(f"pycocotools: accumulate once {theirs:.2f} s, {options.replicates} times {plain:.0f} s")
    print(f"ratio {plain / ours:.0f}; {plain / (ours + matching):.0f} with our matching, without theirs")


def random_images(count: int) -> tuple[list[SimpleNamespace], list[SimpleNamespace]]:
    """A mark on most images, boxes near marks and elsewhere."""
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
            "images": [{"id": image} for image in range(1, len(targets) + 1)],
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
    for image, mark in enumerate(marks, start=1):
        for (x1, y1, x2, y2), label in zip(mark.boxes.tolist(), mark.labels.tolist(), strict=True):
            w, h = x2 - x1, y2 - y1
            yield {"image_id": image, "category_id": label, "bbox": [x1, y1, w, h], "area": w * h, "iscrowd": 0}


def listening(size: int) -> mdfnet.Model:
    """An untrained model whose fusers are not zero."""
    torch.manual_seed(0)
    model = mdfnet.build("default", size=size, box_score=0.0).eval()
    with torch.no_grad():
        for parameter in model.fusion.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def seconds(run: Callable[[], object], times: int = 3) -> float:
    """Processor time of the quickest of several runs, after one to warm up."""
    run()
    took = []
    for _ in range(times):
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    return min(took)


def shapley(options: argparse.Namespace) -> None:
    """All coalitions of a record, against as many detections."""
    torch.set_num_threads(options.threads)
    model, record, images = listening(options.size), torch.tensor(RECORD), [torch.rand(1, options.size, options.size)]
    features = model.encode(images)
    (found,) = model.detect_from(features, record[None])

    def detect() -> None:
        for _ in range(options.detects):
            model.detect(images, record[None])

    encode, detects = seconds(lambda: model.encode(images)), seconds(detect) / options.detects * COALITIONS
    before = parts.peak()
    print(f"{options.size} px, {options.threads} threads; encode {1000 * encode:.0f} ms")
    print(f"{COALITIONS} detect calls: {detects:.1f} s; memory before Shapley {before:.0f} MB")
    for count in options.boxes:
        some = replace(found, boxes=found.boxes[:count], labels=found.labels[:count], scores=found.scores[:count])
        report(f"{count} boxes", seconds(lambda some=some: box_shapley(model, features, some, record)), encode, detects)
    report("all findings", seconds(lambda: finding_shapley(model, features, record)), encode, detects)


def report(what: str, took: float, encode: float, detects: float) -> None:
    """A line: without and with the encoding of the image, and how often that goes into the detections."""
    whole, memory = took + encode, parts.peak()
    print(f"{what:>12}: {took:.3f} s, with encode {whole:.3f} s, {detects / whole:.0f} times faster; {memory:.0f} MB")


#: Name on the command line -> what is measured.
PARTS = {"bootstrap": bootstrap, "shapley": shapley}


def main() -> None:
    parts.run(
        PARTS,
        __doc__,
        images={"type": int, "default": 10_000},
        replicates={"type": int, "default": 1000},
        size={"type": int, "default": 512},
        boxes={"type": int, "nargs": "+", "default": [1, 10]},
        detects={"type": int, "default": 50},
        threads={"type": int, "default": 1},
    )


if __name__ == "__main__":
    main()
