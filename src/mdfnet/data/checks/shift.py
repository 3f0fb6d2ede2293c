"""Checks whether validation and test differ from training by more than chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mdfnet.core.arrays import Array, Bools, Floats
from mdfnet.data.checks.columns import ClinicalColumns
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.shortcuts import attributes
from mdfnet.data.checks.statistics import Discrimination, discrimination, rates
from mdfnet.data.names import CLINICAL, IMAGES, SPLIT_TABLE

#: Splits differ where the lower end of the AUC's interval reaches this. Of 300 random splits of the NIH images by
#: patient none does in age, sex or view. An AUC of 0.57 is a quarter of a standard deviation.
DIFFERS = 0.55


@dataclass(frozen=True)
class _Comparison:
    """The images of a split beside those of training."""

    split: str  #: "val" or "test"
    kept: Bools  #: bool ``[N]``, which of the images that are compared are in either
    inside: Bools  #: bool ``[K]``, which of those kept are in the split
    patients: Array  #: ``[K]``

    @classmethod
    def of(cls, raw: RawDataset, names: Sequence[str], split: str) -> _Comparison:
        sides = (set(raw.images_of_split(side)) for side in ("train", split))
        training, inside = (np.array([name in side for name in names], bool) for side in sides)
        kept = training | inside
        return cls(split, kept, inside[kept], raw.patients_of(names)[kept])

    def differs(self, scores: Floats) -> Discrimination | None:
        return discrimination(scores, self.inside, self.patients, DIFFERS)

    def finding(self, kind: str, what: str, file: str) -> Finding:
        return Finding(kind, what, file, count=int(self.inside.sum()))


def check_shift(raw: RawDataset) -> Iterator[Finding]:
    """Clinical columns, categories, classes and attributes of the images: val, and test, beside training."""
    columns = ClinicalColumns.read(raw)
    for split in ("val", "test"):
        if columns:
            yield from _check_columns(columns, _Comparison.of(raw, columns.images, split))
        yield from _check_classes(raw, split)
        yield from _check_attributes(raw, split)


def _check_columns(columns: ClinicalColumns, compared: _Comparison) -> Iterator[Finding]:
    beside = f"in split {compared.split!r} than in training"
    for feature in columns.features:
        for name, scores in columns.scores(feature).items():
            if found := compared.differs(scores[compared.kept]):
                what = f"{name!r} is {'higher' if found.higher else 'lower'} {beside}, {found}"
                yield compared.finding("column-differs-by-split", what, CLINICAL)
        if found := compared.differs(columns.missing(feature)[compared.kept] * 1.0):
            what = f"{feature.name!r} is missing {'more' if found.higher else 'less'} often {beside}, {found}"
            yield compared.finding("column-differs-by-split", what, CLINICAL)
        if feature.kind == "category" and not compared.inside.all():
            values = columns.values[feature.name][compared.kept]
            there, training = values[compared.inside], values[~compared.inside]
            for value in sorted(set(there[~np.isnan(there)]) - set(training)):
                count = int((there == value).sum())
                what = f"{feature.name!r} is {feature.categories[int(value)]!r} on {count} images of split"
                what = f"{what} {compared.split!r} and on none in training"
                yield Finding("category-unseen", what, CLINICAL, count=count)


def _check_classes(raw: RawDataset, split: str) -> Iterator[Finding]:
    names = tuple(raw.labels)
    compared = _Comparison.of(raw, names, split)
    for label, mask in raw.groups(names).items():
        shown = mask[compared.kept]
        if compared.differs(shown * 1.0):
            what = f"{label!r} is on {shown[compared.inside].mean():.0%} of the images of split {split!r}"
            what = f"{what} and on {shown[~compared.inside].mean():.0%} in training"
            yield compared.finding("class-differs-by-split", what, SPLIT_TABLE)


def _check_attributes(raw: RawDataset, split: str) -> Iterator[Finding]:
    for attribute, values in attributes(raw):
        compared = _Comparison.of(raw, tuple(values), split)
        if compared.inside.any():
            keys = np.array(list(values.values()))[compared.kept]
            if found := compared.differs(rates(keys, compared.inside, compared.patients)):
                what = f"the images' {attribute} differs between split {split!r} and training, {found}"
                yield compared.finding("source-differs-by-split", what, IMAGES)
