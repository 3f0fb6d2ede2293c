"""How another place's data differ from the training data: how often, how high, and what the record tells there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mdfnet.data.checks.shift import DIFFERS
from mdfnet.data.checks.statistics import FEWEST_PATIENTS, REPLICATES, discrimination
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.experiments.cell_data import translated
from mdfnet.experiments.plan import Plan
from mdfnet.metrics.bootstrap import interval, patient_weights
from mdfnet.metrics.images import auroc


def shift_of(plan: Plan) -> list[str]:
    """What :func:`shift_report` says of an experiment's two places; nothing where it has one."""
    if plan.test is None or not isinstance(plan.data, Path):
        return []
    home = read_dataset(plan.data)
    return shift_report(home, translated(read_dataset(plan.test), home, plan.classes))


def shift_report(home: Dataset, other: Dataset) -> list[str]:
    """What differs by more than chance, a sentence each; findings and features are named as at home.

    Beside each feature and each finding by itself, it compares what a feature tells about a finding: a value that
    follows the finding in training and not elsewhere is a shortcut, however equal the values are.

    Args:
        home: The training data; its training images are looked at.
        other: The other place's, in the classes and features of the training data; all its images are.
    """
    ours, theirs = home.split("train"), other.samples
    there = np.repeat([False, True], [len(ours), len(theirs)])
    patients = np.array([f"{place}:{s.patient}" for place, some in enumerate((ours, theirs)) for s in some])
    values = np.stack([sample.clinical for sample in (*ours, *theirs)])
    lines = []
    for column, feature in zip(values.T, home.schema.features, strict=True):
        if np.isnan(column[there]).all():
            lines.append(f"{feature.name} is missing on all images of the other place")
            continue
        if feature.kind == "number" and (found := discrimination(column, there, patients, DIFFERS)):
            lines.append(f"{feature.name} is {'higher' if found.higher else 'lower'} there, {found}")
        for index, category in enumerate(feature.categories):
            given = np.where(np.isnan(column), np.nan, column == index)
            lines += _share(f"{feature.name} is {category}", given, there, patients)
        lines += _share(f"{feature.name} is missing", np.isnan(column) * 1.0, there, patients)
    for label, name in enumerate(home.classes.names, 1):
        marked = np.array([(sample.target.labels == label).any() for sample in (*ours, *theirs)])
        if not marked[there].any():
            lines.append(f"{name} is marked on no image of the other place: it has no score there")
            continue
        lines += _share(f"{name} is marked", marked * 1.0, there, patients)
        lines += _relations(name, marked, values, home.schema.names, there, patients)
    return lines


def _share(what: str, given: np.ndarray, there: np.ndarray, patients: np.ndarray) -> list[str]:
    if not discrimination(given, there, patients, DIFFERS):
        return []
    return [f"{what} on {np.nanmean(given[there]):.0%} of the images there, {np.nanmean(given[~there]):.0%} here"]


def _relations(
    name: str,
    marked: np.ndarray,
    values: np.ndarray,
    features: tuple[str, ...],
    there: np.ndarray,
    patients: np.ndarray,
) -> list[str]:
    """Features that tell a finding in one place and not, or otherwise, in the other: intervals that do not meet."""
    lines = []
    for column, feature in zip(values.T, features, strict=True):
        here, other = (_tells(column[part], marked[part], patients[part]) for part in (~there, there))
        if here and other and max(here[1], other[1]) > min(here[2], other[2]):
            words = "{}: AUC {:.2f} ({:.2f} to {:.2f})"
            both = ", ".join(words.format(place, *found) for place, found in (("here", here), ("there", other)))
            lines.append(f"{feature} tells {name} otherwise there; {both}")
    return lines


def _tells(scores: np.ndarray, group: np.ndarray, patients: np.ndarray) -> tuple[float, float, float] | None:
    """AUC of a feature for a finding with its 95 % interval, in [0, 1]; None with too few patients."""
    known = ~np.isnan(scores)
    scores, group, patients = scores[known], group[known], patients[known]
    if min(len(np.unique(patients[group])), len(np.unique(patients[~group]))) < FEWEST_PATIENTS:
        return None
    value = float(auroc(scores, group, np.ones((1, len(scores))))[0])
    low, high = interval(auroc(scores, group, patient_weights(patients, REPLICATES)))
    return value, float(low), float(high)
