"""What clinical fusion costs: a training step, a detection and peak memory, as ratios to the image-only model.

    python benchmarks/fusion_cost.py                          # every installed detector, default fusion over none
    python benchmarks/fusion_cost.py --detectors rcnn ssd vector=concat
    python benchmarks/fusion_cost.py --presets                # `default` beside the paper's own models

The models of a group run in a process each, so that their peak memory is their own, and take turns, round by round, so
that a change of the machine's speed hits all alike. Printed: medians, and their ratios to the first of the group, in
processor time and, in parentheses, in wall time. The claim: fusion costs at most 1.05, of the smallest detectors 1.10.
In training a step of the fusion alone, on the held detector, as is the default: its first stage is the image-only
training. ``fusion_epochs=null`` measures a step of both at once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

#: Detection of one image is repeated for about so long, so that a clock can tell; seconds of processor time.
LONG_ENOUGH = 0.5

#: A preset, then config keys as ``key=value``.
Recipe = list[str]

IMAGE_ONLY = ["map=null", "vector=null"]
PRESETS: dict[str, Recipe] = {
    "default, image only": ["default", *IMAGE_ONLY],
    "default": ["default"],
    "paper-baseline": ["paper-baseline", "mask_head=false"],
    "paper-mdfnet": ["paper-mdfnet", "mask_head=false"],
}


def serve(pipe: Connection, recipe: Recipe, options: argparse.Namespace) -> None:
    """Answer each request with one round: seconds per image of training and of detection, and peak memory in MB."""
    bench = Bench(recipe, options)
    while pipe.recv():
        trained, detected = seconds(bench.train), seconds(bench.detect)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send([*(t / options.batch for t in trained), *(t / bench.repeats for t in detected), memory])


def seconds(task: Callable[[], None]) -> tuple[float, float]:
    """Processor time and wall time of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    task()
    return time.process_time() - cpu, time.perf_counter() - wall


class Bench:
    """A model with a batch to train on and an image to look at."""

    def __init__(self, recipe: Recipe, options: argparse.Namespace):
        import torch

        import mdfnet
        from mdfnet.models.config import load_config
        from mdfnet.training.stages import freeze_batch_norm

        torch.set_num_threads(options.threads)
        torch.manual_seed(0)
        (preset, *overrides), size = recipe, options.size
        self.model = mdfnet.build(load_config(preset, [f"size={size}", *overrides]))
        if self.model.config.staged:
            self.model.detector.requires_grad_(False)
            freeze_batch_norm(self.model.detector)
        self.optimizer = torch.optim.AdamW([p for p in self.model.parameters() if p.requires_grad], 1e-5)
        self.images = [torch.rand(1, size, size) for _ in range(options.batch)]
        boxes = torch.tensor([[0.2, 0.2, 0.5, 0.6], [0.5, 0.4, 0.8, 0.7]]) * size
        self.targets = [{"boxes": boxes, "labels": torch.tensor([1, 4])} for _ in self.images]
        self.records = torch.tensor([[67, 37.9, 96, 20, 95, 120, 70, 3, 2, 1.0]]).repeat(options.batch, 1)
        self.repeats = 1
        self.detect()
        self.repeats = max(1, round(LONG_ENOUGH / seconds(self.detect)[0]))

    def train(self) -> None:
        self.optimizer.zero_grad()
        sum(self.model.losses(self.images, self.targets, self.records).values()).backward()
        self.optimizer.step()

    def detect(self) -> None:
        for _ in range(self.repeats):
            self.model.detect(self.images[:1], self.records[:1])


def measure(group: dict[str, Recipe], options: argparse.Namespace) -> dict[str, list[float]]:
    """Medians over the rounds, by model."""
    context, pipes, measured = multiprocessing.get_context("spawn"), {}, {name: [] for name in group}
    for name, recipe in group.items():
        pipes[name], theirs = context.Pipe()
        context.Process(target=serve, args=(theirs, recipe, options), daemon=True).start()
    for round_number in range(options.rounds + 1):
        for name, pipe in pipes.items():
            pipe.send(True)
            answer = pipe.recv()
            if round_number:  # the first warms up
                measured[name].append(answer)
    for pipe in pipes.values():
        pipe.send(False)
    return {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in measured.items()}


def report(medians: dict[str, list[float]]) -> None:
    """Print a line per model."""
    first = next(iter(medians.values()))
    for name, values in medians.items():
        train, train_wall, detect, detect_wall, memory = (a / b for a, b in zip(values, first, strict=True))
        cells = [
            f"{values[0]:9.3f} x{train:5.2f} ({train_wall:5.2f})",
            f"{values[2]:9.3f} x{detect:5.2f} ({detect_wall:5.2f})",
            f"{values[4]:7.0f} x{memory:5.2f}",
        ]
        print(f"{name:46}", *cells, flush=True)


def groups(options: argparse.Namespace) -> list[dict[str, Recipe]]:
    """What is compared with what."""
    if options.presets:
        return [{name: [*recipe, *options.overrides] for name, recipe in PRESETS.items()}]
    from mdfnet.models.detectors.registry import entries

    names = options.detectors or [name for name, entry in entries().items() if entry.installed]
    fused = {name: ["default", f"detector.name={name}", *options.overrides] for name in names}
    return [{name: [*recipe, *IMAGE_ONLY], f"{name}, fused": recipe} for name, recipe in fused.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="config keys of the models, such as vector=concat")
    parser.add_argument("--detectors", nargs="+", help="default: all that are installed")
    parser.add_argument("--presets", action="store_true", help="compare presets instead")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(f"{options.threads} thread(s), {options.size} px, a step of {options.batch} images, detection on one image;")
    print(f"processor time, in parentheses wall time, medians of {options.rounds} rounds")
    print(f"{'':46}{'train, s/image':>24} {'detect, s/image':>24} {'peak MB':>14}")
    for group in groups(options):
        report(measure(group, options))


if __name__ == "__main__":
    main()
