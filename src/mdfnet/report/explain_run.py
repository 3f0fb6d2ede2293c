"""Explains a model on one film, or on a split: what ``mdfnet explain`` does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from mdfnet.clinical.records import Invalid
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.types import Study
from mdfnet.data.dataset import Dataset
from mdfnet.data.image_records import read_records
from mdfnet.data.images.read import read_film, read_study_film
from mdfnet.data.names import film_id
from mdfnet.evaluation.score import check_fit
from mdfnet.explain.case import explain_case
from mdfnet.explain.importance import check_fused, explain_films, importance
from mdfnet.explain.reliance import reliance
from mdfnet.models.card import NOTICE, find_model, versions
from mdfnet.models.inference import on_best_device
from mdfnet.models.load import load
from mdfnet.models.model import Model
from mdfnet.report.explanation import in_words, write_case_page
from mdfnet.report.importance import alarms_in_words, verdict, write_set_files, write_set_page
from mdfnet.report.record import describe

#: What is written.
PAGE = "explanation.html"

Say = Callable[[str], None]


def explain_file(
    model: str | Path,
    film: Path,
    clinical: Path | None,
    out: Path,
    *,
    score: float = 0.3,
    orders: int | None = None,
    invalid: Invalid = "error",
    command: str = "",
    say: Say = print,
) -> None:
    """Write OUT/explanation.html on a film file and its record.

    Args:
        model: A run's or model's folder, or "demo".
        film: PNG, JPEG or DICOM.
        clinical: As of :func:`mdfnet.cli.run_predict.predict_files`; None: no record.
        out: Folder to write.
        score: Boxes below this score are not explained.
        orders: As :func:`mdfnet.explain.shapley.explain`.
        invalid: What to do with values that cannot be right.
        command: For the page.
        say: Where to print.

    Raises:
        UserError: The film or its record cannot be read, or the model looks at films alone.
    """
    network = _fused(model)
    name = film_id(film.name)
    pixels = read_film(film, network.preprocessing.intensity)
    record = np.full(len(network.schema), np.nan, np.float32)
    if clinical is not None:
        found = read_records(clinical, network.schema, [name], invalid, say).get(name)
        record = record if found is None else found.values
    _one(network, name, pixels, record, out, score, orders, (), _facts(model, network, command), say)


def explain_study(
    model: str | Path,
    dataset: Dataset,
    case: str,
    out: Path,
    *,
    score: float = 0.3,
    orders: int | None = None,
    command: str = "",
    say: Say = print,
) -> None:
    """Write OUT/explanation.html on one film of a dataset, with the record it has there.

    Args:
        model, out, score, orders, command, say: As :func:`explain_file`.
        dataset: Must fit the model.
        case: Name of the film.

    Raises:
        UserError: There is no such film, or model and dataset do not fit.
    """
    network = _fused(model)
    check_fit(network, dataset)
    studies = {study.id: study for study in dataset.studies}
    if case not in studies:
        raise UserError(f"no film {case!r}", where=dataset.folder, fix=nearest(case, studies) if studies else None)
    study = studies[case]
    facts = _facts(model, network, command) | {"dataset": dataset.name}
    _one(network, case, read_study_film(study), study.clinical, out, score, orders, dataset.synthetic, facts, say)


def explain_split(
    model: str | Path,
    dataset: Dataset,
    split: str,
    out: Path,
    *,
    films: int | None = None,
    orders: int | None = None,
    seed: int = 0,
    command: str = "",
    say: Say = print,
) -> None:
    """Write the page, ``explanation.json`` and ``importance.csv`` on importance and reliance over a split.

    Args:
        model, out, orders, command, say: As :func:`explain_file`.
        dataset, split: Which films.
        films: Look at so many films alone, drawn at random; None: at all.
        seed: Of the draw, of shuffled records and of the bootstrap.

    Raises:
        UserError: Model and dataset do not fit, or there are no such films.
    """
    network = _fused(model)
    check_fit(network, dataset)
    studies = _drawn(dataset.split(split), films, seed)
    say(f"{len(studies)} films: the reliance test, then Shapley values of every finding")
    relied = reliance(network, studies, seed=seed, tick=_counting("reliance", len(studies), say))
    told = explain_films(network, studies, orders=orders, seed=seed, tick=_counting("importance", len(studies), say))
    parts = [importance(told, name) for name in network.classes.names]
    facts = _facts(model, network, command) | {"dataset": dataset.name, "split": split}
    write_set_files(out, parts, relied, network.schema.names)
    title = f"{Path(model).name} on {dataset.name}, {split}"
    write_set_page(
        out / PAGE, title, parts, relied, network.schema.names, synthetic=dataset.synthetic, facts=facts
    )  # fmt: skip
    say(verdict(relied))
    for alarm in alarms_in_words(relied):
        say(f"alarm: {alarm}")
    say(f"page: {out / PAGE}. {NOTICE}")


def _fused(model: str | Path) -> Model:
    network = on_best_device(load(find_model(model)))
    check_fused(network)
    return network


def _one(
    network: Model,
    name: str,
    pixels: np.ndarray,
    record: np.ndarray,
    out: Path,
    score: float,
    orders: int | None,
    synthetic: Sequence[str],
    facts: dict[str, str],
    say: Say,
) -> None:
    case = explain_case(network, pixels, torch.from_numpy(record), score=score, orders=orders)
    write_case_page(out / PAGE, name, case, network.classes, network.schema, synthetic=synthetic, facts=facts)
    say(in_words(case, network.classes, dict(describe(network.schema, record, case.found.record))))
    say(f"page: {out / PAGE}. {NOTICE}")


def _counting(what: str, films: int, say: Say) -> Callable[[], None]:
    """Says at every tenth film of a long run how far it is."""
    done = itertools.count(1)

    def tick() -> None:
        if (now := next(done)) % 10 == 0:
            say(f"{what}: {now} of {films} films")

    return tick


def _drawn(studies: Sequence[Study], count: int | None, seed: int) -> Sequence[Study]:
    if count is None or count >= len(studies):
        return studies
    chosen = np.random.default_rng(seed).choice(len(studies), count, replace=False)
    return [studies[k] for k in sorted(chosen)]


def _facts(model: str | Path, network: Model, command: str) -> dict[str, str]:
    known = ", ".join(f"{name} {version}" for name, version in versions().items())
    return {"model": str(model), "detector": network.config.detector.name, "versions": known, "command": command}
