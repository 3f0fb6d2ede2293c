"""Checks of the splits."""

from __future__ import annotations

from collections.abc import Iterator

from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.layout import SPLIT_TABLE, SPLITS
from mdfnet.errors import nearest


def check_splits(raw: RawDataset) -> Iterator[Finding]:
    """Columns, patients twice or unknown or without a split, and splits without films or without a class."""
    if raw.splits is None:
        if not (raw.folder / SPLIT_TABLE).exists():
            yield Finding("splits-missing", "note", "nobody has a split yet", SPLIT_TABLE, fix="split by patient")
        return
    missing = [column for column in ("patient_id", "split") if column not in raw.splits.columns]
    for column in missing:
        fix = nearest(column, raw.splits.columns)
        yield Finding("column-missing", "error", f"no column {column!r}", SPLIT_TABLE, 1, fix)
    if not missing:
        yield from _check_rows(raw)
        yield from _check_patients(raw)
        yield from _check_classes(raw)


def _check_rows(raw: RawDataset) -> Iterator[Finding]:
    rows: dict[str, tuple[int, str]] = {}
    for row in raw.splits:
        patient, split = row["patient_id"], row["split"]
        if split not in SPLITS:
            what = f"split is {split!r}, not one of {', '.join(SPLITS)}"
            yield Finding("split-unknown", "error", what, SPLIT_TABLE, row.number)
        if not patient:
            yield Finding("patient-missing", "error", "patient_id is empty", SPLIT_TABLE, row.number)
        if patient in rows:
            number, other = rows[patient]
            kind = "patient-twice" if other == split else "patient-in-two-splits"
            what = f"patient {patient!r} is in split {split}, and in {other} in row {number}"
            yield Finding(kind, "error", what, SPLIT_TABLE, row.number, "keep one of the two rows")
        rows.setdefault(patient, (row.number, split))


def _check_patients(raw: RawDataset) -> Iterator[Finding]:
    there, split = set(raw.patients.values()), set(raw.split_of_patient)
    if unsplit := sorted(there - split):
        what = f"{len(unsplit)} patients without a split, such as {unsplit[0]!r}; their films are never used"
        yield Finding("patient-without-split", "warning", what, SPLIT_TABLE, fix="add rows", count=len(unsplit))
    if unknown := sorted(split - there):
        what = f"{len(unknown)} patients without films, such as {unknown[0]!r}"
        yield Finding("patient-without-film", "note", what, SPLIT_TABLE, fix="remove the rows", count=len(unknown))


def _check_classes(raw: RawDataset) -> Iterator[Finding]:
    for split in SPLITS:
        films = [name for name in raw.labels if split in raw.splits_of_film(name)]
        if not films:
            severity = "note" if split == "test" else "warning"
            yield Finding("split-empty", severity, f"no film is in split {split!r}", SPLIT_TABLE)
            continue
        found = set().union(*(raw.labels[name] for name in films))
        for category_id, label in raw.category_names.items():
            if category_id not in found:
                what = f"split {split!r} has no {label!r}, so nothing can be said about it there"
                yield Finding("split-without-class", "warning", what, SPLIT_TABLE, fix="split again by patient")
