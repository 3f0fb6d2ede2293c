"""What all exporters share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mdfnet.core.csv_tables import format_table
from mdfnet.core.files import new_folder
from mdfnet.core.types import Sample
from mdfnet.data.dataset import Dataset, clinical_rows
from mdfnet.data.images.read import is_dicom
from mdfnet.data.names import UNSPLIT, image_name
from mdfnet.data.placing import Place, place_images, placed_samples

#: The clinical table of an export; ``--metadata`` of the imports reads it.
_IMAGE_TABLE = "images.csv"


@dataclass(frozen=True)
class Export:
    """A folder being filled."""

    dataset: Dataset  #: As it will be in the folder: images perhaps smaller, and PNG where they were DICOM
    folder: Path  #: Where to write; whole or not there when all is done
    sources: tuple[Sample, ...]  #: The samples as they are, in the same order
    place: Place  #: How images come into the folder

    def place_images(self, split: str, folder: Path) -> list[Sample]:
        """Bring the images of a split into a folder below; returns their samples."""
        pairs = zip(self.sources, self.dataset.samples, strict=True)
        chosen = [pair for pair in pairs if (pair[1].split or UNSPLIT) == split]
        if chosen:
            sources, placed = zip(*chosen, strict=True)
            place_images(sources, placed, self.folder / folder, self.place)
        return [placed for _, placed in chosen]

    def notes(self, outlines: bool) -> dict[str, int]:
        """What was changed or left out: sentence -> count; ``outlines`` says whether the format holds them."""
        lost = sum(outline is not None for sample in self.sources for outline in sample.target.polygons)
        written = len(self.sources) if self.place == "png" else 0
        notes = {"images written as PNG": written, "outlines, left out": 0 if outlines else lost}
        return {note: count for note, count in notes.items() if count}

    @property
    def splits(self) -> list[str]:
        """Splits that have images, in the order of the samples."""
        return list(dict.fromkeys(sample.split or UNSPLIT for sample in self.dataset.samples))

    def write(self, name: str | Path, text: str) -> None:
        """Write a text file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def exporting(dataset: Dataset, folder: str | Path, link: bool, size: int | None) -> Iterator[Export]:
    """An export with its clinical table; images that are DICOM are written as PNG, other programs read no DICOM."""
    place: Place = "link" if link else "copy"
    if size or any(is_dicom(sample.image) for sample in dataset.samples):
        place = "png"
    placed = replace(dataset, samples=placed_samples(dataset.samples, place, size))
    with new_folder(folder) as draft:
        export = Export(placed, draft, dataset.samples, place)
        columns, rows = clinical_rows(placed)
        with_split = [[*row, sample.split or ""] for row, sample in zip(rows, placed.samples, strict=True)]
        export.write(_IMAGE_TABLE, format_table(["image_id", *columns[1:], "split"], with_split))
        yield export


def stem(sample: Sample) -> str:
    """Name of a sample's image without its suffix."""
    return image_name(sample).removesuffix(sample.image.suffix)
