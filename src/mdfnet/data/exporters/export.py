"""What all exporters share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mdfnet.core.csv_tables import format_table
from mdfnet.core.files import new_folder
from mdfnet.core.types import Study
from mdfnet.data.dataset import Dataset, clinical_rows
from mdfnet.data.images.read import is_dicom
from mdfnet.data.names import UNSPLIT, film_name
from mdfnet.data.placing import Place, place_films, placed_studies

#: The clinical table of an export; ``--films`` of the imports reads it.
FILM_TABLE = "films.csv"


@dataclass(frozen=True)
class Export:
    """A folder being filled.

    Args:
        dataset: As it will be in the folder: films perhaps smaller, and PNG where they were DICOM.
        folder: Where to write; whole or not there when all is done.
        sources: The studies as they are, in the same order.
        place: How films come into the folder.
    """

    dataset: Dataset
    folder: Path
    sources: tuple[Study, ...]
    place: Place

    def place_films(self, split: str, folder: Path) -> list[Study]:
        """Bring the films of a split into a folder below; gives back their studies."""
        pairs = zip(self.sources, self.dataset.studies, strict=True)
        chosen = [pair for pair in pairs if (pair[1].split or UNSPLIT) == split]
        if chosen:
            sources, placed = zip(*chosen, strict=True)
            place_films(sources, placed, self.folder / folder, self.place)
        return [placed for _, placed in chosen]

    def notes(self, outlines: bool) -> dict[str, int]:
        """What was changed or left out: sentence -> count; ``outlines`` says whether the format holds them."""
        lost = sum(outline is not None for study in self.sources for outline in study.target.polygons)
        written = len(self.sources) if self.place == "png" else 0
        notes = {"films written as PNG": written, "outlines, left out": 0 if outlines else lost}
        return {note: count for note, count in notes.items() if count}

    @property
    def splits(self) -> list[str]:
        """Splits that have films, in the order of the studies."""
        return list(dict.fromkeys(study.split or UNSPLIT for study in self.dataset.studies))

    def write(self, name: str | Path, text: str) -> None:
        """Write a text file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def exporting(dataset: Dataset, folder: str | Path, link: bool, size: int | None) -> Iterator[Export]:
    """An export with its clinical table; films that are DICOM are written as PNG, other programs read no DICOM.

    Raises:
        UserError: The folder holds something already, or a film cannot be read.
    """
    place: Place = "link" if link else "copy"
    if size or any(is_dicom(study.image) for study in dataset.studies):
        place = "png"
    placed = replace(dataset, studies=placed_studies(dataset.studies, place, size))
    with new_folder(folder) as draft:
        export = Export(placed, draft, dataset.studies, place)
        export.write(FILM_TABLE, _films_text(placed))
        yield export


def _films_text(dataset: Dataset) -> str:
    columns, rows = clinical_rows(dataset)
    with_split = [[*row, study.split or ""] for row, study in zip(rows, dataset.studies, strict=True)]
    return format_table(["image_id", *columns[1:], "split"], with_split)


def stem(study: Study) -> str:
    """Name of a study's film without its suffix."""
    return film_name(study).removesuffix(study.image.suffix)
