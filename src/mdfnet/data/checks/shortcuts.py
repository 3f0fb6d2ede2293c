"""Checks for shortcuts: what gives a finding away without anyone looking at the image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import numpy as np

from mdfnet.core.arrays import Array, Bools
from mdfnet.data.checks.columns import ClinicalColumns
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.statistics import Discrimination, discrimination, predicted, rates
from mdfnet.data.names import CLINICAL, IMAGES

#: A column is said to equal a label only where at least this many images are with and without it.
FEWEST_IMAGES = 5

#: An AUC counts where the lower end of its interval reaches this. A single clinical value is seldom this good for one
#: finding; whether it is there at all should tell nothing.
GIVES_LABEL, GIVES_BY_MISSING, GIVES_BOX = 0.85, 0.6, 0.6

#: An attribute of the image files with more values than this does not define groups.
MOST_VALUES = 20


def check_shortcuts(raw: RawDataset) -> Iterator[Finding]:
    """Clinical values, missing values and attributes of the images that tell which images show a finding, or any."""
    if columns := ClinicalColumns.read(raw):
        groups = columns.groups(raw)
        yield from _check_same(columns, groups)
        yield from _check_labels(columns, groups)
        yield from _check_patterns(columns, groups)
        yield from _check_boxed(columns, raw.boxed(columns.images))
    yield from _check_attributes(raw)


def column_discriminations(raw: RawDataset) -> Iterator[tuple[str, dict[str, Discrimination | None]]]:
    """How well each clinical column, and whether it is missing, discriminates each class and "any box".

    What is scored, then class name -> AUC; None with too few patients on either side.
    """
    columns = ClinicalColumns.read(raw)
    if columns is None:
        return
    groups = columns.groups(raw) | {"any box": raw.boxed(columns.images)}
    for feature in columns.features:
        scored, missing = columns.scores(feature), columns.missing(feature)
        if missing.any():
            scored[f"{feature.name} missing"] = missing * 1.0
        for name, scores in scored.items():
            yield name, {label: discrimination(scores, mask, columns.patients, 0.0) for label, mask in groups.items()}


def _check_same(columns: ClinicalColumns, groups: Mapping[str, Bools]) -> Iterator[Finding]:
    """A value, or that a value is missing, that is there exactly when a finding is: the label has leaked."""
    for feature in columns.features:
        values = columns.values[feature.name]
        for value in np.unique(values):  # NaN once
            having = np.isnan(values) if np.isnan(value) else values == value
            if min(having.sum(), (~having).sum()) < FEWEST_IMAGES:
                continue
            for label in (label for label, mask in groups.items() if (mask == having).all()):
                named = feature.kind == "category" and not np.isnan(value)
                shown = feature.categories[int(value)] if named else "missing" if np.isnan(value) else f"{value:g}"
                what = f"column {feature.name!r} is {shown!r} exactly where {label!r} is annotated"
                yield Finding("column-equals-label", what, CLINICAL, count=int(having.sum()))


def _check_labels(columns: ClinicalColumns, groups: Mapping[str, Bools]) -> Iterator[Finding]:
    for feature in columns.features:
        missing = columns.missing(feature)
        for label, mask in groups.items():
            for name, scores in columns.scores(feature).items():
                if found := discrimination(scores, mask, columns.patients, GIVES_LABEL):
                    what = f"{_direction(found, name)} tells {label!r} with an {found} on {found.images} images"
                    yield Finding("column-gives-label", what, CLINICAL, count=found.images)
            if missing.any() and (found := discrimination(missing * 1.0, mask, columns.patients, GIVES_BY_MISSING)):
                word = "missing" if found.higher else "there"
                shares = f"{missing[mask].mean():.0%} of its images, {missing[~mask].mean():.0%} of the others"
                what = f"that {feature.name!r} is {word} tells {label!r} with an {found}: missing in {shares}"
                yield Finding("missing-gives-label", what, CLINICAL, count=int(missing.sum()))


def _check_patterns(columns: ClinicalColumns, groups: Mapping[str, Bools]) -> Iterator[Finding]:
    """Only where it says more than the columns one by one, which `_check_labels` reports."""
    missing = np.stack([columns.missing(feature) for feature in columns.features], 1)
    if not missing.any():
        return
    patterns = ["".join("-x"[is_missing] for is_missing in row) for row in missing.tolist()]
    for label, mask in groups.items():
        if any(discrimination(column * 1.0, mask, columns.patients, GIVES_BY_MISSING) for column in missing.T):
            continue
        if found := discrimination(rates(patterns, mask, columns.patients), mask, columns.patients, GIVES_BY_MISSING):
            what = f"which columns are missing tells {label!r} with an {found}, out of {len(set(patterns))} patterns"
            yield Finding("missing-pattern-gives-label", what, CLINICAL, count=found.images)


def _check_boxed(columns: ClinicalColumns, boxed: Bools) -> Iterator[Finding]:
    for _, name, scores in columns.all_scores():
        if found := discrimination(scores, boxed, columns.patients, GIVES_BOX):
            what = f"{_direction(found, name)} tells images with boxes with an {found}"
            yield Finding("column-gives-box", what, CLINICAL, count=found.images)
    design = columns.design()
    if not design.shape[1]:
        return
    if found := discrimination(predicted(design, boxed, columns.patients), boxed, columns.patients, GIVES_BOX):
        what = f"{len(columns.features)} columns together tell images with boxes with an {found} (logistic regression,"
        yield Finding("clinical-gives-box", f"{what} on held-out patients)", CLINICAL, count=found.images)


def _direction(found: Discrimination, name: str) -> str:
    return f"a {'high' if found.higher else 'low'} {name!r}"


def attributes(raw: RawDataset) -> Iterator[tuple[str, dict[str, str]]]:
    """What is known of how images were made, apart from the clinical record: attribute, and its value by image.

    Attributes that are the same for all images, or of too many kinds, are left out.
    """
    known: dict[str, dict[str, str]] = defaultdict(dict)
    in_schema = raw.description is not None and "view" in raw.description.clinical_schema.names
    if raw.clinical and not in_schema and {"image", "view"} <= set(raw.clinical.columns):
        known["view"] = {row["image"]: row["view"] or "unknown" for row in raw.clinical if row["image"] in raw.labels}
    for name, pixels in raw.pixels.items():
        path = PurePosixPath(name)
        known["size"][name] = f"{pixels.shape[1]} x {pixels.shape[0]}"
        known["format"][name] = f"{path.suffix.lower()} of {pixels.bits} bits"
        known["folder"][name] = path.parts[0] if len(path.parts) > 1 else "none"
        known["burnt-in text"][name] = "yes" if pixels.text else "no"
    for attribute, values in known.items():
        if 1 < len(set(values.values())) <= MOST_VALUES:
            yield attribute, values


def _check_attributes(raw: RawDataset) -> Iterator[Finding]:
    for attribute, by_image in attributes(raw):
        names, values = tuple(by_image), np.array(list(by_image.values()))
        patients = raw.patients_of(names)
        for label, mask in {"": raw.boxed(names), **raw.groups(names)}.items():
            if found := discrimination(rates(values, mask, patients), mask, patients, GIVES_BOX):
                kind = "source-gives-label" if label else "source-gives-box"
                target = repr(label) if label else "images with boxes"
                what = f"the images' {attribute} tells {target} with an {found}: {_most_different(values, mask)}"
                yield Finding(kind, what, IMAGES, count=found.images)


def _most_different(values: Array, mask: Bools) -> str:
    """The value whose share differs most between the group and the rest, in words."""
    shares = {value: ((values[mask] == value).mean(), (values[~mask] == value).mean()) for value in np.unique(values)}
    value = max(shares, key=lambda value: abs(shares[value][0] - shares[value][1]))
    inside, outside = shares[value]
    return f"{value} is {inside:.0%} of them and {outside:.0%} of the others"
