"""Splits of the films: by patient, in folds, as MIMIC-CXR-JPG has them, or by row as in the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb
import numpy as np

from mdfnet.core.errors import UserError
from mdfnet.core.types import Study
from mdfnet.data.mimic.rules import Rules, SplitRule
from mdfnet.data.mimic.tables import Source, load
from mdfnet.data.split import split_by_fold, split_by_patient

OFFICIAL_COLUMNS = {"dicom_id": "text", "split": "text"}
_OFFICIAL = {"train": "train", "validate": "val", "test": "test"}

#: The paper trains on this share of its rows; validation and test halve the rest.
_PAPER_TRAIN = 0.7


def split_studies(
    studies: Sequence[Study], films: Sequence[str], rules: Rules, official: Mapping[str, str]
) -> tuple[Study, ...]:
    """Give every study a split.

    Args:
        studies: In the order of the tables; their ``patient`` is the original one.
        films: Film of each study, as ``official`` calls it.
        rules: Which split.
        official: Film -> split of MIMIC-CXR-JPG; needed by the rule "official" alone.

    Raises:
        UserError: The official split does not have a film, or has a patient's films in different splits.
    """
    if rules.split == SplitRule.row:
        names = paper_rows(len(studies))
        return tuple(replace(study, split=name) for study, name in zip(studies, names, strict=True))
    if rules.split == SplitRule.official:
        return _official(studies, films, official)
    if rules.folds:
        return split_by_fold(studies, rules.folds, rules.fold, rules.seed)
    return split_by_patient(studies, rules.fractions, rules.seed)


def read_official(database: duckdb.DuckDBPyConnection, tables: Mapping[str, Source]) -> dict[str, str]:
    """Film -> train, val or test, as MIMIC-CXR-JPG has them, for the films in the table ``wanted``.

    Raises:
        UserError: The table is missing or malformed, or has another split.
    """
    if "official" not in tables:
        fix = "expected mimic-cxr-2.0.0-split.csv.gz beside the metadata; or choose --split patient"
        raise UserError("no table of the official split", fix=fix)
    load(database, tables["official"], OFFICIAL_COLUMNS, unique="dicom_id")
    rows = database.execute("SELECT file, row, dicom_id, split FROM official SEMI JOIN wanted USING (dicom_id)")
    splits = {}
    for file, row, film, split in rows.fetchall():
        if split not in _OFFICIAL:
            what = f"split is none of {', '.join(_OFFICIAL)}"
            raise UserError(what, where=tables["official"].place(file, row), fix="fetch the table again")
        splits[film] = _OFFICIAL[split]
    return splits


def paper_rows(count: int) -> list[str]:
    """The paper's split of rows: scikit-learn's ``train_test_split`` with 0.7 to train, then halves, random state 0.

    Examples:
        >>> names = paper_rows(670)
        >>> [names.count(name) for name in ("train", "val", "test")]
        [468, 101, 101]
    """
    train, rest = _shuffle_split(np.arange(count), int(_PAPER_TRAIN * count))
    val, test = _shuffle_split(rest, len(rest) // 2)
    names = np.empty(count, dtype="<U5")
    names[train], names[val], names[test] = "train", "val", "test"
    return names.tolist()


def _shuffle_split(rows: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """As scikit-learn does it: the second part comes first out of the permutation."""
    order = np.random.RandomState(0).permutation(len(rows))
    second = len(rows) - first
    return rows[order[second:]], rows[order[:second]]


def _official(studies: Sequence[Study], films: Sequence[str], official: Mapping[str, str]) -> tuple[Study, ...]:
    if absent := sum(film not in official for film in films):
        raise UserError(f"the official split does not have {absent} of the films", fix="choose --split patient")
    done = tuple(replace(study, split=official[film]) for study, film in zip(studies, films, strict=True))
    if torn := crossing(done):
        raise UserError(f"the official split has {torn} patients in more than one split", fix="choose --split patient")
    return done


def crossing(studies: Sequence[Study]) -> int:
    """Number of patients in more than one split."""
    pairs = {(study.patient, study.split) for study in studies}
    return len(pairs) - len({patient for patient, _ in pairs})
