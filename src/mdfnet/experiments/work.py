"""The work of one cell: train, or resume; score; write the result."""

from __future__ import annotations

import json
import shutil
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError
from mdfnet.core.files import read_json, without_nan, write_text
from mdfnet.core.types import Detections, Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import image_ids, read_dataset
from mdfnet.evaluation import score as scoring
from mdfnet.evaluation.score import Scored, write_scored
from mdfnet.experiments.cell_data import arranged, hidden, open_data, seen_by, translated
from mdfnet.experiments.cells import Cell, cells_of, config_of
from mdfnet.experiments.plan import RECORDS, Plan
from mdfnet.experiments.state import ERROR, RESULT, SETTINGS, folder_of, is_done
from mdfnet.models.card import NOTICE, is_model, versions
from mdfnet.models.config import Config
from mdfnet.models.operating_points import Operating
from mdfnet.training.run_folder import IMAGE_ONLY, LAST, has_checkpoint


@dataclass(frozen=True)
class Trained:
    """What a cell's training gave."""

    detect: Callable[[tuple[Sample, ...]], Iterable[Detections]]  #: Gives the detections on images
    fused: bool  #: Whether it uses records
    operating: Operating | None = None  #: Its operating points and calibration, if they were fitted


@dataclass(frozen=True)
class Job:
    """A cell with all it needs."""

    cell: Cell  #: Which
    dataset: Dataset  #: Its view of the data
    config: Config  #: Of its training
    folder: Path  #: Its folder
    settings: dict[str, Any]  #: All that its result depends on, as plain JSON
    other: Dataset | None = None  #: Data of another place to test on too, in the classes and features of ``dataset``


def job_of(plan: Plan, cell: Cell, out: Path, dataset: Dataset, other: Dataset | None = None) -> Job:
    """Put together what a cell of a plan needs, from the data as given; its folder must not have other settings."""
    own, arm = arranged(dataset, plan, cell), plan.arms[cell.arm]
    config = config_of(plan, cell, len(own.split("train")))
    abroad = other and translated(other, own, plan.classes)
    settings = {
        "cell": asdict(cell),
        "clinical_only": arm.clinical_only,
        "features": list(seen_by(arm, dataset.schema)),
        "split": plan.split_of(cell.arm),
        "records": list(plan.records),
        "data": own.fingerprint,
        "other": abroad.fingerprint if abroad else None,
        "config": config.model_dump(mode="json"),
    }
    job = Job(cell, own, config, folder_of(out, cell), settings, abroad)
    _check_unchanged(job)
    return job


def _check_unchanged(job: Job) -> None:
    path = job.folder / SETTINGS
    if not path.is_file() or (job.folder / ERROR).is_file():  # what failed may be fixed
        return
    before, now = _flat(read_json(path)), _flat(job.settings)
    for key in sorted({*before, *now} - {"config.name"}):
        if before.get(key) != now.get(key):
            what = f"the cell {job.cell.name!r} is there with another {key}: {before.get(key)}, and now {now.get(key)}"
            if key in ("data", "other"):
                what = f"the data of the cell {job.cell.name!r} have changed since it was begun"
            raise UserError(what, where=path, fix="name another --out, or go on as it was begun")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def run_cell(plan: Plan, cell: Cell, out: Path, log: Callable[[str], None] = print) -> str | None:
    """Do a cell, or what is left of it. An error is kept in its folder and does not stop the other cells.

    None when it is done, else the error in one line.
    """
    folder = folder_of(out, cell)
    if (folder / RESULT).is_file():
        return None
    try:
        other = None if plan.test is None else read_dataset(plan.test)
        job = job_of(plan, cell, out, open_data(plan, cell.seed, out), other)
        _do(job, shared_first_stage(plan, job, out), log)
    except Exception as error:  # whatever it is: the other cells go on
        text = str(error) if isinstance(error, UserError) else traceback.format_exc()
        write_text(folder / ERROR, text + "\n")
        return text.strip().splitlines()[-1]
    (folder / ERROR).unlink(missing_ok=True)
    return None


def shared_first_stage(plan: Plan, job: Job, out: Path) -> Path | None:
    """The model of a cell done on the same images that is the first stage of this one's training, too; None without."""
    split, images = plan.split_of(job.cell.arm), len(job.dataset.split("train"))
    for other in cells_of(plan) if job.config.staged else ():
        same_images = replace(other, arm=job.cell.arm) == job.cell and plan.split_of(other.arm) == split
        if not (same_images and is_done(out, other)):
            continue
        theirs, run = config_of(plan, other, images), folder_of(out, other) / "run"
        model = run / IMAGE_ONLY / "model" if theirs.fused else run / "model"
        if theirs.image_only == job.config.image_only and is_model(model):
            return model
    return None


def _do(job: Job, image_only: Path | None, log: Callable[[str], None]) -> None:
    started, run = time.perf_counter(), job.folder / "run"
    noted = job.folder / SETTINGS
    if not noted.is_file() or read_json(noted) != job.settings:
        shutil.rmtree(run, ignore_errors=True)
        write_text(noted, json.dumps(job.settings, indent=1))
    trained = _trained(job, run, image_only, log)
    views = _views(job, trained.fused)
    scores = {name: _score(job, name, dataset, samples, trained) for name, (dataset, samples) in views.items()}
    result = {
        "cell": asdict(job.cell),
        "images": {name: len(job.dataset.split(name)) for name in ("train", "val", "test")},
        "seconds": round(time.perf_counter() - started, 1),
        "versions": versions(),
        "scores": scores,
    }
    write_text(job.folder / RESULT, json.dumps(without_nan(result), allow_nan=False))
    with suppress(OSError):  # only of use to a training that is not done
        (run / LAST).unlink(missing_ok=True)


def _trained(job: Job, run: Path, image_only: Path | None, log: Callable[[str], None]) -> Trained:
    data = job.dataset
    if job.settings["clinical_only"]:
        from mdfnet.experiments.clinical_only import ClinicalOnly

        baseline = ClinicalOnly(data.split("train"), data.classes, data.schema, job.cell.seed)
        return Trained(baseline.detect, fused=True)
    from mdfnet.models.inference import detect_images, on_best_device
    from mdfnet.training.train import train

    resume = has_checkpoint(run)
    if run.exists() and not resume:
        shutil.rmtree(run)  # stopped in its first epoch
    model = on_best_device(train(job.config, data, run, resume=resume, devices=1, image_only=image_only, log=log))
    return Trained(lambda samples: detect_images(model, samples), job.config.fused, model.operating)


def _views(job: Job, fused: bool) -> dict[str, tuple[Dataset, tuple[Sample, ...]]]:
    """What is scored: the test images with their records, with some hidden, and another place's images."""
    test = job.dataset.split("test")
    views = {"test": (job.dataset, test)}
    for name in job.settings["records"]:
        if name != "given":
            views[name] = (job.dataset, hidden(test, RECORDS[name], job.cell.seed) if fused else test)
    if job.other:
        views["other"] = (job.other, job.other.samples)
    return views


def _score(job: Job, name: str, dataset: Dataset, samples: tuple[Sample, ...], trained: Trained) -> dict[str, Any]:
    """Finding, or "all" -> measure or count -> value."""
    found, known = tuple(trained.detect(samples)), image_ids(dataset)
    ids = tuple(known[sample.id] for sample in samples)
    scored = Scored(job.cell.arm, dataset.classes, samples, ids, found, scoring.REPLICATES, trained.operating)
    about = {"model": job.cell.name, "dataset": dataset.name, "split": name, "fingerprint": dataset.fingerprint}
    write_scored(scored, job.folder / name, {**about, "versions": versions(), "notice": NOTICE})
    return {row.pop("class"): row for row in scored.evaluation.rows()}
