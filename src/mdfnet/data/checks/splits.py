"""Checks of the splits: their table, and whether there is enough in each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from mdfnet.core.conventions import SPLITS
from mdfnet.core.csv_tables import Table
from mdfnet.core.errors import nearest
from mdfnet.core.pseudonyms import quoted
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.names import CLINICAL, SPLIT_TABLE

FEWEST_PATIENTS = 20  #: With fewer patients in val or test every metric is mostly chance
FEWEST_BOXES = 43  #: With fewer boxes of a class the 95 % interval of its AP is wider than plus or minus 0.15
DOMINATES = 0.2  #: One patient with this share of a split's images dominates its metrics
MANY_IMAGES = 100  #: From this many images on it is odd that no patient has two


def check_splits(raw: RawDataset) -> Iterator[Finding]:
    """Columns, patients who are duplicated, unknown or without a split, and splits with too little in them."""
    if MANY_IMAGES <= len(raw.patients) == len(set(raw.patients.values())):
        yield Finding("patients-are-images", f"none of {len(raw.patients)} patients has two images", CLINICAL)
    if raw.splits is None:
        if not (raw.folder / SPLIT_TABLE).exists():
            yield Finding("splits-missing", "no patient has a split yet", SPLIT_TABLE)
        return
    missing = [column for column in ("patient_id", "split") if column not in raw.splits.columns]
    for column in missing:
        yield Finding("column-missing", f"no column {column!r}", SPLIT_TABLE, 1, nearest(column, raw.splits.columns))
    if not missing:
        yield from _check_rows(raw.splits)
        yield from _check_patients(raw, raw.splits)
        for split in SPLITS:
            yield from _check_amount(raw, split)


def _check_rows(table: Table) -> Iterator[Finding]:
    rows: dict[str, tuple[int, str]] = {}
    for row in table:
        patient, split = row["patient_id"], row["split"]
        if split not in SPLITS:
            what = f"split is {quoted(split)}, not one of {', '.join(SPLITS)}"
            yield Finding("split-unknown", what, SPLIT_TABLE, row.number)
        if not patient:
            yield Finding("patient-missing", "patient_id is empty", SPLIT_TABLE, row.number)
        if patient in rows:
            number, other = rows[patient]
            kind = "patient-twice" if other == split else "patient-in-two-splits"
            what = f"the patient is in split {quoted(split)} here, and in {quoted(other)} in row {number}"
            yield Finding(kind, what, SPLIT_TABLE, row.number)
        rows.setdefault(patient, (row.number, split))


def _check_patients(raw: RawDataset, table: Table) -> Iterator[Finding]:
    images = {patient: name for name, patient in reversed(raw.patients.items())}
    if unsplit := [name for patient, name in images.items() if patient not in raw.split_of_patient]:
        count = sum(raw.patients[name] not in raw.split_of_patient for name in raw.labels)
        what = f"{len(unsplit)} patients with {count} images have no split, such as the patient of {min(unsplit)}"
        yield Finding("patient-without-split", what, SPLIT_TABLE, count=len(unsplit))
    if unknown := [row for row in table if row["patient_id"] and row["patient_id"] not in images]:
        what = f"{len(unknown)} patients have no images"
        yield Finding("patient-without-image", what, SPLIT_TABLE, unknown[0].number, count=len(unknown))


def _check_amount(raw: RawDataset, split: str) -> Iterator[Finding]:
    images = raw.images_of_split(split)
    if not images:
        kind = "test-empty" if split == "test" else "split-empty"
        yield Finding(kind, f"no image is in split {split!r}", SPLIT_TABLE)
        return
    patients = Counter(raw.patients[name] for name in images)
    most = max(patients.values())
    if most >= DOMINATES * len(images) and len(images) >= FEWEST_PATIENTS:
        example = next(name for name in images if patients[raw.patients[name]] == most)
        what = f"{most} of the {len(images)} images of split {split!r} are of one patient, that of {example}"
        yield Finding("patient-dominates", what, SPLIT_TABLE, count=most, images=(example,))
    if split != "train" and len(patients) < FEWEST_PATIENTS:
        what = f"split {split!r} has {len(patients)} patients"
        yield Finding("split-small", what, SPLIT_TABLE, count=len(patients))
    yield from _check_classes(raw, split, images)


def _check_classes(raw: RawDataset, split: str, images: list[str]) -> Iterator[Finding]:
    boxes = Counter(box.category_id for name in images for box in raw.boxes_of.get(name, ()))
    few = {}
    for category_id, label in raw.category_names.items():
        if not boxes[category_id]:
            what = f"split {split!r} has no {label!r}, so it cannot be evaluated there"
            yield Finding("split-without-class", what, SPLIT_TABLE)
        elif boxes[category_id] < FEWEST_BOXES:
            few[label] = boxes[category_id]
    if split != "train" and few:
        least, most = (half_width(count) for count in (max(few.values()), min(few.values())))
        counts = ", ".join(f"{label} {count}" for label, count in few.items())
        what = f"boxes in split {split!r}: {counts}; 95 % intervals of AP will be about ±{least:.2f} to ±{most:.2f}"
        yield Finding("split-few-boxes", what, SPLIT_TABLE, count=len(few))


def half_width(boxes: int) -> float:
    """Roughly how far a 95 % interval of AP or recall reaches to either side: that of a share near a half.

    Examples:
        >>> round(half_width(27), 2)
        0.19
    """
    return 1.96 * math.sqrt(0.25 / boxes)
