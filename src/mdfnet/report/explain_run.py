"""Explains a model on one image, or on a split: what ``mdfnet explain`` does.

What is given is checked first; what takes seconds to import, torch and all that needs it, comes after.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mdfnet.clinical.records import Invalid
from mdfnet.core.arrays import Array, Floats
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.types import Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.image_records import read_records
from mdfnet.data.images.read import image_size, read_image, read_sample_image
from mdfnet.data.names import image_id
from mdfnet.models.card import NOTICE, Card, find_model, read_card, versions
from mdfnet.models.fit import check_fit, check_fused
from mdfnet.report.record import describe

if TYPE_CHECKING:
    from mdfnet.models.model import Model

#: What is written.
PAGE = "explanation.html"

Log = Callable[[str], None]


def explain_file(
    model: str | Path,
    image: Path,
    clinical: Path | None,
    out: Path,
    *,
    score: float = 0.3,
    orders: int | None = None,
    invalid: Invalid = "error",
    command: str = "",
    log: Log = print,
) -> None:
    """Write OUT/explanation.html on an image file and its record.

    Args:
        model: A run's or model's folder, or "demo".
        image: PNG, JPEG or DICOM.
        clinical: As of :func:`mdfnet.data.image_records.read_records`; None: no record.
        out: Folder to write.
        score: Boxes below this score are not explained.
        orders: As :func:`mdfnet.explain.shapley.explain`.
        invalid: What to do with implausible values.
        command: For the page.
        log: Where to print.

    Raises:
        UserError: The image or its record cannot be read, or the model looks at images alone.
    """
    schema, name = _fused(model).clinical_schema, image_id(image.name)
    image_size(image)  # is there, and an image
    record = np.full(len(schema), np.nan, np.float32)
    if clinical is not None:
        found = read_records(clinical, schema, [name], invalid, log).get(name)
        record = record if found is None else found.values
    network = _load(model)
    pixels = read_image(image, network.preprocessing.intensity)
    _one(network, name, pixels, record, out, score, orders, (), _facts(model, network, command), log)


def explain_sample(
    model: str | Path,
    dataset: Dataset,
    case: str,
    out: Path,
    *,
    score: float = 0.3,
    orders: int | None = None,
    command: str = "",
    log: Log = print,
) -> None:
    """Write OUT/explanation.html on one image of a dataset, with the record it has there.

    Args:
        model, out, score, orders, command, log: As :func:`explain_file`.
        dataset: Must fit the model.
        case: Name of the image.

    Raises:
        UserError: There is no such image, or model and dataset do not fit.
    """
    card = _fused(model)
    check_fit(card.known_classes(), card.clinical_schema, dataset)
    samples = {sample.id: sample for sample in dataset.samples}
    if case not in samples:
        raise UserError(f"no image {case!r}", where=dataset.folder, fix=nearest(case, samples) if samples else None)
    sample, network = samples[case], _load(model)
    facts = _facts(model, network, command) | {"dataset": dataset.name}
    _one(network, case, read_sample_image(sample), sample.clinical, out, score, orders, dataset.synthetic, facts, log)


def explain_split(
    model: str | Path,
    dataset: Dataset,
    split: str,
    out: Path,
    *,
    images: int | None = None,
    orders: int | None = None,
    seed: int = 0,
    command: str = "",
    log: Log = print,
) -> None:
    """Write the page, ``explanation.json`` and ``importance.csv`` on importance and reliance over a split.

    Args:
        model, out, orders, command, log: As :func:`explain_file`.
        dataset, split: Which images.
        images: Look at this many images, drawn at random; None: at all.
        seed: Of the draw, of shuffled records and of the bootstrap.

    Raises:
        UserError: Model and dataset do not fit, or there are no such images.
    """
    card = _fused(model)
    check_fit(card.known_classes(), card.clinical_schema, dataset)
    samples, network = _drawn(dataset.split(split), images, seed), _load(model)
    from mdfnet.explain.importance import explain_images, importance
    from mdfnet.explain.reliance import reliance
    from mdfnet.report.importance import alarms_in_words, verdict, write_set_files, write_set_page

    log(f"{len(samples)} images: the reliance test, then Shapley values of every finding")
    relied = reliance(network, samples, seed=seed, tick=_counting("reliance", len(samples), log))
    tick = _counting("importance", len(samples), log)
    explained = explain_images(network, samples, orders=orders, seed=seed, tick=tick)
    parts, features = [importance(explained, name) for name in network.classes.names], network.schema.names
    facts = _facts(model, network, command) | {"dataset": dataset.name, "split": split}
    write_set_files(out, parts, relied, features)
    title = f"{Path(model).name} on {dataset.name}, {split}"
    write_set_page(out / PAGE, title, parts, relied, features, synthetic=dataset.synthetic, facts=facts)
    log(verdict(relied))
    for alarm in alarms_in_words(relied):
        log(f"alarm: {alarm}")
    log(f"page: {out / PAGE}. {NOTICE}")


def _fused(model: str | Path) -> Card:
    card = read_card(find_model(model))
    check_fused(card.config)
    return card


def _load(model: str | Path) -> Model:
    from mdfnet.models.inference import on_best_device
    from mdfnet.models.load import load

    return on_best_device(load(find_model(model)))


def _one(
    network: Model,
    name: str,
    pixels: Array,
    record: Floats,
    out: Path,
    score: float,
    orders: int | None,
    synthetic: Sequence[str],
    facts: dict[str, str],
    log: Log,
) -> None:
    import torch

    from mdfnet.explain.case import explain_case
    from mdfnet.report.explanation import in_words, write_case_page

    case = explain_case(network, pixels, torch.from_numpy(record), score=score, orders=orders)
    write_case_page(out / PAGE, name, case, network.classes, network.schema, synthetic=synthetic, facts=facts)
    log(in_words(case, network.classes, dict(describe(network.schema, record.tolist(), case.found.record))))
    log(f"page: {out / PAGE}. {NOTICE}")


def _counting(what: str, images: int, log: Log) -> Callable[[], None]:
    """Logs the progress of a long run at every tenth image."""
    done = itertools.count(1)

    def tick() -> None:
        if (now := next(done)) % 10 == 0:
            log(f"{what}: {now} of {images} images")

    return tick


def _drawn(samples: Sequence[Sample], count: int | None, seed: int) -> Sequence[Sample]:
    if count is None or count >= len(samples):
        return samples
    chosen = np.random.default_rng(seed).choice(len(samples), count, replace=False)
    return [samples[k] for k in sorted(chosen)]


def _facts(model: str | Path, network: Model, command: str) -> dict[str, str]:
    known = ", ".join(f"{name} {version}" for name, version in versions().items())
    return {"model": str(model), "detector": network.config.detector.name, "versions": known, "command": command}
