"""A saved model read again, found by its folder, its run or the name of the shipped one."""

from __future__ import annotations

from pathlib import Path

from mdfnet.clinical.standardize import Standardizer
from mdfnet.core.errors import UserError
from mdfnet.models.card import CARD, WEIGHTS, find_model, read_card
from mdfnet.models.checkpoint import read_state
from mdfnet.models.model import Model
from mdfnet.models.operating_points import read_operating
from mdfnet.models.preprocessing import Preprocessing


def load(folder: str | Path) -> Model:
    """Read a model that :meth:`Model.save` wrote; ready for detection.

    Args:
        folder: A model's folder, a run's folder, of which it is the best model, or ``"demo"``, the shipped one.

    Raises:
        UserError: There is none, a file is altered, of a later version, or does not fit the rest.

    Examples:
        >>> load("demo").schema.name
        'mimic-ed'
    """
    folder = find_model(folder)
    card = read_card(folder)
    state = read_state(folder, card)
    try:
        classes = card.known_classes()
        model = Model(card.config, classes, card.clinical_schema, Standardizer.from_dict(card.fitted, card.seen))
        model.preprocessing = Preprocessing.of_card(card.config.input, card.preprocessing)
    except UserError as error:
        raise error.at(folder / CARD) from None
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(f"weights do not fit: {str(error).splitlines()[-1].strip()}", where=folder / WEIGHTS) from None
    model.operating = read_operating(folder, classes)
    return model.eval()
