"""Splits of the images: by patient, in folds, as MIMIC-CXR-JPG has them, or by row as in the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample
from mdfnet.data.mimic.rules import Rules, SplitRule
from mdfnet.data.split import split_by_fold, split_by_patient

if TYPE_CHECKING:
    import duckdb

    from mdfnet.data.mimic.tables import ColumnKinds, TableFiles

OFFICIAL_COLUMNS: ColumnKinds = {"dicom_id": "text", "split": "text"}
_OFFICIAL = {"train": "train", "validate": "val", "test": "test"}

#: The paper trains on this share of its rows; validation and test halve the rest.
_PAPER_TRAIN = 0.7


def split_samples(
    samples: Sequence[Sample], images: Sequence[str], rules: Rules, official: Mapping[str, str]
) -> tuple[Sample, ...]:
    """Give every sample, whose ``patient`` is still the original one, a split.

    ``official``, image -> split of MIMIC-CXR-JPG, is needed by the rule of that name alone; ``images`` are as it calls
    those of the samples.
    """
    if rules.split == SplitRule.row:
        names = paper_rows(len(samples))
        return tuple(replace(sample, split=name) for sample, name in zip(samples, names, strict=True))
    if rules.split == SplitRule.official:
        return _official(samples, images, official)
    if rules.folds:
        return split_by_fold(samples, rules.folds, rules.fold, rules.seed)
    return split_by_patient(samples, rules.fractions, rules.seed)


def read_official(database: duckdb.DuckDBPyConnection, tables: Mapping[str, TableFiles]) -> dict[str, str]:
    """Image -> train, val or test, as MIMIC-CXR-JPG has them, for the images in the table ``wanted``."""
    from mdfnet.data.mimic.tables import load  # DuckDB, which the paper's split of rows does not need

    if "official" not in tables:
        fix = "expected mimic-cxr-2.0.0-split.csv.gz beside the metadata; or choose --split patient"
        raise UserError("no table of the official split", fix=fix)
    load(database, tables["official"], OFFICIAL_COLUMNS, unique="dicom_id")
    rows = database.execute("SELECT file, row, dicom_id, split FROM official SEMI JOIN wanted USING (dicom_id)")
    splits = {}
    for file, row, image, split in rows.fetchall():
        if split not in _OFFICIAL:
            what = f"split is none of {', '.join(_OFFICIAL)}"
            raise UserError(what, where=tables["official"].place(file, row), fix="fetch the table again")
        splits[image] = _OFFICIAL[split]
    return splits


def paper_rows(count: int) -> list[str]:
    """The paper's split of rows: scikit-learn's ``train_test_split`` with 0.7 to train, then halves, random state 0.

    Examples:
        >>> names = paper_rows(670)
        >>> [names.count(name) for name in ("train", "val", "test")]
        [468, 101, 101]
    """
    from sklearn.model_selection import train_test_split

    train, rest = train_test_split(range(count), train_size=_PAPER_TRAIN, random_state=0)
    val, _ = train_test_split(rest, train_size=0.5, random_state=0)
    split_of = dict.fromkeys(train, "train") | dict.fromkeys(val, "val")
    return [split_of.get(row, "test") for row in range(count)]


def _official(samples: Sequence[Sample], images: Sequence[str], official: Mapping[str, str]) -> tuple[Sample, ...]:
    if absent := sum(image not in official for image in images):
        raise UserError(f"the official split does not have {absent} of the images", fix="choose --split patient")
    done = tuple(replace(sample, split=official[image]) for sample, image in zip(samples, images, strict=True))
    if torn := crossing(done):
        raise UserError(f"the official split has {torn} patients in more than one split", fix="choose --split patient")
    return done


def crossing(samples: Sequence[Sample]) -> int:
    """Number of patients in more than one split."""
    pairs = {(sample.patient, sample.split) for sample in samples}
    return len(pairs) - len({patient for patient, _ in pairs})
