"""Checks whether validation and test differ from training in more than chance would have it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mdfnet.clinical.schema import Feature
from mdfnet.data.checks.columns import Columns
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.shortcuts import sources
from mdfnet.data.checks.statistics import Discrimination, discrimination, rates
from mdfnet.data.names import CLINICAL, IMAGES, SPLIT_TABLE

#: Splits differ from where the lower end of the AUC's interval reaches this. Of 300 random splits of the NIH images by
#: patient none does in age, sex or view. An AUC of 0.57 is a quarter of a standard deviation.
DIFFERS = 0.55


def check_shift(raw: RawDataset) -> Iterator[Finding]:
    """Clinical columns, categories, classes and attributes of the images: val, and test, beside training."""
    columns = Columns.read(raw)
    for split in ("val", "test"):
        if columns is not None and len(columns):
            yield from _check_columns(raw, columns, split)
        yield from _check_classes(raw, split)
        yield from _check_sources(raw, split)


def _check_columns(raw: RawDataset, columns: Columns, split: str) -> Iterator[Finding]:
    training, there = (np.array([name in images for name in columns.images]) for images in _images(raw, split))
    for feature in columns.features:
        values = columns.values[feature.name]
        for name, scores in columns.scores(feature).items():
            if found := _differs(scores, training, there, columns.patients):
                yield _differing(f"{name!r} is {'higher' if found.higher else 'lower'}", split, there, found)
        if found := _differs(np.isnan(values) * 1.0, training, there, columns.patients):
            often = "more often" if found.higher else "less often"
            yield _differing(f"{feature.name!r} is missing {often}", split, there, found)
        if feature.kind == "category" and training.any():
            yield from _check_unseen(feature, values[training], values[there], split)


def _differing(what: str, split: str, there: np.ndarray, found: Discrimination) -> Finding:
    what = f"{what} in split {split!r} than in training, {found}"
    return Finding("column-differs-by-split", what, CLINICAL, count=int(there.sum()))


def _check_unseen(feature: Feature, training: np.ndarray, there: np.ndarray, split: str) -> Iterator[Finding]:
    for value in sorted(set(there[~np.isnan(there)]) - set(training)):
        count = int((there == value).sum())
        what = f"{feature.name!r} is {feature.categories[int(value)]!r} on {count} images of split {split!r}"
        yield Finding("category-unseen", f"{what} and on none in training", CLINICAL, count=count)


def _check_classes(raw: RawDataset, split: str) -> Iterator[Finding]:
    names, training, there, patients = _arrays(raw, split)
    for category_id, label in raw.category_names.items():
        mask = np.array([category_id in raw.labels[name] for name in names], bool)
        if _differs(mask * 1.0, training, there, patients):
            what = f"{label!r} is on {mask[there].mean():.0%} of the images of split {split!r}"
            what = f"{what} and on {mask[training].mean():.0%} in training"
            yield Finding("class-differs-by-split", what, SPLIT_TABLE, count=int(there.sum()))


def _check_sources(raw: RawDataset, split: str) -> Iterator[Finding]:
    for attribute, values in sources(raw):
        names, training, there, patients = _arrays(raw, split)
        keep = (training | there) & np.array([name in values for name in names], bool)
        if not (keep & there).any():
            continue
        keys = np.array([values.get(name, "") for name in names])
        scores = np.full(len(names), np.nan)
        scores[keep] = rates(keys[keep], there[keep], patients[keep])
        if found := _differs(scores, training, there, patients):
            what = f"the images' {attribute} differs between split {split!r} and training, {found}"
            yield Finding("source-differs-by-split", what, IMAGES, count=int(there.sum()))


def _images(raw: RawDataset, split: str) -> tuple[set[str], set[str]]:
    return set(raw.images_of_split("train")), set(raw.images_of_split(split))


def _arrays(raw: RawDataset, split: str) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of all images, which are in training, which in the split, and their patients."""
    names = list(raw.labels)
    training, there = (np.array([name in images for name in names], bool) for images in _images(raw, split))
    return names, training, there, np.array([raw.patients[name] for name in names])


def _differs(
    scores: np.ndarray, training: np.ndarray, there: np.ndarray, patients: np.ndarray
) -> Discrimination | None:
    keep = training | there
    return discrimination(scores[keep], there[keep], patients[keep], DIFFERS)
