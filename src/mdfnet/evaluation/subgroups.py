"""How images are sorted into groups of patients: by sex, age, view, missing values, and by columns of the user's."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mdfnet.clinical.schema import Feature, Schema
from mdfnet.core.arrays import Array, Floats
from mdfnet.core.csv_tables import Table, read_table
from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample
from mdfnet.metrics.groups import Grouping

AGE_BANDS = (0, 18, 40, 60, 80)  #: Where age bands begin, in years; all but the first two are twenty years wide
SEX, AGE, VIEW = ("sex", "gender"), ("age",), "view"  #: Names that schemas give to these features

#: Columns of a user's table that say which image, or which patient, a row is about.
IMAGE_COLUMNS, PATIENT_COLUMN = ("image", "image_id"), "patient_id"

MOST_GROUPS = 12  #: More groups than this in one column are a mistake, or numbers; numbers are sorted into thirds

NOT_KNOWN = "not known"


def groupings_of(
    samples: Sequence[Sample], schema: Schema, by: Sequence[str] = (), table: str | Path | None = None
) -> list[Grouping]:
    """The groupings of a set of images.

    Args:
        samples: The images.
        schema: What their clinical values mean; sex and age are taken from it where it has them.
        by: Further clinical features; numbers are sorted into thirds of the values that these images have.
        table: A CSV of the user's with a column ``image`` or ``patient_id``; each other column is a grouping.

    Examples:
        >>> schema, record = Schema.load("age-sex-view"), np.float32([61, 1, np.nan])
        >>> sample = Sample("a", Path("a.png"), 9, 9, None, record, view="PA")
        >>> [(one.name, one.groups[one.of[0]]) for one in groupings_of([sample], schema)]
        [('sex', 'M'), ('age', '60 to 79'), ('view', 'PA'), ('record', 'partly missing')]
    """
    values = np.stack([sample.clinical for sample in samples]).astype(np.float64)

    def by_feature(name: str) -> Grouping:
        return _by_feature(schema[name], values[:, schema.index(name)])

    result = [by_feature(name) for name in (*SEX, *AGE) if name in schema.names]
    result.append(_by_name(VIEW, [sample.view or NOT_KNOWN for sample in samples]))
    missing = np.isnan(values)
    completeness = np.where(missing.all(1), 2, missing.any(1))
    result.append(Grouping("record", ("complete", "partly missing", "all missing"), completeness))
    known = {grouping.name for grouping in result}
    result += [by_feature(name) for name in by if name not in known]
    return result + (_by_table(samples, read_table(table)) if table else [])


def _by_feature(feature: Feature, values: Floats) -> Grouping:
    if feature.kind == "category":
        names = (*feature.categories, NOT_KNOWN)
        of = np.where(np.isnan(values), len(names) - 1, np.nan_to_num(values)).astype(int)
        return Grouping(feature.name, names, of)
    if feature.name in AGE:
        ends = [f"{low} to {high - 1}" for low, high in itertools.pairwise(AGE_BANDS)]
        return _in_bands(feature.name, values, np.array(AGE_BANDS[1:]), (*ends, f"{AGE_BANDS[-1]} and over"))
    return _in_thirds(feature.name, values)


def _in_thirds(name: str, values: Floats) -> Grouping:
    """Thirds of the known values; fewer where many are equal."""
    if np.isnan(values).all():
        return _by_name(name, [NOT_KNOWN] * len(values))
    ends = np.unique(np.nanquantile(values, [1 / 3, 2 / 3]))
    texts = [f"{end:.3g}" for end in ends]
    between = [f"{low} to {high}" for low, high in itertools.pairwise(texts)]
    return _in_bands(name, values, ends, (f"below {texts[0]}", *between, f"{texts[-1]} and over"))


def _in_bands(name: str, values: Floats, ends: Array, names: tuple[str, ...]) -> Grouping:
    band = np.searchsorted(ends, np.nan_to_num(values), side="right")
    return Grouping(name, (*names, NOT_KNOWN), np.where(np.isnan(values), len(names), band))


def _by_name(name: str, of: Sequence[str]) -> Grouping:
    groups = tuple(sorted(set(of), key=lambda group: (group == NOT_KNOWN, group)))
    return Grouping(name, groups, np.array([groups.index(group) for group in of]))


def _by_table(samples: Sequence[Sample], table: Table) -> list[Grouping]:
    column = next((one for one in (*IMAGE_COLUMNS, PATIENT_COLUMN) if one in table.columns), None)
    if column is None:
        fix = f"name the column with the image {IMAGE_COLUMNS[0]!r}, or that with the patient {PATIENT_COLUMN!r}"
        raise UserError("no column says which image or patient a row is about", where=table.path, fix=fix)
    rows = table.by(column)
    names = [(sample.patient,) if column == PATIENT_COLUMN else (sample.id, sample.image.name) for sample in samples]
    found = [next((rows[name] for name in either if name in rows), None) for either in names]
    if not any(found):
        what = f"none of the {len(samples)} images is in its column {column!r}"
        raise UserError(what, where=table.path, fix="use the names of clinical.csv in the dataset folder")
    others = [one for one in table.columns if one != column and one not in (*IMAGE_COLUMNS, PATIENT_COLUMN)]
    if not others:
        raise UserError("no column to sort by", where=table.path, fix=f"add one beside {column!r}")
    return [_by_column(table, one, [row[one] if row else "" for row in found]) for one in others]


def _by_column(table: Table, column: str, cells: Sequence[str]) -> Grouping:
    if len(set(cells)) <= MOST_GROUPS:
        return _by_name(column, [cell or NOT_KNOWN for cell in cells])
    try:
        return _in_thirds(column, np.array([float(cell) if cell else np.nan for cell in cells]))
    except ValueError:
        what = f"column {column!r} has {len(set(cells))} different values on these images"
        fix = f"put them into at most {MOST_GROUPS} groups"
        raise UserError(what, where=table.path, fix=fix) from None
