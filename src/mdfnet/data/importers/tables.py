"""Import of two CSV tables, of films and of boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mdfnet.clinical.schema import Schema
from mdfnet.core.csv_tables import Row
from mdfnet.core.errors import UserError
from mdfnet.data.images.read import film_size
from mdfnet.data.importers.boxes import BOX_COLUMNS, classes_of, read_boxes, target_of
from mdfnet.data.importers.reading import FILM_COLUMNS, About, FilmTable, Imported, Reading
from mdfnet.data.names import film_id


def import_csv(
    boxes: str | Path,
    films: str | Path,
    images: str | Path,
    schema: Schema,
    about: About,
    *,
    classes: Sequence[str] | None = None,
    reading: Reading | None = None,
) -> Imported:
    """Import films with boxes from two tables.

    Args:
        boxes: One row per box: image_id, label, x1, y1, x2, y2 in pixels of the film.
        films: One row per film: image_id, file (below ``images``; default: the image_id), the schema's columns, and
            where known patient_id, split, view. Films without boxes are kept: nothing was marked on them.
        images: Folder of the films.
        schema: What the clinical columns mean.
        about: Name, source and license.
        classes: Names in label order. Default: those of the table, sorted.
        reading: Column names, units, and so on.

    Raises:
        UserError: What is wrong in which file and row.
    """
    reading = reading or Reading()
    reading.check_columns((*schema.names, *FILM_COLUMNS, *BOX_COLUMNS))
    table = FilmTable.read(films, schema, reading)
    marks = read_boxes(boxes, reading)
    _check_known(marks, table)
    known = classes_of(marks, reading, classes, boxes)
    studies = []
    for identifier in table.clinical.ids:
        path = Path(images) / (table.text(identifier, "file") or identifier)
        size = film_size(path)
        target = target_of(marks.get(identifier, ()), known, size, reading)
        studies.append(table.study(film_id(identifier), identifier, path, size, target))
    return table.dataset(studies, known, about, Counter())


def _check_known(marks: dict[str, list[Row]], films: FilmTable) -> None:
    for identifier, rows in marks.items():
        if identifier not in films.clinical.index:
            what = f"the film of this box is not in {films.path}"
            raise UserError(what, where=rows[0].where, fix="remove the row or add the film")
