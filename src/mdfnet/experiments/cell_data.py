"""The data of a cell: their source, their split, the number of training images, the clinical features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.types import Classes, Sample, Target
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.mimic.splits import paper_rows
from mdfnet.data.phantom import PhantomConfig, write_phantoms
from mdfnet.data.split import split_by_fold, split_by_patient
from mdfnet.experiments.cells import Cell
from mdfnet.experiments.plan import Arm, Plan, SyntheticData


def open_data(plan: Plan, seed: int, out: Path) -> Dataset:
    """The dataset of a seed; synthetic ones are generated at first use."""
    if plan.data is None:
        raise UserError(f"the experiment {plan.name!r} has no data", fix="give a dataset folder as --data FOLDER")
    if isinstance(plan.data, SyntheticData):
        made, folder = plan.data.phantom, out / "data" / f"seed-{seed}"
        if folder.exists():
            return read_dataset(folder)
        count = made.train + made.val + made.test
        splits = (made.train / count, made.val / count, made.test / count)
        config = PhantomConfig(count=count, size=made.size, seed=made.seed + seed, signal=made.signal, splits=splits)
        return write_phantoms(config, folder)
    return read_dataset(plan.data)


def arranged(dataset: Dataset, plan: Plan, cell: Cell) -> Dataset:
    """A cell's own view of the data: its split, its number of training images, its clinical features."""
    arm = plan.arms[cell.arm]
    samples = _split(dataset, plan, plan.split_of(cell.arm), cell.fold)
    if cell.size is not None:
        samples = nested(samples, cell.size, cell.seed)
    return with_features(replace(dataset, samples=samples), seen_by(arm, dataset.schema))


def _split(dataset: Dataset, plan: Plan, rule: str, fold: int | None) -> tuple[Sample, ...]:
    samples = dataset.samples
    if rule == "row":  # a patient's rows are torn apart, so each counts as a patient
        names = paper_rows(len(samples))
        return tuple(replace(s, patient=s.id, split=name) for s, name in zip(samples, names, strict=True))
    rules = dataset.provenance.rules if dataset.provenance else {}
    if (rule == "patient" or fold is not None) and rules.get("split") == "row":
        what = "this build split rows and forgot the patients, so it cannot be split by patient"
        fix = "build it with --split patient; the experiment splits rows itself where the paper did"
        raise UserError(what, where=dataset.folder, fix=fix)
    if fold is not None:
        patients = len({sample.patient for sample in samples})
        if plan.folds > patients:
            what = f"{plan.folds} folds of {patients} patients: a fold would be empty"
            raise UserError(what, where=dataset.folder, fix="ask for fewer folds, as in folds=5")
        return split_by_fold(samples, plan.folds, fold)
    return split_by_patient(samples) if rule == "patient" else samples


def nested(samples: Sequence[Sample], count: int, seed: int) -> tuple[Sample, ...]:
    """The samples with only some of the training images: patients in random order until there are enough.

    The same seed gives the same order, so that a smaller set lies within every larger one.

    Examples:
        >>> from mdfnet.core.types import Target
        >>> images = [Sample(f"f{i}", None, 8, 8, Target.of([], []), None, split="train") for i in range(9)]
        >>> some, more = nested(images, 3, seed=0), nested(images, 5, seed=0)
        >>> len(some), len(more), {image.id for image in some} < {image.id for image in more}
        (3, 5, True)
    """
    images: dict[str, list[str]] = {}
    for sample in samples:
        if sample.split == "train":
            images.setdefault(sample.patient, []).append(sample.id)
    there = sum(map(len, images.values()))
    if count > there:
        raise UserError(f"{count} training images are asked for, there are {there}", fix="take smaller sizes, or 'all'")
    kept: set[str] = set()
    for patient in np.random.default_rng(seed).permutation(sorted(images)).tolist():
        kept.update(images[patient][: count - len(kept)])
    return tuple(sample for sample in samples if sample.split != "train" or sample.id in kept)


def seen_by(arm: Arm, schema: Schema) -> tuple[str, ...]:
    """Clinical features that an arm gets, in the schema's order."""
    only = schema.names if arm.only is None else arm.only
    return tuple(name for name in schema.names if name in only and name not in arm.without)


def with_features(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """A dataset with only some of its clinical features, as if there were no others."""
    if tuple(names) == dataset.schema.names:
        return dataset
    if not names:
        raise UserError("an arm without any clinical feature", fix="for the image alone, set map and vector to null")
    columns = [dataset.schema.index(name) for name in names]
    schema = Schema(name=dataset.schema.name, features=tuple(dataset.schema.features[i] for i in columns))
    samples = tuple(replace(sample, clinical=sample.clinical[columns]) for sample in dataset.samples)
    return replace(dataset, schema=schema, samples=samples)


def hidden(samples: Sequence[Sample], share: float, seed: int) -> tuple[Sample, ...]:
    """The same images with a share of their clinical values missing at random."""
    random = np.random.default_rng(seed)
    return tuple(
        replace(s, clinical=np.where(random.random(len(s.clinical)) < share, np.nan, s.clinical).astype(np.float32))
        for s in samples
    )


def translated(other: Dataset, home: Dataset, names: Mapping[str, str]) -> Dataset:
    """A dataset of another place in the classes and clinical features of the training data.

    ``names`` are those of findings there -> here; equal ones need no entry. Findings without a counterpart are left
    out; a class without annotations there has no score. A feature that the other place lacks is missing on all its
    images. All are test images, whatever their split there.
    """
    for there, here in names.items():
        for name, known in ((there, other.classes.names), (here, home.classes.names)):
            if name not in known:
                raise UserError(f"no finding {name!r}", where=f"classes {there}: {here}", fix=nearest(name, known))
    meaning = {name: name for name in other.classes.names if name in home.classes.names} | dict(names)
    if not meaning:
        listed = ", ".join(other.classes.names)
        fix = "say what they mean, as in classes: {Effusion: Pleural abnormality}"
        raise UserError(f"none of the findings ({listed}) is one of the training data's", where=other.folder, fix=fix)
    columns = [_column(name, other, home) for name in home.schema.names]

    def at_home(sample: Sample) -> Sample:
        values = [np.nan if column is None else sample.clinical[column] for column in columns]
        target = _target(sample.target, other.classes, home.classes, meaning)
        return replace(sample, split="test", clinical=np.array(values, np.float32), target=target)

    samples = tuple(map(at_home, other.samples))
    return replace(other, classes=home.classes, schema=home.schema, samples=samples)


def _column(name: str, other: Dataset, home: Dataset) -> int | None:
    """Index of a feature in the other dataset; None where it is absent."""
    if name not in other.schema.names:
        return None
    here, there = home.schema[name], other.schema[name]
    if (here.kind, here.scale) != (there.kind, there.scale):
        what = f"the clinical feature {name!r} has another kind, unit or categories than in the training data"
        raise UserError(what, where=other.folder, fix="import both datasets with one clinical schema")
    return other.schema.index(name)


def _target(target: Target, there: Classes, here: Classes, meaning: Mapping[str, str]) -> Target:
    names = [there.name(int(label)) for label in target.labels]
    kept = [index for index, name in enumerate(names) if name in meaning]
    labels = [here.label(meaning[names[index]]) for index in kept]
    return Target.of(target.boxes[kept], labels, [target.polygons[index] for index in kept])
