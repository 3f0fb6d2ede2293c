"""Predicts on loose files: films and a clinical table or record in, boxes and pictures out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL.Image import Image

from mdfnet import checkpoint
from mdfnet.clinical.plausible import swapped
from mdfnet.clinical.records import Invalid, RecordResult, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import read_clinical_table
from mdfnet.data.images import is_dicom, read_film
from mdfnet.data.intensity import AS_IS
from mdfnet.data.layout import film_id
from mdfnet.errors import UserError, nearest
from mdfnet.files import read_json, replacing
from mdfnet.inference import on_best_device
from mdfnet.model import Model
from mdfnet.operating import OperatingPoint
from mdfnet.predictions import write_coco, write_csv, write_uses
from mdfnet.preprocessing import film_tensor
from mdfnet.report.overlay import draw
from mdfnet.report.record import describe, remarks, summary
from mdfnet.scoring import find_model
from mdfnet.types import Detections

#: Column of a clinical table that names the film.
FILM_COLUMN = "image"


class Writer(Protocol):
    """Writes files of its own about each film."""

    def write(self, name: str, path: Path, film: np.ndarray, found: Detections, record: RecordResult | None) -> None:
        """Write about one film; a UserError is said and does not stop the others."""


def predict_files(
    model: str | Path,
    films: Sequence[Path],
    clinical: Path | None,
    out: Path,
    *,
    score: float = 0.3,
    point: str | None = None,
    invalid: Invalid = "error",
    say: Callable[[str], None] = print,
    also: Writer | None = None,
) -> list[Path]:
    """Write ``predictions.json`` (COCO), ``predictions.csv``, ``clinical.json`` and an overlay PNG per film.

    A film that cannot be read is said and left out; the others are not lost.

    Args:
        model: A run's or model's folder, or "demo".
        films: PNG, JPEG or DICOM files, with different names.
        clinical: CSV or JSON, see :func:`read_records`; None: no records.
        out: Folder to write.
        score: Boxes below this score are not drawn and not listed; the files hold all.
        point: Name of one of the model's operating points, whose scores per class then take the place of ``score``.
        invalid: What to do with clinical values that cannot be right.
        say: Where to print.
        also: What writes further files about each film, such as `mdfnet.pacs.files.DicomWriter`.

    Returns:
        The films that could not be read, or of which ``also`` could not write.

    Raises:
        UserError: Model, records or names are wrong, a picture would take a film's place, or nothing can be written.
    """
    folder = find_model(model)
    network = on_best_device(checkpoint.load(folder))
    chosen = _operating_point(network, point, folder) if point else None
    names = _names(films)
    _check_out(out, names, films)
    records = read_records(clinical, network.schema, names, invalid, say) if clinical else {}
    done: dict[str, Detections] = {}
    failed, windowed = [], 0
    for name, path in zip(names, films, strict=True):
        try:
            film = read_film(path, network.preprocessing.intensity)
        except UserError as error:
            say(f"left out: {error}")
            failed.append(path)
            continue
        record = records.get(name)
        found = network.detect([film_tensor(film)], [record])[0].without_masks().cpu()
        shown = chosen.keep(found, network.classes) if chosen else found.above(score)
        with replacing(out / f"{name}.png") as draft:
            _picture(film, shown, record, network).save(draft, format="PNG")
        done[name] = found
        windowed += network.preprocessing.intensity == AS_IS and is_dicom(path)
        say(_line(name, shown, network))
        for remark in remarks(found.record) if found.record is not None else ():
            say(f"  {remark}")
        try:
            if also is not None:
                also.write(name, path, film, shown, record)
        except UserError as error:
            say(f"  {error}")
            failed.append(path)
    if windowed:
        what = "the model does not know how its training films were made from DICOM; read by their own window"
        say(f"note: {what}: {windowed} films")
    if done:
        ids, found = list(done), list(done.values())
        write_coco(out / "predictions.json", ids, found, network.classes)
        write_csv(out / "predictions.csv", ids, found, network.classes)
        write_uses(out / "clinical.json", ids, found)
        say(f"wrote {len(done)} films to {out}. {checkpoint.NOTICE}")
    return failed


def read_records(
    path: Path, schema: Schema, names: Sequence[str], invalid: Invalid, say: Callable[[str], None]
) -> dict[str, RecordResult]:
    """Clinical records by film name.

    Args:
        path: CSV with a column ``image``, or JSON: one record ``{feature: value}`` for all films or ``{film: record}``.
            A film is named by its file name, with or without suffix. Records of other films are passed over.
        schema: The model's.
        names: Films that are wanted.
        invalid: What to do with values that cannot be right, and with names in JSON that are no feature: stop, or note.
        say: Where to print.

    Raises:
        UserError: See :mod:`mdfnet.clinical`; also two records for one film, or none for any.
    """
    if path.suffix.lower() == ".json":
        records = _json_records(path, schema, names, invalid)
    else:
        table = read_clinical_table(path, schema, id_column=FILM_COLUMN, invalid=invalid, unused="ignore")
        if table.unused:
            say(f"note: columns that the model does not know are not used: {', '.join(table.unused)}")
        rows = zip(table.ids, table.values, table.notes, strict=True)
        records = {name: RecordResult(values, notes) for name, values, notes in rows}
    records = _by_film(records, path)
    if not records.keys() & set(names):
        what = f"no record for any of the films, such as {names[0]!r}"
        raise UserError(what, where=path, fix=nearest(names[0], records) if records else "add their rows")
    for name in names:
        if name not in records:
            say(f"note: no record for {name} in {path}; detecting without")
        elif invalid == "error":
            _check_contradictions(records[name], schema, f"{path} {name}")
    return records


def _check_contradictions(record: RecordResult, schema: Schema, where: str) -> None:
    for reason in swapped(schema, record.values).values():
        raise UserError(reason, where=where, fix="check both values, or leave them empty")


def _by_film(records: Mapping[str, RecordResult], path: Path) -> dict[str, RecordResult]:
    found: dict[str, RecordResult] = {}
    for name, record in records.items():
        if film_id(name) in found:
            raise UserError(f"two records for film {film_id(name)!r}", where=path, fix="keep one of the two")
        found[film_id(name)] = record
    return found


def _json_records(path: Path, schema: Schema, names: Sequence[str], invalid: Invalid) -> dict[str, RecordResult]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError("a JSON object is expected: a record, or records by film name", where=path)
    nested = all(isinstance(value, dict) and "value" not in value for value in content.values())
    by_film = bool(content) and nested and not content.keys() & set(schema.names)
    unknown = "error" if invalid == "error" else "note"
    if not by_film:
        return dict.fromkeys(names, read_record(schema, content, where=path, invalid=invalid, unknown=unknown))
    return {
        film: read_record(schema, record, where=f"{path} {film}", invalid=invalid, unknown=unknown)
        for film, record in content.items()
    }


def _operating_point(model: Model, name: str, folder: Path) -> OperatingPoint:
    if model.operating is None:
        fix = "find them on validation films with 'mdfnet calibrate'"
        raise UserError("the model has no operating points", where=folder, fix=fix)
    try:
        return model.operating.point(name)
    except UserError as error:
        raise error.at(folder) from None


def _names(films: Sequence[Path]) -> list[str]:
    names = [film_id(path.name) for path in films]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(
            f"two films are called {twice!r}", fix="predict them one after the other into different folders"
        )
    return names


def _check_out(out: Path, names: Sequence[str], films: Sequence[Path]) -> None:
    given = {film.resolve() for film in films}
    for name in names:
        if (out / f"{name}.png").resolve() in given:
            what = f"the picture of {name!r} would take the place of the film"
            raise UserError(what, where=out, fix="name another folder with --out")


def _picture(film: np.ndarray, found: Detections, record: RecordResult | None, model: Model) -> Image:
    values = record.values if record is not None else [np.nan] * len(model.schema)
    words = describe(model.schema, values, found.record) if found.record is not None else ()
    return draw(film, model.classes, detections=found, record=words)


def _line(name: str, found: Detections, model: Model) -> str:
    boxes = [f"{model.classes.name(int(k))} {float(s):.2f}" for k, s in zip(found.labels, found.scores, strict=True)]
    used = summary(found.record) if found.record is not None else "image only"
    return f"{name}: {', '.join(boxes) or 'nothing found'} ({used})"
