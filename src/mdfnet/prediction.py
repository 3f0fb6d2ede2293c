"""Predicts on loose files: films and a clinical table or record in, boxes and pictures out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mdfnet import checkpoint
from mdfnet.clinical.records import Invalid, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import read_clinical_table
from mdfnet.data.images import film_size, read_film
from mdfnet.data.layout import film_id
from mdfnet.errors import UserError, nearest
from mdfnet.files import read_json, replacing
from mdfnet.inference import detect_films, on_best_device
from mdfnet.model import Model
from mdfnet.predictions import write_coco, write_csv
from mdfnet.report.overlay import draw
from mdfnet.report.record import describe
from mdfnet.scoring import find_model
from mdfnet.types import Detections, Study, Target

#: Column of a clinical table that names the film.
FILM_COLUMN = "image"


def predict_files(
    model: str | Path,
    films: Sequence[Path],
    clinical: Path | None,
    out: Path,
    *,
    score: float = 0.3,
    invalid: Invalid = "error",
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Write ``predictions.json`` (COCO), ``predictions.csv`` and an overlay PNG per film.

    A film that cannot be read is said and left out; the others are not lost.

    Args:
        model: A run's or model's folder, or "demo".
        films: PNG, JPEG or DICOM files, with different names.
        clinical: CSV or JSON, see :func:`read_records`; None: no records.
        out: Folder to write.
        score: Boxes below this score are not drawn and not listed; the files hold all.
        invalid: What to do with clinical values that cannot be right.
        say: Where to print.

    Returns:
        The films that could not be read.

    Raises:
        UserError: Model, records or names are wrong, a picture would take a film's place, or nothing can be written.
    """
    network = on_best_device(checkpoint.load(find_model(model)))
    names = _names(films)
    _check_out(out, names, films)
    records = read_records(clinical, network.schema, names, invalid, say) if clinical else {}
    studies, found, failed = [], [], []
    for name, path in zip(names, films, strict=True):
        try:
            study = _study(name, path, records.get(name), network.schema)
            detections = next(detect_films(network, [study]))
            picture = _picture(study, detections.above(score), network)
        except UserError as error:
            say(f"left out: {error}")
            failed.append(path)
            continue
        with replacing(out / f"{name}.png") as draft:
            picture.save(draft, format="PNG")
        studies.append(study)
        found.append(detections)
        say(_line(study, detections.above(score), network))
    if studies:
        ids = [study.id for study in studies]
        write_coco(out / "predictions.json", ids, found, network.classes)
        write_csv(out / "predictions.csv", ids, found, network.classes)
        say(f"wrote {len(studies)} films to {out}. {checkpoint.NOTICE}")
    return failed


def read_records(
    path: Path, schema: Schema, names: Sequence[str], invalid: Invalid, say: Callable[[str], None]
) -> dict[str, np.ndarray]:
    """Clinical vectors by film name.

    Args:
        path: CSV with a column ``image``, or JSON: one record ``{feature: value}`` for all films or ``{film: record}``.
            A film is named by its file name, with or without suffix. Records of other films are passed over.
        schema: The model's.
        names: Films that are wanted.
        invalid: What to do with values that cannot be right; what was turned to missing is said.
        say: Where to print.

    Raises:
        UserError: See :mod:`mdfnet.clinical`; also two records for one film, or none for any.
    """
    if path.suffix.lower() == ".json":
        records = _json_records(path, schema, names, invalid, say)
    else:
        table = read_clinical_table(path, schema, id_column=FILM_COLUMN, invalid=invalid, unused="ignore")
        for feature, count in table.invalid.items():
            say(f"note: {count} values of {feature} are implausible and were turned to missing")
        records = {name: table.record(name) for name in table.ids}
    records = _by_film(records, path)
    if not records.keys() & set(names):
        what = f"no record for any of the films, such as {names[0]!r}"
        raise UserError(what, where=path, fix=nearest(names[0], records) if records else "add their rows")
    for name in names:
        if name not in records:
            say(f"note: no record for {name} in {path}; detecting without")
    return records


def _by_film(records: Mapping[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name, values in records.items():
        if film_id(name) in found:
            raise UserError(f"two records for film {film_id(name)!r}", where=path, fix="keep one of the two")
        found[film_id(name)] = values
    return found


def _json_records(
    path: Path, schema: Schema, names: Sequence[str], invalid: Invalid, say: Callable[[str], None]
) -> dict[str, np.ndarray]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError("a JSON object is expected: a record, or records by film name", where=path)
    nested = all(isinstance(value, dict) and "value" not in value for value in content.values())
    by_film = bool(content) and nested and not content.keys() & set(schema.names)
    given = content if by_film else dict.fromkeys(names, content)
    records = {}
    for film, record in given.items():
        result = read_record(schema, record, where=f"{path} {film}" if by_film else path, invalid=invalid)
        for note in result.notes.values():
            say(f"note: {film}: {note}; turned to missing")
        records[film] = result.values
    return records


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


def _study(name: str, path: Path, record: np.ndarray | None, schema: Schema) -> Study:
    width, height = film_size(path)
    values = np.full(len(schema), np.nan, np.float32) if record is None else record
    return Study(name, path, width, height, Target.of([], []), values)


def _picture(study: Study, detections: Detections, model: Model):
    record = describe(model.schema, study.clinical) if model.fusion is not None else ()
    return draw(read_film(study.image), model.classes, detections=detections, record=record)


def _line(study: Study, found: Detections, model: Model) -> str:
    boxes = [f"{model.classes.name(int(k))} {float(s):.2f}" for k, s in zip(found.labels, found.scores, strict=True)]
    known = int((~np.isnan(study.clinical)).sum())
    used = f"{known} of {len(model.schema)} clinical values" if model.fusion is not None else "image only"
    return f"{study.id}: {', '.join(boxes) or 'nothing found'} ({used})"
