"""From the folders that evaluations wrote to what a report says about each model, and which images it shows."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json
from mdfnet.core.types import Detections, RecordUse, Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.images.read import read_sample_image
from mdfnet.evaluation import score as scoring
from mdfnet.evaluation.compare import COMPARED, compare_evaluations
from mdfnet.evaluation.prediction_files import read_csv
from mdfnet.evaluation.subgroups import AGE, SEX
from mdfnet.models.card import CARD, Card, read_card
from mdfnet.report.answer import PICTURED
from mdfnet.report.contents import DatasetCard, EvaluationReport, ImageExample, ModelResult
from mdfnet.report.record import describe
from mdfnet.training.run_folder import read_history

#: Images shown in a report.
IMAGES = 6
IMAGES_NOTE = (
    "The first images of the split with findings, two for each number of different findings on them, in the order of"
    " the dataset: not chosen by how well the models did."
)


def read_report(
    title: str,
    folders: Sequence[Path],
    dataset: Dataset | None = None,
    command: str = "",
    names: Sequence[str] | None = None,
) -> EvaluationReport:
    """A report on one or more models that were evaluated on the same images; the first is the reference.

    Folders are what :func:`mdfnet.evaluation.score.write_scored` wrote. By default the dataset is read from where it
    was, and models are called after their runs.

    Raises:
        UserError: A folder holds no evaluation, they are not of the same images, or the dataset is another one.
    """
    contents = [_read(folder) for folder in folders]
    images = _dataset_of(contents[0], folders[0], dataset)
    for content, folder in zip(contents[1:], folders[1:], strict=True):
        _dataset_of(content, folder, images)
    results = [_result(*parts) for parts in zip(names or _names(folders), contents, folders, strict=True)]
    evaluated = set(results[0].evaluation.images)
    samples = [sample for sample in images.samples if sample.id in evaluated]
    measures, draws = (*COMPARED, PICTURED), contents[0].get("replicates", scoring.REPLICATES)
    comparisons = [compare_evaluations([folders[0], other], measures, replicates=draws) for other in folders[1:]]
    found = {one.name: read_csv(folder / "predictions.csv", images.classes)
             for one, folder in zip(results, folders, strict=True)}  # fmt: skip
    uses = {image: use for folder in reversed(folders) for image, use in _uses(folder).items()}
    return EvaluationReport(
        title=title,
        models=tuple(results),
        dataset=DatasetCard.of(images),
        split=contents[0]["about"]["split"],
        images=[_example(sample, found, uses, images.schema) for sample in _shown(samples)],
        images_note=IMAGES_NOTE,
        environment=_environment(command, contents),
        comparisons=tuple(comparisons),
        people=people(samples, images.schema),
    )


def people(samples: Sequence[Sample], schema: Schema) -> str:
    """Who the patients are, in a sentence, as far as the records say.

    Examples:
        >>> schema = Schema.load("age-sex-view")
        >>> ages = {"a": 40, "b": 60, "c": 71}
        >>> images = [Sample(name, Path(name), 9, 9, None, np.float32([age, 0, 0])) for name, age in ages.items()]
        >>> people(images, schema)
        '3 patients; age 40 to 71, median 60; sex 100\\xa0% F.'
    """
    values = np.stack([sample.clinical for sample in samples]).astype(np.float64)
    parts = [f"{len({sample.patient for sample in samples}):,} patients"]
    for name in AGE:
        if name in schema.names and not np.isnan(ages := values[:, schema.index(name)]).all():
            parts.append(f"age {np.nanmin(ages):.0f} to {np.nanmax(ages):.0f}, median {np.nanmedian(ages):.0f}")
    for name in (one for one in SEX if one in schema.names):
        known = values[:, schema.index(name)]
        known = known[~np.isnan(known)]
        shares = [(label, np.mean(known == k)) for k, label in enumerate(schema[name].categories)] if len(known) else []
        if shares:
            texts = [f"{share:.0%}".replace("%", f"\u00a0% {label}") for label, share in shares if share]
            parts.append(f"{name} {', '.join(texts)}")
    return "; ".join(parts) + "."


def _read(folder: Path) -> dict[str, Any]:
    """All of an evaluation's file; null becomes NaN."""
    if not (folder / "evaluation.json").is_file():
        fix = "score the model first: mdfnet evaluate RUN DATASET; or name the split that it was scored on by --split"
        raise UserError("no evaluation here", where=folder, fix=fix)
    details = scoring.read_details(folder)
    return {key: value if key == "about" else _with_nan(value) for key, value in details.items()}


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None else value


def _dataset_of(content: Mapping[str, Any], folder: Path, given: Dataset | None) -> Dataset:
    """That of an evaluation, by default from where it was."""
    about, place = content["about"], Path(content["about"].get("folder") or "")
    if given is None and (not about.get("folder") or not place.is_dir()):
        what = f"the dataset {about.get('dataset', '')!r} is not where it was"
        raise UserError(what, where=folder, fix="say where with --dataset")
    dataset = given or read_dataset(place)
    if about.get("fingerprint") and about["fingerprint"] != dataset.fingerprint:
        fix = "give the folder it was evaluated on with --dataset, or evaluate again"
        raise UserError(f"the dataset in {dataset.folder} is not the one of this evaluation", where=folder, fix=fix)
    return dataset


def _names(folders: Sequence[Path]) -> list[str]:
    """Runs' names where they differ, else whole paths."""
    runs = [folder.resolve().parent.name for folder in folders]
    own = [folder.resolve().name for folder in folders]
    return next((names for names in (runs, own) if len(set(names)) == len(names)), [str(folder) for folder in folders])


def _result(name: str, content: Mapping[str, Any], folder: Path) -> ModelResult:
    about, model = content["about"], Path(content["about"]["model"])
    evaluation = scoring.read_evaluation(folder)[1]
    if not (model / CARD).is_file():
        return ModelResult(name, evaluation, parameters=about.get("parameters"), details=content)
    card, history = read_card(model), model.parent / "history.csv"
    config, epochs = card.config, read_history(history) if history.is_file() else []
    curve = [
        {"epoch": row["epoch"] + 1, "train_loss": row["loss"], "val_ap": row[config.train.monitor]} for row in epochs
    ]
    return ModelResult(name, evaluation, curve, about.get("parameters"), config.to_yaml(), _sees(card), content)


def _sees(card: Card) -> str:
    detector = f"detector {card.config.detector.name}"
    if "images" in card.training:
        detector += f", trained on {card.training['images']['train']:,} images"
    if not card.config.fused:
        return f"images alone ({detector})"
    features = ", ".join(card.clinical_schema.names)
    return f"images and {len(card.clinical_schema)} clinical values: {features} ({detector})"


def _environment(command: str, contents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    import torch

    about = contents[0]["about"]
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return {
        "command": command,
        "weights": ", ".join(str(content["about"].get("weights_sha256", ""))[:12] for content in contents),
        **about.get("versions", {}),
        "hardware": f"{os.cpu_count()} cores, {platform.machine()}, {accelerator}",
    }


def _uses(folder: Path) -> dict[str, RecordUse]:
    """Of each image that a model used a record of."""
    path = folder / scoring.CLINICAL
    uses = read_json(path) if path.is_file() else {}
    return {image: RecordUse(**use) for image, use in uses.items() if use}


def _shown(samples: Sequence[Sample]) -> list[Sample]:
    """Images worth showing: with findings, of different variety, chosen without looking at detections."""
    by_variety: dict[int, list[int]] = {}
    for index, sample in enumerate(samples):
        by_variety.setdefault(len(set(sample.target.labels.tolist())), []).append(index)
    chosen = [index for variety, indices in sorted(by_variety.items()) if variety for index in indices[:2]]
    rest = [index for variety, indices in sorted(by_variety.items()) if variety for index in indices[2:]]
    return [samples[index] for index in sorted((chosen + rest)[:IMAGES])]


def _example(
    sample: Sample, found: Mapping[str, Mapping[str, Detections]], uses: Mapping[str, RecordUse], schema: Schema
) -> ImageExample:
    import torch

    nothing = Detections(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    return ImageExample(
        id=sample.id,
        image=read_sample_image(sample),
        target=sample.target,
        detections={name: images.get(sample.id, nothing) for name, images in found.items()},
        record=describe(schema, sample.clinical.tolist(), uses.get(sample.id)),
    )
