"""Operating points and calibration of a model: from which score a box counts, and what a score means.

Both are fitted on validation images, never on test images, and kept with the model as ``operating.json``. The scores
that a model gives stay as they are: :meth:`Operating.calibrated` and the thresholds of a point are applied to them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import read_json, without_nan, write_text
from mdfnet.core.former_names import with_current_keys
from mdfnet.core.types import Classes, Detections, Sample
from mdfnet.metrics.bootstrap import draws, interval, replicate, share_interval
from mdfnet.metrics.calibration import at_temperature, fit_temperature
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.matching import Matches, match
from mdfnet.metrics.thresholds import allowing, best_f1, performance, reaching

OPERATING = "operating.json"  #: The file in a model's folder

#: What is found unless other sensitivities and false positives per image are asked for.
SENSITIVITIES, FALSE_POSITIVES = (0.8, 0.9), (0.5, 1.0)

HIT = 0.5  #: A box is a hit from this IoBB on, as in the paper's counts


@dataclass(frozen=True)
class OperatingPoint:
    """One choice of score thresholds."""

    name: str  #: ``max-f1``, ``sensitivity-0.9``, ``fp-0.5``, ...
    rule: str  #: How it was chosen, in words
    thresholds: Mapping[str, float]  #: Class name -> score in [0, 1] from which a box of the class counts
    #: Share of the annotated boxes that were hit, all classes together, on the images it was fitted on; NaN where there
    #: were none
    sensitivity: float
    false_positives_per_image: float  #: On the same images, all classes together

    def keep(self, found: Detections, classes: Classes) -> Detections:
        """Only the detections that count at this point."""
        least = found.scores.new_tensor([self.thresholds[name] for name in classes.names])
        return found.where(found.scores >= least[found.labels - 1])


@dataclass(frozen=True)
class Operating:
    """What was fitted on validation images.

    Examples:
        >>> point = OperatingPoint("fp-0.5", "by hand", {"Effusion": 0.4}, 0.8, 0.5)
        >>> operating = Operating({"Effusion": 2.0}, (point,), "12 images of a validation split")
        >>> round(operating.calibrated("Effusion", 0.9), 3), operating.point("fp-0.5").thresholds
        (0.75, {'Effusion': 0.4})
        >>> Operating.from_dict(operating.to_dict()) == operating
        True
    """

    temperatures: Mapping[str, float]  #: Class name -> T of :func:`mdfnet.metrics.calibration.at_temperature`
    points: tuple[OperatingPoint, ...]
    fitted_on: str  #: Which images, in words
    hit: str = f"IoBB at least {HIT}"  #: What counts as a hit, in words

    def calibrated(self, label: str, score: float) -> float:
        """Probability that a box of a class with this score is a hit, estimated on the validation images."""
        return float(at_temperature(np.asarray(score), self.temperatures[label]))

    def point(self, name: str) -> OperatingPoint:
        """The point of a name."""
        by_name = {point.name: point for point in self.points}
        if name not in by_name:
            raise UserError(f"no operating point {name!r}", fix=nearest(name, by_name))
        return by_name[name]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        return {
            "fitted_on": self.fitted_on,
            "hit": self.hit,
            "temperatures": dict(self.temperatures),
            "points": [without_nan(vars(point)) for point in self.points],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Operating:
        """The inverse of :meth:`to_dict`."""
        try:
            points = tuple(_point(point) for point in data["points"])
            temperatures = {str(name): float(value) for name, value in data["temperatures"].items()}
            if not all(0 < value < np.inf for value in temperatures.values()):
                raise ValueError(f"temperatures are above 0, got {temperatures}")
            if odd := [point.name for point in points if point.thresholds.keys() != temperatures.keys()]:
                raise ValueError(f"{odd[0]} has other classes than the temperatures")
            return cls(temperatures, points, str(data["fitted_on"]), str(data["hit"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"not operating points ({type(error).__name__}: {error})"
            raise UserError(what, fix="fit them again with 'mdfnet calibrate'") from None


def write_operating(operating: Operating, folder: str | Path) -> None:
    """Write ``operating.json`` into a model's folder, in one step."""
    write_text(Path(folder) / OPERATING, json.dumps(operating.to_dict(), indent=1, allow_nan=False) + "\n")


def read_operating(folder: str | Path, classes: Classes) -> Operating | None:
    """What was fitted for a model; None where nothing was, as for models of earlier versions."""
    path = Path(folder) / OPERATING
    if not path.is_file():
        return None
    try:
        operating = Operating.from_dict(with_current_keys(read_json(path)))
    except UserError as error:
        raise error if error.where else error.at(path) from None
    if set(operating.temperatures) != set(classes.names):
        raise UserError("made for other classes than the model's", where=path, fix="fit them with 'mdfnet calibrate'")
    return operating


def fit_operating(
    samples: Sequence[Sample],
    detections: Sequence[Detections],
    classes: Classes,
    fitted_on: str,
    *,
    sensitivities: Sequence[float] = SENSITIVITIES,
    false_positives: Sequence[float] = FALSE_POSITIVES,
) -> Operating:
    """Find temperatures and operating points from what a model found on validation images, in main memory.

    Each of ``sensitivities`` gives a point: the highest scores at which each class reaches it. So does each of
    ``false_positives``: at most so many per image, every class having an equal share of them.
    """
    targets, names = [sample.target for sample in samples], [sample.id for sample in samples]
    cases = Cases.of(detections, targets, len(classes), names)
    matches = match(cases, overlap="iobb", thresholds=(HIT,))
    labels = range(1, len(classes) + 1)
    rules = [("max-f1", "highest F1 of each class", [best_f1(matches, k) for k in labels])]
    for least in sensitivities:
        rule = f"each class finds at least {least:g} of its annotated boxes, at the highest score that does"
        rules.append((f"sensitivity-{least:g}", rule, [reaching(matches, k, least) for k in labels]))
    for most in false_positives:
        rule = f"at most {most:g} false positives per image, an equal share for each class"
        rules.append((f"fp-{most:g}", rule, [allowing(matches, k, most / len(classes)) for k in labels]))
    points = []
    for name, rule, thresholds in rules:
        sensitivity, alarms = performance(matches, np.array(thresholds))
        named = dict(zip(classes.names, thresholds, strict=True))
        points.append(OperatingPoint(name, rule, named, float(sensitivity[-1]), float(alarms[-1])))
    scores = [(matches.score[matches.label == k], matches.matched[0, matches.label == k]) for k in labels]
    temperatures = dict(zip(classes.names, (fit_temperature(*pair) for pair in scores), strict=True))
    return Operating(temperatures, tuple(points), fitted_on)


@dataclass(frozen=True)
class PointResult:
    """What an operating point gives on other images than it was found on."""

    name: str
    rule: str
    fitted: tuple[float, float]  #: Sensitivity and false positives per image that it had where it was found
    classes: tuple[str, ...]  #: Names of the classes, then ``all``
    thresholds: tuple[float, ...]  #: Score from which a box of each class counts
    #: Here, per class and, last, of all together
    sensitivity: tuple[float, ...]
    #: 95 %, bootstrap over patients
    sensitivity_intervals: tuple[tuple[float, float], ...]
    false_positives_per_image: tuple[float, ...]
    false_positives_intervals: tuple[tuple[float, float], ...]


def point_results(
    operating: Operating, matches: Matches, classes: Classes, patients: Sequence[str], replicates: int
) -> list[PointResult]:
    """What each operating point gives on images, which are matched at IoBB."""
    at_hit = replace(matches, thresholds=(HIT,), matched=matches.matched[[matches.row(HIT)]])
    return [_result(point, at_hit, classes, patients, replicates) for point in operating.points]


def _result(
    point: OperatingPoint, matches: Matches, classes: Classes, patients: Sequence[str], replicates: int
) -> PointResult:
    thresholds = np.array([point.thresholds[name] for name in classes.names])
    names = ("sensitivity", "alarms")
    here = performance(matches, thresholds)
    many = replicate(
        lambda rows: dict(zip(names, performance(matches, thresholds, rows), strict=True)), draws(patients, replicates)
    )
    boxes = np.append(matches.truths.sum(0), matches.truths.sum())
    limits = (share_interval(here[0], many["sensitivity"], boxes), interval(many["alarms"]))
    intervals = [tuple(zip(*(limit.tolist() for limit in pair), strict=True)) for pair in limits]
    return PointResult(
        name=point.name,
        rule=point.rule,
        fitted=(point.sensitivity, point.false_positives_per_image),
        classes=(*classes.names, "all"),
        thresholds=tuple(thresholds.tolist()),
        sensitivity=tuple(here[0].tolist()),
        sensitivity_intervals=intervals[0],
        false_positives_per_image=tuple(here[1].tolist()),
        false_positives_intervals=intervals[1],
    )


def _point(data: Mapping[str, Any]) -> OperatingPoint:
    thresholds = {str(name): float(value) for name, value in data["thresholds"].items()}
    if not all(0 <= value <= 1 for value in thresholds.values()):
        raise ValueError(f"thresholds lie in 0 to 1, got {thresholds}")
    sensitivity = np.nan if data["sensitivity"] is None else float(data["sensitivity"])
    alarms = float(data["false_positives_per_image"])
    return OperatingPoint(str(data["name"]), str(data["rule"]), thresholds, sensitivity, alarms)
