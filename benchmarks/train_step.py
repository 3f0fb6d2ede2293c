"""Seconds per film and peak memory of a training step and of detection, side by side in one run.

Usage: python benchmarks/train_step.py [--size 512] [--batch 4] [--rounds 5] [--threads 1]

Every model runs in a process of its own, so that its peak memory is its own; the models take turns, round by round, so
that a change of the machine's speed hits all alike. Printed: medians, and ratios of the medians to the first model.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time

import torch

import mdfnet

#: Name -> preset and overrides; the first is what the others are compared with.
MODELS = {
    "default, image only": ("default", {"map": None, "vector": None}),
    "default": ("default", {}),
    "paper-baseline": ("paper-baseline", {"mask_head": False}),
    "paper-mdfnet": ("paper-mdfnet", {"mask_head": False}),
}


def serve(pipe, name: str, size: int, batch: int, threads: int) -> None:
    """Answer each request: seconds per film of a training step and of one detection, and the peak memory in MB."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    preset, overrides = MODELS[name]
    model = mdfnet.build(preset, size=size, **overrides)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    images = [torch.rand(1, size, size) for _ in range(batch)]
    box = torch.tensor([[0.2, 0.2, 0.5, 0.6], [0.5, 0.4, 0.8, 0.7]]) * size
    targets = [{"boxes": box, "labels": torch.tensor([1, 4])} for _ in images]
    records = torch.tensor([[67, 37.9, 96, 20, 95, 120, 70, 3, 2, 1.0]]).repeat(batch, 1)
    while pipe.recv():
        start = time.perf_counter()
        optimizer.zero_grad()
        sum(model.losses(images, targets, records).values()).backward()
        optimizer.step()
        trained = time.perf_counter()
        model.detect(images[:1], records[:1])
        detected = time.perf_counter()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send(((trained - start) / batch, detected - trained, memory))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    context, pipes = multiprocessing.get_context("spawn"), {}
    for name in MODELS:
        pipes[name], theirs = context.Pipe()
        arguments = (theirs, name, options.size, options.batch, options.threads)
        context.Process(target=serve, args=arguments, daemon=True).start()
    measured = {name: [] for name in MODELS}
    for round_number in range(options.rounds + 1):
        for name, pipe in pipes.items():
            pipe.send(True)
            result = pipe.recv()
            if round_number:  # the first warms up
                measured[name].append(result)
    for pipe in pipes.values():
        pipe.send(False)
    report(measured, options)


def report(measured: dict[str, list[tuple[float, float, float]]], options: argparse.Namespace) -> None:
    """Print medians and their ratios to the first model's."""
    print(f"torch {torch.__version__}, {options.threads} thread(s), {options.size} px, batch {options.batch}, "
          f"median of {options.rounds} rounds; x: ratio to the first")  # fmt: skip
    print(f"{'model':22}{'train s/film':>20}{'detect s/film':>20}{'peak MB':>18}")
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in measured.items()
    }
    first = next(iter(medians.values()))
    for name, values in medians.items():
        cells = [f"{value:>11.3f} x{value / base:<5.2f}" for value, base in zip(values, first, strict=True)]
        print(f"{name:22}" + "  ".join(cells))


if __name__ == "__main__":
    main()
