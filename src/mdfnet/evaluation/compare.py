"""Two models compared from the folders that their evaluations wrote: seeds, folds, words."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import without_nan, write_text
from mdfnet.core.former_names import as_written
from mdfnet.evaluation.prediction_files import ANNOTATIONS, IMAGES, read_annotations, read_csv
from mdfnet.evaluation.score import read_evaluation
from mdfnet.metrics.cases import BoxArrays, Cases
from mdfnet.metrics.comparison import Difference, Pair, compare_models
from mdfnet.metrics.evaluation import Evaluation, check_comparable
from mdfnet.metrics.measures import COUNTS, MEASURES, Matched
from mdfnet.metrics.verdicts import by_verdict, p_in_words, why_not_shown

#: What is compared unless something else is asked for; the first is shown per finding.
COMPARED = (
    "AP@IoU=0.5",
    "AP@IoU=0.25",
    "AP@IoBB=0.5",
    "AR@IoU=0.5",
    "FROC@IoBB=0.5",
    "AUROC",
    "AUPRC",
    "ECE@IoBB=0.5",
    *COUNTS,
)

_NOTHING = BoxArrays(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))


@dataclass(frozen=True)
class Comparison:
    """What came out."""

    #: Folders, pair by pair
    first: tuple[str, ...]
    second: tuple[str, ...]
    measures: tuple[str, ...]  #: What was compared
    classes: tuple[str, ...]  #: The findings
    truths: tuple[int, ...]  #: Annotated boxes of each, on all images together
    #: How many; seeds in each fold
    images: int
    patients: int
    seeds: int
    folds: int
    replicates: int  #: Of the bootstrap, and permutations of the test
    differences: tuple[Difference, ...]  #: One per measure and finding, and for all

    def of(self, measure: str) -> list[Difference]:
        """The differences of a measure, class by class, last all."""
        return [one for one in self.differences if one.measure == measure]

    @property
    def what(self) -> str:
        """How much was compared, in words."""
        seeds = f", {self.seeds} seeds" if self.seeds > 1 else ""
        folds = f", {self.folds} folds" if self.folds > 1 else ""
        return f"{self.images} images of {self.patients} patients{seeds}{folds}"

    def sentences(self) -> list[str]:
        """The result in words, and how it was arrived at."""
        *per_class, every = self.of(self.measures[0])
        found = by_verdict((one.finding, one.verdict) for one in per_class)
        shown = [
            f"Findings shown to be {verdict}, corrected over {len(per_class)} findings:"
            f" {', '.join(found[verdict]) or 'none'}."
            for verdict in ("higher", "lower")
        ]
        return [_in_words(every), *shown, self._method()]

    def _method(self) -> str:
        drawn = f"{self.replicates} draws and as many permutations, of patients"
        if self.folds > 1:
            how = "over folds (Nadeau and Bengio), in which patients, seeds and training images are mixed"
        elif self.seeds > 1:
            how = f"over patients (bootstrap) and {self.seeds} seeds (Student), variances added (Satterthwaite)"
        else:
            how = "over patients (bootstrap); one seed each, so how much training again would change is not in it"
        return f"Interval: {how}. p: models swapped patient by patient, for the models as trained; {drawn}."

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON; NaN becomes null."""
        rows = [without_nan(vars(one)) | {"verdict": one.verdict} for one in self.differences]
        return vars(self) | {"differences": rows, "words": self.sentences()}


def compare_evaluations(
    folders: Sequence[Path], measures: Sequence[str] | None = None, *, replicates: int = 1000
) -> Comparison:
    """Compare what two models found, by default in the measures ``COMPARED``.

    Folders come in pairs, reference and model: of one seed, or of several; on the same images, or on the different
    patients of the folds of a cross-validation. ``replicates`` are those of the bootstrap, and permutations of the
    test.
    """
    if len(folders) < 2 or len(folders) % 2:
        fix = "give reference and model, then as many more pairs as there are"
        raise UserError(f"{len(folders)} evaluations are no pairs", fix=fix)
    names = tuple(measures or COMPARED)
    for name in names:
        if name not in (*MEASURES, *COUNTS):
            raise UserError(f"unknown measure {name!r}", fix=nearest(name, (*MEASURES, *COUNTS)))
    folds: dict[str, list[Pair]] = {}
    known: dict[str, Evaluation] = {}
    given = [(Path(first), Path(second)) for first, second in zip(folders[::2], folders[1::2], strict=True)]
    if twice := next((pair for pair in given if given.count(pair) > 1), None):
        raise UserError("the same pair is given twice", where=twice[1], fix="a further pair is of another seed or fold")
    for first, second in given:
        (_, before), (_, after) = read_evaluation(first), read_evaluation(second)
        check_comparable(before, after)
        usual = known.setdefault(before.fingerprint, before)  # images in one order, so that patients are drawn for all
        patients, reference = _matched(first, before, usual.images)
        _, other = _matched(second, after, usual.images)
        folds.setdefault(before.fingerprint, []).append(Pair(reference, other, patients))
    _check_folds(folds, known)
    classes, pairs = next(iter(known.values())).classes.names, list(folds.values())
    differences = compare_models(pairs, names, classes, replicates=replicates)
    return Comparison(
        first=tuple(map(str, folders[::2])),
        second=tuple(map(str, folders[1::2])),
        measures=names,
        classes=classes,
        truths=tuple(map(sum, zip(*(one.truths for one in known.values()), strict=True))),
        images=sum(len(one.images) for one in known.values()),
        patients=sum(len(set(group[0].patients)) for group in pairs),
        seeds=len(pairs[0]),
        folds=len(pairs),
        replicates=replicates,
        differences=tuple(differences),
    )


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write all figures as JSON, in one step."""
    write_text(path, json.dumps(comparison.to_dict(), indent=1, allow_nan=False) + "\n")


def _matched(folder: Path, evaluation: Evaluation, images: Sequence[str]) -> tuple[tuple[str, ...], Matched]:
    """Patients and matches of an evaluation, its images in the order given."""
    folder = folder if folder.is_dir() else folder.parent
    if not as_written(folder / IMAGES).is_file():
        fix = "evaluate the model again with this version"
        raise UserError(f"{IMAGES} is missing, which tells the images' patients", where=folder, fix=fix)
    truths = read_annotations(folder, evaluation.classes)
    found = read_csv(folder / "predictions.csv", evaluation.classes)
    if truths.keys() != set(images) or not found.keys() <= truths.keys():
        fix = "the files are not of one evaluation; evaluate again"
        raise UserError(f"{IMAGES} and evaluation.json name different images", where=folder, fix=fix)
    detections = [found.get(name, _NOTHING) for name in images]
    cases = Cases.of(detections, [truths[name][1] for name in images], len(evaluation.classes), images)
    if cases.fingerprint != evaluation.fingerprint:
        raise UserError(f"{ANNOTATIONS} is not what was evaluated", where=folder, fix="evaluate the model again")
    matched = Matched.of(cases, max_detections=evaluation.max_detections, score_threshold=evaluation.score_threshold)
    return tuple(truths[name][0] for name in images), matched


def _check_folds(folds: dict[str, list[Pair]], known: dict[str, Evaluation]) -> None:
    seen: set[str] = set()
    first = next(iter(known.values()))
    for fingerprint, pairs in folds.items():
        if known[fingerprint].classes.names != first.classes.names:
            raise UserError("the pairs are of different classes", fix="compare models of the same findings")
        if seen & set(pairs[0].patients):
            what = "two pairs are of different images, but share patients: neither seeds nor folds"
            raise UserError(what, fix="seeds are evaluated on the same images, folds on different patients")
        seen |= set(pairs[0].patients)
        if len(pairs) != len(next(iter(folds.values()))):
            raise UserError("the folds have different numbers of seeds", fix="give as many pairs for every fold")


def _in_words(one: Difference) -> str:
    if math.isnan(one.value):
        return f"{one.measure} is not defined on these images: nothing is annotated."
    by = f"{abs(one.value):.3f} {'higher' if one.value > 0 else 'lower'}" if abs(one.value) >= 0.0005 else "the same"
    interval = f"95 % interval of the difference {one.low:+.3f} to {one.high:+.3f}, {p_in_words(one.p)}"
    text = f"{one.measure} of the second is {by} ({interval})"
    if one.verdict != "not shown":
        return f"{text}: a difference is shown."
    return f"{text}: a difference is not shown, {why_not_shown(one.low, one.high)}."
