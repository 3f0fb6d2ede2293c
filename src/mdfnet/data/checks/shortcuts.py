"""Checks for what gives a finding away without anyone looking at the image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import numpy as np

from mdfnet.data.checks.columns import Columns
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.statistics import Discrimination, discrimination, predicted, rates
from mdfnet.data.names import CLINICAL, IMAGES

#: A column is said to be a finding only where at least this many images are with and without it.
FEWEST_IMAGES = 5

#: An AUC counts from where the lower end of its interval reaches this. A single clinical value is seldom this good for
#: one finding; whether it is there at all should tell nothing.
GIVES_LABEL, GIVES_BY_MISSING, GIVES_BOX = 0.85, 0.6, 0.6

#: Attributes of the image files with more values than this are no groups.
MOST_VALUES = 20


def check_shortcuts(raw: RawDataset) -> Iterator[Finding]:
    """Clinical values, missing values and attributes of the images that tell which images show a finding, or any."""
    columns = Columns.read(raw)
    if columns is not None and len(columns):
        marked = columns.marked(raw)
        yield from _check_same(columns, marked)
        yield from _check_labels(columns, marked)
        yield from _check_patterns(columns, marked)
        yield from _check_boxed(columns, columns.boxed(raw))
    yield from _check_sources(raw)


def column_discriminations(raw: RawDataset) -> Iterator[tuple[str, dict[str, Discrimination | None]]]:
    """How well each clinical column, and that it is missing, tells each class and "has a box", found or not.

    Returns:
        What the column says, then class name, or "any box", -> AUC; None with too few patients on either side.
    """
    columns = Columns.read(raw)
    if columns is None or not len(columns):
        return
    groups = columns.marked(raw) | {"any box": columns.boxed(raw)}
    for feature in columns.features:
        missing = np.isnan(columns.values[feature.name])
        said = columns.scores(feature) | ({f"{feature.name} missing": missing * 1.0} if missing.any() else {})
        for name, scores in said.items():
            yield name, {label: discrimination(scores, mask, columns.patients, 0.0) for label, mask in groups.items()}


def _check_same(columns: Columns, marked: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    """A value, or that a value is missing, that is there exactly when a finding is: the label has leaked."""
    for feature in columns.features:
        values = columns.values[feature.name]
        for value in np.unique(values):  # NaN once
            having = np.isnan(values) if np.isnan(value) else values == value
            if min(having.sum(), (~having).sum()) < FEWEST_IMAGES:
                continue
            for label in (label for label, mask in marked.items() if (mask == having).all()):
                named = feature.kind == "category" and not np.isnan(value)
                shown = feature.categories[int(value)] if named else "missing" if np.isnan(value) else f"{value:g}"
                what = f"column {feature.name!r} is {shown!r} exactly where {label!r} is marked"
                yield Finding("column-equals-label", what, CLINICAL, count=int(having.sum()))


def _check_labels(columns: Columns, marked: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for feature in columns.features:
        missing = np.isnan(columns.values[feature.name])
        for label, mask in marked.items():
            for name, scores in columns.scores(feature).items():
                if found := discrimination(scores, mask, columns.patients, GIVES_LABEL):
                    what = f"{_direction(found.higher, name)} tells {label!r} with an {found} on {found.images} images"
                    yield Finding("column-gives-label", what, CLINICAL, count=found.images)
            if missing.any() and (found := discrimination(missing * 1.0, mask, columns.patients, GIVES_BY_MISSING)):
                word = "missing" if found.higher else "there"
                shares = f"{missing[mask].mean():.0%} of its images, {missing[~mask].mean():.0%} of the others"
                what = f"that {feature.name!r} is {word} tells {label!r} with an {found}: missing in {shares}"
                yield Finding("missing-gives-label", what, CLINICAL, count=int(missing.sum()))


def _check_patterns(columns: Columns, marked: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    """Only where it says more than the columns one by one, which `_check_labels` reports."""
    missing = np.stack([np.isnan(columns.values[feature.name]) for feature in columns.features], 1)
    if not missing.any():
        return
    patterns = ["".join("-x"[is_missing] for is_missing in row) for row in missing.tolist()]
    for label, mask in marked.items():
        alone = [discrimination(column * 1.0, mask, columns.patients, GIVES_BY_MISSING) for column in missing.T]
        if any(alone):
            continue
        if found := discrimination(rates(patterns, mask, columns.patients), mask, columns.patients, GIVES_BY_MISSING):
            what = f"which columns are missing tells {label!r} with an {found}, out of {len(set(patterns))} patterns"
            yield Finding("missing-pattern-gives-label", what, CLINICAL, count=found.images)


def _check_boxed(columns: Columns, boxed: np.ndarray) -> Iterator[Finding]:
    for feature in columns.features:
        for name, scores in columns.scores(feature).items():
            if found := discrimination(scores, boxed, columns.patients, GIVES_BOX):
                what = f"{_direction(found.higher, name)} tells images with boxes with an {found}"
                yield Finding("column-gives-box", what, CLINICAL, count=found.images)
    design = columns.design()
    if not design.shape[1] or boxed.all() or not boxed.any():
        return
    if found := discrimination(predicted(design, boxed, columns.patients), boxed, columns.patients, GIVES_BOX):
        what = f"{len(columns.features)} columns together tell images with boxes with an {found} (logistic regression,"
        yield Finding("clinical-gives-box", f"{what} on patients held out)", CLINICAL, count=found.images)


def _direction(higher: bool, name: str) -> str:
    return f"a {'high' if higher else 'low'} {name!r}"


def sources(raw: RawDataset) -> Iterator[tuple[str, dict[str, str]]]:
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


def _check_sources(raw: RawDataset) -> Iterator[Finding]:
    for attribute, values in sources(raw):
        names = list(values)
        patients = np.array([raw.patients[name] for name in names])
        boxed = np.array([bool(raw.labels[name]) for name in names])
        groups = {"": boxed}
        for category_id, label in raw.category_names.items():
            groups[label] = np.array([category_id in raw.labels[name] for name in names])
        for label, mask in groups.items():
            scores = rates([values[name] for name in names], mask, patients) if mask.any() else mask * 1.0
            if found := discrimination(scores, mask, patients, GIVES_BOX):
                most = _most_telling(np.array([values[name] for name in names]), mask)
                kind, target = (
                    ("source-gives-label", repr(label)) if label else ("source-gives-box", "images with boxes")
                )
                what = f"the images' {attribute} tells {target} with an {found}: {most}"
                yield Finding(kind, what, IMAGES, count=found.images)


def _most_telling(values: np.ndarray, mask: np.ndarray) -> str:
    """The value whose share differs most between the group and the rest, in words."""
    shares = {
        value: (float((values[mask] == value).mean()), float((values[~mask] == value).mean()))
        for value in np.unique(values).tolist()
    }
    value = max(shares, key=lambda value: abs(shares[value][0] - shares[value][1]))
    inside, outside = shares[value]
    return f"{value} is {inside:.0%} of them and {outside:.0%} of the others"
