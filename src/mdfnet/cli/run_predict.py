"""Predicts on loose files: images and a clinical table or record in, boxes and pictures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL.Image import Image

from mdfnet.clinical.records import Invalid, RecordResult
from mdfnet.core.errors import UserError
from mdfnet.core.files import replacing
from mdfnet.core.types import Detections
from mdfnet.data.image_records import read_records
from mdfnet.data.images.intensity import AS_IS
from mdfnet.data.images.read import is_dicom, read_image
from mdfnet.data.names import image_id
from mdfnet.evaluation.prediction_files import write_coco, write_csv, write_uses
from mdfnet.models.card import NOTICE, find_model
from mdfnet.models.inference import on_best_device
from mdfnet.models.load import load
from mdfnet.models.model import Model
from mdfnet.models.operating_points import OperatingPoint
from mdfnet.models.preprocessing import image_tensor
from mdfnet.report.overlay import draw
from mdfnet.report.record import describe, remarks, summary


class Writer(Protocol):
    """Writes files of its own about each image."""

    def write(self, name: str, path: Path, image: np.ndarray, found: Detections, record: RecordResult | None) -> None:
        """Write about one image; a UserError is said and does not stop the others."""


def predict_files(
    model: str | Path,
    images: Sequence[Path],
    clinical: Path | None,
    out: Path,
    *,
    score: float = 0.3,
    point: str | None = None,
    invalid: Invalid = "error",
    log: Callable[[str], None] = print,
    also: Writer | None = None,
) -> list[Path]:
    """Write ``predictions.json`` (COCO), ``predictions.csv``, ``clinical.json`` and an overlay PNG per image.

    An image that cannot be read is said and left out; the others are not lost.

    Args:
        model: A run's or model's folder, or "demo".
        images: PNG, JPEG or DICOM files, with different names.
        clinical: CSV or JSON, see :func:`read_records`; None: no records.
        out: Folder to write.
        score: Boxes below this score are not drawn and not listed; the files hold all.
        point: Name of one of the model's operating points, whose scores per class then take the place of ``score``.
        invalid: What to do with clinical values that cannot be right.
        log: Where to print.
        also: What writes further files about each image, such as `mdfnet.services.pacs.files.DicomWriter`.

    Returns:
        The images that could not be read, or of which ``also`` could not write.

    Raises:
        UserError: Model, records or names are wrong, a picture would take an image's place, or nothing can be written.
    """
    folder = find_model(model)
    network = on_best_device(load(folder))
    chosen = _operating_point(network, point, folder) if point else None
    names = _names(images)
    _check_out(out, names, images)
    records = read_records(clinical, network.schema, names, invalid, log) if clinical else {}
    done: dict[str, Detections] = {}
    failed, windowed = [], 0
    for name, path in zip(names, images, strict=True):
        try:
            image = read_image(path, network.preprocessing.intensity)
        except UserError as error:
            log(f"left out: {error}")
            failed.append(path)
            continue
        record = records.get(name)
        found = network.detect([image_tensor(image)], [record])[0].without_masks().cpu()
        shown = chosen.keep(found, network.classes) if chosen else found.above(score)
        with replacing(out / f"{name}.png") as draft:
            _picture(image, shown, record, network).save(draft, format="PNG")
        done[name] = found
        windowed += network.preprocessing.intensity == AS_IS and is_dicom(path)
        log(_line(name, shown, network))
        for remark in remarks(found.record) if found.record is not None else ():
            log(f"  {remark}")
        try:
            if also is not None:
                also.write(name, path, image, shown, record)
        except UserError as error:
            log(f"  {error}")
            failed.append(path)
    if windowed:
        what = "the model does not know how its training images were made from DICOM; read by their own window"
        log(f"note: {what}: {windowed} images")
    if done:
        ids, found = list(done), list(done.values())
        write_coco(out / "predictions.json", ids, found, network.classes)
        write_csv(out / "predictions.csv", ids, found, network.classes)
        write_uses(out / "clinical.json", ids, found)
        log(f"wrote {len(done)} images to {out}. {NOTICE}")
    return failed


def _operating_point(model: Model, name: str, folder: Path) -> OperatingPoint:
    if model.operating is None:
        fix = "find them on validation images with 'mdfnet calibrate'"
        raise UserError("the model has no operating points", where=folder, fix=fix)
    try:
        return model.operating.point(name)
    except UserError as error:
        raise error.at(folder) from None


def _names(images: Sequence[Path]) -> list[str]:
    names = [image_id(path.name) for path in images]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(
            f"two images are called {twice!r}", fix="predict them one after the other into different folders"
        )
    return names


def _check_out(out: Path, names: Sequence[str], images: Sequence[Path]) -> None:
    given = {image.resolve() for image in images}
    for name in names:
        if (out / f"{name}.png").resolve() in given:
            what = f"the picture of {name!r} would take the place of the image"
            raise UserError(what, where=out, fix="name another folder with --out")


def _picture(image: np.ndarray, found: Detections, record: RecordResult | None, model: Model) -> Image:
    values = record.values if record is not None else [np.nan] * len(model.schema)
    words = describe(model.schema, values, found.record) if found.record is not None else ()
    return draw(image, model.classes, detections=found, record=words)


def _line(name: str, found: Detections, model: Model) -> str:
    boxes = [f"{model.classes.name(int(k))} {float(s):.2f}" for k, s in zip(found.labels, found.scores, strict=True)]
    used = summary(found.record) if found.record is not None else "image only"
    return f"{name}: {', '.join(boxes) or 'nothing found'} ({used})"
