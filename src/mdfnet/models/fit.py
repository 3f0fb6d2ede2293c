"""Whether a model fits what it is to be used for; told from its card, without torch."""

from __future__ import annotations

from itertools import zip_longest

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes
from mdfnet.data.dataset import Dataset
from mdfnet.models.config import Config


def check_fit(classes: Classes, schema: Schema, dataset: Dataset) -> None:
    """Make sure that a model with these classes and clinical features can be used on a dataset."""
    if classes.names != dataset.classes.names:
        found, known = ", ".join(dataset.classes.names), ", ".join(classes.names)
        raise UserError(f"the dataset's classes ({found}) are not the model's ({known})", where=dataset.folder)
    pairs = list(zip_longest(dataset.schema.features, schema.features))
    odd = next((ours or theirs for ours, theirs in pairs if ours is None or not ours.same_values(theirs)), None)
    if odd is not None:
        what = f"the dataset's clinical schema {dataset.schema.name!r} is not the model's {schema.name!r}"
        fix = "import the dataset with the model's schema"
        raise UserError(f"{what}: they differ in {odd.name!r}", where=dataset.folder, fix=fix)


def check_fused(config: Config) -> None:
    """Make sure that a model is not image-only."""
    if not config.fused:
        raise UserError("the model looks at images alone: there is no record to explain", fix="give a fused model")
