"""Time and memory of exact Shapley values of one film, beside as many detections.

    python benchmarks/evidence_shapley.py [--size 512] [--boxes 1 10] [--threads 1]

All 1,024 coalitions of the ten values of a record, with the preset `default`, untrained: for boxes that the model
found, and for all of its findings. The claims: under 2 s a film, at least 100 times faster than 1,024 `detect` calls
(timed over `--detects` of them, and multiplied), memory bounded. Processor time, so that other work on the machine does
not count; with one thread that is what an idle machine takes.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace

import torch

import mdfnet
from mdfnet.explain.shapley import box_shapley, finding_shapley

RECORD = [67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1.0]
COALITIONS = 2 ** len(RECORD)


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


def peak() -> float:
    """Most memory this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--boxes", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--detects", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, record, films = listening(args.size), torch.tensor(RECORD), [torch.rand(1, args.size, args.size)]
    features = model.encode(films)
    (found,) = model.detect_from(features, record[None])

    def detect() -> None:
        for _ in range(args.detects):
            model.detect(films, record[None])

    encode, detects = seconds(lambda: model.encode(films)), seconds(detect) / args.detects * COALITIONS
    before = peak()
    print(f"{args.size} px, {args.threads} threads; encode {1000 * encode:.0f} ms")
    print(f"{COALITIONS} detect calls: {detects:.1f} s; memory before Shapley {before:.0f} MB")
    for count in args.boxes:
        some = replace(found, boxes=found.boxes[:count], labels=found.labels[:count], scores=found.scores[:count])
        report(f"{count} boxes", seconds(lambda some=some: box_shapley(model, features, some, record)), encode, detects)
    report("all findings", seconds(lambda: finding_shapley(model, features, record)), encode, detects)


def report(what: str, took: float, encode: float, detects: float) -> None:
    """A line: without and with the encoding of the film, and how often that goes into the detections."""
    ratio = detects / (took + encode)
    print(f"{what:>12}: {took:.3f} s, with encode {took + encode:.3f} s, {ratio:.0f} times faster; {peak():.0f} MB")


if __name__ == "__main__":
    main()
