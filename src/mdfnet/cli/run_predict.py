"""Predicts on loose files: images and a clinical table or record in, boxes and pictures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mdfnet.clinical.records import Invalid, RecordResult
from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.files import check_folder_can_be_made, replacing
from mdfnet.core.types import Classes, Detections
from mdfnet.data.image_records import read_records
from mdfnet.data.images.intensity import AS_IS
from mdfnet.data.images.read import image_size, is_dicom, read_image
from mdfnet.data.names import image_id
from mdfnet.evaluation.prediction_files import write_coco, write_csv, write_uses
from mdfnet.models.card import NOTICE, find_model, read_card
from mdfnet.models.operating_points import OperatingPoint, read_operating

if TYPE_CHECKING:
    from PIL.Image import Image

    from mdfnet.models.model import Model


class Writer(Protocol):
    """Writes files of its own about each image."""

    def write(self, name: str, path: Path, image: Array, found: Detections, record: RecordResult | None) -> None:
        """Write about one image; a UserError is printed and does not stop the others."""


@dataclass(frozen=True)
class Request:
    """What is to be predicted, checked as far as that goes without torch.

    Args:
        model: The model's folder.
        images: Name -> file.
        records: Name -> clinical record, of the images that have one.
        out: Folder to write.
        point: The operating point that is asked for, if one is.
    """

    model: Path
    images: dict[str, Path]
    records: dict[str, RecordResult]
    out: Path
    point: OperatingPoint | None


def check_request(
    model: str | Path,
    images: Sequence[Path],
    clinical: Path | None,
    out: Path,
    point: str | None = None,
    invalid: Invalid = "error",
    log: Callable[[str], None] = print,
) -> Request:
    """Look at everything that is given, before torch is imported.

    Args:
        model: A run's or model's folder, or "demo".
        images: PNG, JPEG or DICOM files, with different names.
        clinical: CSV or JSON, see :func:`read_records`; None: no records.
        out: Folder to write.
        point: Name of one of the model's operating points, whose scores per class then decide what is shown.
        invalid: What to do with implausible clinical values.
        log: Where to print.

    Raises:
        UserError: Model, records or names are wrong, there is no such image, or a picture would take an image's place.
    """
    folder = find_model(model)
    card = read_card(folder)
    check_folder_can_be_made(out)
    chosen = _operating_point(folder, card.known_classes(), point) if point else None
    names = [image_id(path.name) for path in images]
    _check_names(names, images, out)
    _check_images(images)
    records = read_records(clinical, card.clinical_schema, names, invalid, log) if clinical else {}
    return Request(folder, dict(zip(names, images, strict=True)), records, out, chosen)


def predict_files(
    request: Request, *, score: float = 0.3, log: Callable[[str], None] = print, also: Writer | None = None
) -> list[Path]:
    """Write ``predictions.json`` (COCO), ``predictions.csv``, ``clinical.json`` and an overlay PNG per image.

    An image that cannot be read is reported and left out; the others are not lost.

    Args:
        request: What `check_request` gives.
        score: Boxes below this score are not drawn and not listed, unless there is an operating point; the files hold
            all.
        log: Where to print.
        also: What writes further files about each image, such as `mdfnet.services.pacs.objects.DicomWriter`.

    Returns:
        The images that could not be read, or of which ``also`` could not write.

    Raises:
        UserError: The model cannot be read, or nothing can be written.
    """
    from mdfnet.models.inference import on_best_device
    from mdfnet.models.load import load
    from mdfnet.models.preprocessing import image_tensor
    from mdfnet.report.record import remarks

    network, out = on_best_device(load(request.model)), request.out
    intensity = network.preprocessing.intensity
    done: dict[str, Detections] = {}
    failed, windowed = [], 0
    for name, path in request.images.items():
        try:
            image = read_image(path, intensity)
        except UserError as error:
            log(f"left out: {error}")
            failed.append(path)
            continue
        record = request.records.get(name)
        found = network.detect([image_tensor(image)], [record])[0].without_masks().cpu()
        shown = request.point.keep(found, network.classes) if request.point else found.above(score)
        with replacing(out / f"{name}.png") as draft:
            _picture(image, shown, record, network).save(draft, format="PNG")
        done[name] = found
        windowed += intensity == AS_IS and is_dicom(path)
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
        ids, detections = list(done), list(done.values())
        write_coco(out / "predictions.json", ids, detections, network.classes)
        write_csv(out / "predictions.csv", ids, detections, network.classes)
        write_uses(out / "clinical.json", ids, detections)
        log(f"wrote {len(done)} image{'' if len(done) == 1 else 's'} to {out}. {NOTICE}")
    return failed


def _operating_point(folder: Path, classes: Classes, name: str) -> OperatingPoint:
    operating = read_operating(folder, classes)
    if operating is None:
        fix = "find them on validation images with 'mdfnet calibrate'"
        raise UserError("the model has no operating points", where=folder, fix=fix)
    try:
        return operating.point(name)
    except UserError as error:
        raise error.at(folder) from None


def _check_names(names: Sequence[str], images: Sequence[Path], out: Path) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        fix = "predict them one after the other into different folders"
        raise UserError(f"two images are called {twice!r}", fix=fix)
    given = {image.resolve() for image in images}
    for name in names:
        if (out / f"{name}.png").resolve() in given:
            what = f"the picture of {name!r} would take the place of the image"
            raise UserError(what, where=out, fix="name another folder with --out")


def _check_images(images: Sequence[Path]) -> None:
    """Whether at least one can be read, as far as headers tell; a folder is not looked through."""
    wrong: UserError | None = None
    for path in images:
        try:
            if path.is_dir():
                raise UserError("a folder, not an image", where=path, fix=f"give its images: {path}/*.png")
            image_size(path)
            return
        except UserError as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong


def _picture(image: Array, found: Detections, record: RecordResult | None, model: Model) -> Image:
    from mdfnet.report.overlay import draw
    from mdfnet.report.record import describe

    values = record.values if record is not None else np.full(len(model.schema), np.nan)
    words = describe(model.schema, values.tolist(), found.record) if found.record is not None else ()
    return draw(image, model.classes, detections=found, record=words)


def _line(name: str, found: Detections, model: Model) -> str:
    from mdfnet.report.record import summary

    boxes = [f"{model.classes.name(int(k))} {float(s):.2f}" for k, s in zip(found.labels, found.scores, strict=True)]
    used = summary(found.record) if found.record is not None else "image only"
    return f"{name}: {', '.join(boxes) or 'nothing found'} ({used})"
