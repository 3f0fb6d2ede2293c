"""How another place's data differ from the training data: frequencies, values, and what the records tell there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mdfnet.core.arrays import Array
from mdfnet.data.checks.shift import DIFFERS
from mdfnet.data.checks.statistics import FEWEST_PATIENTS, REPLICATES, discrimination
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.experiments.cell_data import translated
from mdfnet.experiments.plan import Plan
from mdfnet.metrics.bootstrap import interval, patient_weights
from mdfnet.metrics.images import auroc


def shift_of(plan: Plan) -> list[str]:
    """:func:`shift_report` of an experiment's two places; empty where it has only one."""
    if plan.test is None or not isinstance(plan.data, Path):
        return []
    home = read_dataset(plan.data)
    return shift_report(home, translated(read_dataset(plan.test), home, plan.classes))


def shift_report(home: Dataset, other: Dataset) -> list[str]:
    """What differs by more than chance between training images and all of another place, a sentence each.

    The other place has the classes and features of the training data. Besides features and findings by themselves, what
    a feature tells about a finding is compared: a value that follows the finding in training and not elsewhere is a
    shortcut, however alike the values are.
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
        present = np.array([(sample.target.labels == label).any() for sample in (*ours, *theirs)])
        if not present[there].any():
            lines.append(f"{name} is marked on no image of the other place: it has no score there")
            continue
        lines += _share(f"{name} is marked", present * 1.0, there, patients)
        for column, feature in zip(values.T, home.schema.features, strict=True):
            lines += _relation(f"{feature.name} tells {name}", column, present, there, patients)
    return lines


def _share(what: str, given: Array, there: Array, patients: Array) -> list[str]:
    if not discrimination(given, there, patients, DIFFERS):
        return []
    return [f"{what} on {np.nanmean(given[there]):.0%} of the images there, {np.nanmean(given[~there]):.0%} here"]


def _relation(what: str, column: Array, present: Array, there: Array, patients: Array) -> list[str]:
    """Whether a feature tells a finding otherwise in the other place: where the intervals do not meet."""
    here, other = (_auc(column[part], present[part], patients[part]) for part in (~there, there))
    if not (here and other and max(here[1], other[1]) > min(here[2], other[2])):
        return []
    words = "AUC {:.2f} ({:.2f} to {:.2f})"
    return [f"{what} otherwise there; here: {words.format(*here)}, there: {words.format(*other)}"]


def _auc(scores: Array, group: Array, patients: Array) -> tuple[float, float, float] | None:
    """AUC of a feature for a finding with its 95 % interval, in [0, 1]; None with too few patients."""
    known = ~np.isnan(scores)
    scores, group, patients = scores[known], group[known], patients[known]
    if min(len(np.unique(patients[group])), len(np.unique(patients[~group]))) < FEWEST_PATIENTS:
        return None
    value = float(auroc(scores, group, np.ones((1, len(scores))))[0])
    low, high = interval(auroc(scores, group, patient_weights(patients.tolist(), REPLICATES)))
    return value, float(low), float(high)
