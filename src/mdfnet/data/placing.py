"""Films into a dataset's folder: copied, linked to, or written anew as PNG, smaller where asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mdfnet.core.errors import UserError
from mdfnet.core.types import Study
from mdfnet.data.images.metadata import copy_without_metadata
from mdfnet.data.images.read import read_study_film
from mdfnet.data.images.resize import shrink_film, shrink_study, write_png
from mdfnet.data.names import film_name

#: How films come into the folder. "png": their pixels alone, without loss and without anything else the file holds.
Place = Literal["copy", "link", "png"]


def placed_studies(studies: Sequence[Study], place: Place, size: int | None) -> tuple[Study, ...]:
    """Studies as they will be in the folder: of the size, and with the suffix, that `place_films` gives their films.

    Raises:
        UserError: A size is given for films that are not written anew.
    """
    if place != "png":
        if size is not None:
            raise UserError("films are made smaller only where they are written anew", fix="leave out size, or link")
        return tuple(studies)
    smaller = (study if size is None else shrink_study(study, size) for study in studies)
    return tuple(replace(study, image=Path(f"{study.id}.png")) for study in smaller)


def place_films(sources: Sequence[Study], placed: Sequence[Study], folder: Path, place: Place) -> None:
    """Bring every film of ``sources`` to its place in ``folder``, on all cores where pixels are written.

    Raises:
        UserError: A film cannot be read, or has another size than its study says.
    """
    films = [folder / film_name(study) for study in placed]
    for parent in {film.parent for film in films}:
        parent.mkdir(parents=True, exist_ok=True)
    if place == "png":
        sizes = [(study.width, study.height) for study in placed]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow and zlib let other threads run
            written = pool.map(_write_png, sources, sizes, films)
            try:
                list(written)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return
    for source, film in zip(sources, films, strict=True):
        if place == "link":
            os.symlink(source.image.resolve(), film)
        else:
            copy_without_metadata(source.image, film)


def _write_png(study: Study, size: tuple[int, int], path: Path) -> None:
    write_png(shrink_film(read_study_film(study, at_least=size), size), path)
