"""Finds the operating points of a saved model on a dataset, and keeps them with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mdfnet.core.errors import UserError
from mdfnet.data.dataset import Dataset
from mdfnet.models.card import DEMO_MODEL, find_model, read_card
from mdfnet.models.fit import check_fit
from mdfnet.models.operating_points import FALSE_POSITIVES, SENSITIVITIES, Operating, fit_operating, write_operating


def calibrate_model(
    model: str | Path,
    dataset: Dataset,
    split: str = "val",
    sensitivities: Sequence[float] | None = None,
    false_positives: Sequence[float] | None = None,
) -> Operating:
    """Fit operating points and temperatures, and write them into the model's folder.

    The images of the split should be such as no figure will be reported on. ``sensitivities`` and ``false_positives``
    are those of :func:`mdfnet.models.operating_points.fit_operating`, by default the usual ones.
    """
    folder = find_model(model)
    if folder.resolve() == DEMO_MODEL:
        raise UserError("the shipped model's folder is not written to", fix="copy the folder and name the copy")
    card = read_card(folder)
    check_fit(card.known_classes(), card.clinical_schema, dataset)
    samples = dataset.split(split)
    if not any(len(sample.target) for sample in samples):
        raise UserError(f"no image of the split {split!r} has a finding", where=dataset.folder, fix="see splits.csv")
    from mdfnet.models.inference import detect_images, on_best_device  # after all checks: they take seconds to import
    from mdfnet.models.load import load

    network = on_best_device(load(folder))
    operating = fit_operating(
        samples,
        list(detect_images(network, samples)),
        network.classes,
        f"{len(samples)} images of the split {split} of {dataset.name}",
        sensitivities=SENSITIVITIES if sensitivities is None else sensitivities,
        false_positives=FALSE_POSITIVES if false_positives is None else false_positives,
    )
    write_operating(operating, folder)
    return operating
