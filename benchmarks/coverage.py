"""Do intervals hold what they promise: simulated repeats with a known truth.

Usage: python benchmarks/coverage.py [ap] [difference] [--repeats N] [--models ...] [--marks ...] [--replicates R]

``ap``: how often the 95 % interval of AP holds the AP of endless images; ``difference``: how often the paired test says
that two equally good models differ, at p < 0.05, and how often the interval of their difference leaves out zero.
A patient has two images, which are alike; half of the images have one mark; a model finds it with some chance, and
false alarms are Poisson, one an image.
"""

from __future__ import annotations

import argparse

import numpy as np
import parts

from mdfnet.metrics.average_precision import average_precision
from mdfnet.metrics.bootstrap import interval, patient_weights, share_interval
from mdfnet.metrics.comparison import Difference, Pair, compare_models
from mdfnet.metrics.matching import Matches
from mdfnet.metrics.measures import Matched

#: How far scores of hits lie above those of false alarms (in their standard deviations), and the share of marks found.
MODELS = {"weak": (0.5, 0.7), "fair": (1.5, 0.85), "strong": (3.0, 0.95)}
MARKS = (20, 50, 100, 200)


class World:
    """Images of some patients: which have a mark, and how alike the images of a patient are."""

    def __init__(self, random: np.random.Generator, images: int):
        self.random = random
        self.patient = np.arange(images) // 2
        self.alike = random.normal(0, 0.5, self.patient.max() + 1)[self.patient]
        self.marked = random.random(images) < 0.5

    def seen_by(self, model: str) -> Matches:
        """What a model finds on these images."""
        apart, share = MODELS[model]
        images, random = len(self.patient), self.random
        hits = np.flatnonzero(self.marked & (random.random(images) < share))
        alarms = np.repeat(np.arange(images), random.poisson(1.0, images))
        image, hit = np.concatenate([hits, alarms]), np.arange(len(hits) + len(alarms)) < len(hits)
        score = 1 / (1 + np.exp(-random.normal(apart * hit) - self.alike[image]))
        order = np.argsort(-score, kind="stable")
        label, truths = np.ones(len(image), np.int64), self.marked[:, None].astype(np.int64)
        return Matches("iou", (0.5,), image[order], label, score[order], hit[None, order], truths)


def ap(options: argparse.Namespace) -> None:
    """A row per model and number of marks."""
    print("model    marks  true AP  mean AP  held by ours, by percentiles; ours too high, too low; width of ours")
    for model in options.models:
        random = np.random.default_rng(0)
        truth = float(average_precision(World(random, 1_000_000).seen_by(model))[0, 0])
        for marks in options.marks:
            values, ours, theirs = [], [], []
            for _ in range(options.repeats):
                world = World(random, 2 * marks)
                matches = world.seen_by(model)
                value, seed = average_precision(matches)[0], int(random.integers(2**31))
                many = average_precision(matches, patient_weights(world.patient, options.replicates, seed))[:, 0]
                values.append(value[0])
                ours.append(np.ravel(share_interval(value, many, matches.truths.sum())))
                theirs.append(np.ravel(interval(many)))
            low, high = np.array(ours).T
            covered = [((one[:, 0] <= truth) & (truth <= one[:, 1])).mean() for one in map(np.array, (ours, theirs))]
            figures = (
                truth,
                np.mean(values),
                *covered,
                (low > truth).mean(),
                (high < truth).mean(),
                (high - low).mean(),
            )
            print(f"{model:8}{marks:6}" + "".join(f"{one:9.3f}" for one in figures), flush=True)


def difference(options: argparse.Namespace) -> None:
    """Two models that are equally good, on the same images."""
    print("model    marks  p < 0.05, interval without zero, both; percentile interval without zero")
    for model in options.models:
        random = np.random.default_rng(1)
        for marks in options.marks:
            flags = []
            for _ in range(options.repeats):
                world = World(random, 2 * marks)
                first, second = world.seen_by(model), world.seen_by(model)
                patients, seed = tuple(map(str, world.patient)), int(random.integers(2**31))
                one = _compared(first, second, patients, options.replicates, seed)
                rows = patient_weights(patients, options.replicates, seed)
                low, high = interval(average_precision(second, rows) - average_precision(first, rows))
                shown = (one.p < 0.05, not one.low <= 0 <= one.high, one.verdict != "not shown", not low <= 0 <= high)
                flags.append(shown)
            print(f"{model:8}{marks:6}" + "".join(f"{share:9.3f}" for share in np.mean(flags, axis=0)), flush=True)


def _compared(first: Matches, second: Matches, patients: tuple[str, ...], replicates: int, seed: int) -> Difference:
    pair = Pair(_matched(first), _matched(second), patients)
    return compare_models([[pair]], ("AP@IoU=0.5",), ("finding",), replicates=replicates, seed=seed)[0]


def _matched(matches: Matches) -> Matched:
    """At 0.25 it is the same as at 0.5, which is all that is asked for."""
    both = Matches(
        matches.overlap, (0.25, 0.5), matches.image, matches.label, matches.score, matches.matched.repeat(2, axis=0),
        matches.truths,
    )  # fmt: skip
    return Matched(both, both, np.zeros((len(matches.truths), 1)))


PARTS = {"ap": ap, "difference": difference}


def main() -> None:
    parts.run(
        PARTS,
        __doc__,
        repeats={"type": int, "default": 2000},
        models={"nargs": "+", "choices": MODELS, "default": list(MODELS)},
        marks={"nargs": "+", "type": int, "default": MARKS},
        replicates={"type": int, "default": 1000},
    )


if __name__ == "__main__":
    main()
