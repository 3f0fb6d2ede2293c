"""From the folders that evaluations wrote to a report: what there is to say about each model, which images to show."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

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
from mdfnet.report.contents import DatasetCard, ImageExample, ModelResult, Report
from mdfnet.report.record import describe
from mdfnet.training.callbacks import read_history

#: Images shown in a report.
IMAGES = 6
IMAGES_NOTE = (
    "The first images of the split with findings, two for each number of classes on them, in the order of the dataset: "
    "not chosen by how well they came out."
)


def read_report(
    title: str,
    folders: Sequence[Path],
    dataset: Dataset | None = None,
    command: str = "",
    names: Sequence[str] | None = None,
) -> Report:
    """A report on one or more models that were evaluated on the same images; the first is the reference.

    Args:
        title: Of the report.
        folders: What :func:`mdfnet.evaluation.score.write_scored` wrote.
        dataset: What they were evaluated on. Default: read from where it was.
        command: How the report was asked for.
        names: What to call the models. Default: after their runs.

    Raises:
        UserError: A folder holds no evaluation, they are not of the same images, or the dataset is another one.
    """
    contents = [_read(folder) for folder in folders]
    dataset = dataset or _dataset_of(contents[0], folders[0])
    for content, folder in zip(contents, folders, strict=True):
        _check_dataset(content, folder, dataset)
    called = names or _names(folders)
    results = [_result(*parts) for parts in zip(called, contents, folders, strict=True)]
    evaluated = set(results[0].evaluation.images)
    samples = [sample for sample in dataset.samples if sample.id in evaluated]
    measures, draws = (*COMPARED, PICTURED), contents[0].get("replicates", scoring.REPLICATES)
    comparisons = [compare_evaluations([folders[0], other], measures, replicates=draws) for other in folders[1:]]
    return Report(
        title=title,
        models=tuple(results),
        dataset=DatasetCard.of(dataset),
        split=contents[0]["about"]["split"],
        images=_examples(samples, called, folders, dataset),
        images_note=IMAGES_NOTE,
        environment=_environment(command, contents),
        comparisons=tuple(comparisons),
        people=people(samples, dataset.schema),
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
            parts.append(
                f"{name} "
                + ", ".join(f"{share:.0%}".replace("%", f"\u00a0% {label}") for label, share in shares if share)
            )
    return "; ".join(parts) + "."


def _read(folder: Path) -> dict[str, Any]:
    """All of an evaluation's file; null becomes NaN."""
    path = folder / "evaluation.json"
    if not path.is_file():
        fix = "score the model first: mdfnet evaluate RUN DATASET; or name the split that it was scored on by --split"
        raise UserError("no evaluation here", where=folder, fix=fix)
    content = read_json(path)
    scoring.read_evaluation(path)  # says what is wrong with it
    return {key: value if key == "about" else _with_nan(value) for key, value in content.items()}


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None else value


def _dataset_of(content: Mapping[str, Any], folder: Path) -> Dataset:
    place = content["about"].get("folder")
    if not place or not Path(place).is_dir():
        what = f"the dataset {content['about'].get('dataset', '')!r} is not where it was"
        raise UserError(what, where=folder, fix="say where with --dataset")
    return read_dataset(place)


def _check_dataset(content: Mapping[str, Any], folder: Path, dataset: Dataset) -> None:
    known = content["about"].get("fingerprint")
    if known and known != dataset.fingerprint:
        fix = "give the folder it was evaluated on with --dataset, or evaluate again"
        raise UserError(f"the dataset in {dataset.folder} is not the one of this evaluation", where=folder, fix=fix)


def _names(folders: Sequence[Path]) -> list[str]:
    """Runs' names where they differ, else whole paths."""
    runs = [folder.resolve().parent.name for folder in folders]
    own = [folder.resolve().name for folder in folders]
    return next((names for names in (runs, own) if len(set(names)) == len(names)), [str(folder) for folder in folders])


def _result(name: str, content: Mapping[str, Any], folder: Path) -> ModelResult:
    about, model = content["about"], Path(content["about"]["model"])
    card = read_card(model) if (model / CARD).is_file() else None
    history = model.parent / "history.csv"
    curve = read_history(history) if card and history.is_file() else []
    return ModelResult(
        name=name,
        evaluation=scoring.read_evaluation(folder)[1],
        curve=[
            {"epoch": row["epoch"] + 1, "train_loss": row["loss"], "val_ap": row[card.config.train.monitor]}
            for row in curve
        ],
        parameters=about.get("parameters"),
        config=card.config.to_yaml() if card else "",
        sees=_sees(card) if card else "",
        details=content,
    )


def _sees(card: Card) -> str:
    detector = (
        f"detector {card.config.detector.name}, trained on {card.training['images']['train']:,} images"
        if ("images" in card.training)
        else f"detector {card.config.detector.name}"
    )
    if not card.config.fused:
        return f"images alone ({detector})"
    features = ", ".join(card.clinical_schema.names)
    return f"images and {len(card.clinical_schema)} clinical values: {features} ({detector})"


def _environment(command: str, contents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    about = contents[0]["about"]
    return {
        "command": command,
        "weights": ", ".join(str(content["about"].get("weights_sha256", ""))[:12] for content in contents),
        **about.get("versions", {}),
        "hardware": f"{os.cpu_count()} cores, {platform.machine()}, {_accelerator()}",
    }


def _examples(
    samples: Sequence[Sample], names: Sequence[str], folders: Sequence[Path], dataset: Dataset
) -> list[ImageExample]:
    found = [read_csv(folder / "predictions.csv", dataset.classes) for folder in folders]
    uses = [_uses(folder) for folder in folders]
    return [_example(sample, names, found, uses, dataset) for sample in _shown(samples)]


def _uses(folder: Path) -> dict[str, RecordUse | None]:
    path = folder / scoring.CLINICAL
    content = read_json(path) if path.is_file() else {}
    return {image: RecordUse(**use) if use else None for image, use in content.items()}


def _shown(samples: Sequence[Sample]) -> list[Sample]:
    """Images worth showing: with findings, of different variety, chosen without looking at detections."""
    by_variety: dict[int, list[int]] = {}
    for index, sample in enumerate(samples):
        by_variety.setdefault(len(set(sample.target.labels.tolist())), []).append(index)
    chosen = [index for variety, indices in sorted(by_variety.items()) if variety for index in indices[:2]]
    rest = [index for variety, indices in sorted(by_variety.items()) if variety for index in indices[2:]]
    return [samples[index] for index in sorted((chosen + rest)[:IMAGES])]


def _example(sample: Sample, names, found, uses, dataset: Dataset) -> ImageExample:
    use = next((one[sample.id] for one in uses if one.get(sample.id)), None)
    return ImageExample(
        id=sample.id,
        image=read_sample_image(sample),
        target=sample.target,
        detections={name: one.get(sample.id, _nothing()) for name, one in zip(names, found, strict=True)},
        record=describe(dataset.schema, sample.clinical, use),
    )


def _nothing() -> Detections:
    return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))


def _accelerator() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
