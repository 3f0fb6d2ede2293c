"""A model evaluated on one split of a dataset: what `mdfnet.evaluate` and ``mdfnet evaluate`` do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdfnet.core.errors import UserError
from mdfnet.core.files import check_folder_can_be_made
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import image_ids, read_dataset
from mdfnet.data.names import DESCRIPTION
from mdfnet.evaluation import score as scoring
from mdfnet.evaluation.reader_agreement import compare_readings, read_reading
from mdfnet.evaluation.score import Scored, write_scored
from mdfnet.evaluation.subgroups import groupings_of
from mdfnet.models.card import NOTICE, find_model, is_model, read_card, versions
from mdfnet.models.fit import check_fit

if TYPE_CHECKING:
    from mdfnet.data.torch_dataset import DetectionDataset
    from mdfnet.models.model import Model


def evaluate(
    model: Model | str | Path,
    dataset: Dataset | DetectionDataset | str | Path,
    split: str | None = None,
    *,
    out: str | Path | None = None,
    name: str | None = None,
    boxed_only: bool = False,
    replicates: int | None = None,
    by: Sequence[str] = (),
    groups: str | Path | None = None,
    second_reading: str | Path | None = None,
    log: Callable[[str], None] = print,
) -> Scored:
    """Run a model on a split and score it, as ``mdfnet evaluate`` does. The model never sees the annotations.

    Args:
        model: A run's or a model's folder, "demo" for the shipped model, or a model in memory, which runs where it is.
            Its classes and its clinical features must be the dataset's.
        dataset: A dataset or its folder, or a `DetectionDataset`, of which its dataset is taken.
        split: "train", "val" or "test". Default: that of a `DetectionDataset`, else "val". The test
            split is for the very end, when all choices are made.
        out: Folder to write, see :func:`mdfnet.evaluation.score.write_scored`. Default: nothing is written.
        name: What to call the model. Default: the name of its run, in memory that of its config.
        boxed_only: Leave out images without findings.
        replicates: Of the bootstrap over patients, which gives the intervals. Default: 1,000.
        by, groups: See :func:`mdfnet.evaluation.subgroups.groupings_of`.
        second_reading: Another reading of the images, see :mod:`mdfnet.evaluation.reader_agreement`.
        log: Where to say that model and dataset differ in how gray values were made.

    Returns:
        Detections, measures, intervals and groups; each is computed when it is first asked for.

    Raises:
        UserError: Model and dataset do not fit, there are no such images, one cannot be read, the groups or the second
            reading are wrong, or a file cannot be written.
        TypeError: The dataset is none of these, or a `DetectionDataset` of all splits, and none is given.
    """
    folder = find_model(model).resolve() if isinstance(model, str | Path) else None
    if out is not None:
        _check_place(Path(out))
    images, split = _images(dataset, split)
    if folder is not None:
        card = read_card(folder)
        check_fit(card.known_classes(), card.clinical_schema, images)
    samples = tuple(sample for sample in images.split(split) if len(sample.target) or not boxed_only)
    if not samples:
        fix = "leave out --boxed (boxed_only)"
        raise UserError(f"no image of the split {split!r} has a finding", where=images.folder, fix=fix)
    groupings = tuple(groupings_of(samples, images.schema, by, groups))
    if second_reading is not None:
        read_reading(Path(second_reading), images.classes, samples)
    from mdfnet.models.inference import detect_images, on_best_device  # after these checks: they take seconds to import
    from mdfnet.models.load import load

    network = on_best_device(load(find_model(model))) if isinstance(model, str | Path) else model
    check_fit(network.classes, network.schema, images)
    if network.preprocessing.intensity != images.intensity:
        own = network.preprocessing.intensity
        log(f"note: the model's images went through intensity recipe {own}, these through {images.intensity}")
    known = image_ids(images)
    run = folder.parent if folder and folder.name == "model" else folder
    scored = Scored(
        name or (run and run.name) or network.config.name,
        images.classes,
        samples,
        tuple(known[sample.id] for sample in samples),
        tuple(detect_images(network, samples)),
        replicates or scoring.REPLICATES,
        network.operating,
        groupings,
    )
    if second_reading is not None:
        scored = replace(scored, second_reading=compare_readings(scored, Path(second_reading)))
    if out is not None:
        write_scored(scored, out, _about(scored.name, folder, network, images, split))
    return scored


def _check_place(out: Path) -> None:
    """Whether an evaluation can go to this folder: not among the files of a dataset, a model or a run."""
    check_folder_can_be_made(out)
    if (out / DESCRIPTION).is_file():
        what = "a dataset's folder"
    elif is_model(out):
        what = "a model's folder"
    elif is_model(out / "model") or (out / "config.yaml").is_file():
        what = "a run's folder"
    else:
        return
    raise UserError(f"{what}, where no evaluation belongs", where=out, fix="name a folder of its own, as RUN/val")


def _images(dataset: Dataset | DetectionDataset | str | Path, split: str | None) -> tuple[Dataset, str]:
    if isinstance(dataset, Dataset):
        return dataset, split or "val"
    if isinstance(dataset, str | Path):
        return read_dataset(dataset), split or "val"
    from mdfnet.data.torch_dataset import DetectionDataset  # imports torch, which who gives one has done

    if not isinstance(dataset, DetectionDataset):
        fix = "give mdfnet.read_dataset(folder), the folder, or a DetectionDataset"
        raise TypeError(f"the dataset is a {type(dataset).__name__}; {fix}")
    split = split or dataset.split
    if split is None:
        raise TypeError("this DetectionDataset is of all splits; say which: evaluate(model, dataset, split)")
    return dataset.dataset, split


def _about(name: str, folder: Path | None, model: Model, dataset: Dataset, split: str) -> dict[str, Any]:
    """What an evaluation says of itself: which model, on which images. A model in memory has no weights file."""
    saved = {"model": str(folder), "weights_sha256": read_card(folder).weights_sha256} if folder else {"model": name}
    return {
        **saved,
        "parameters": sum(weights.numel() for weights in model.parameters() if weights.requires_grad),
        "dataset": dataset.name,
        "folder": str(dataset.folder.resolve()),
        "split": split,
        "fingerprint": dataset.fingerprint,
        "versions": versions(),
        "notice": NOTICE,
    }
