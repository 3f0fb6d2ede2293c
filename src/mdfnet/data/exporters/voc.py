"""Export to Pascal VOC."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from mdfnet.core.csv_tables import format_table
from mdfnet.core.types import Classes, Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.exporters.export import exporting, stem
from mdfnet.data.importers.voc import CLASS_TABLE
from mdfnet.data.names import image_name


def export_voc(
    dataset: Dataset, folder: str | Path, *, link: bool = False, size: int | None = None, origin: int = 1
) -> dict[str, int]:
    """Write ``Annotations/``, ``JPEGImages/``, ``ImageSets/Main/``, and ``classes.csv`` with the class ids.

    VOC has no place for outlines. Corners keep their decimals.

    Args:
        origin: What to call the first pixel, see `mdfnet.data.importers.import_voc`.
        dataset, folder, link, size: See `export_coco`, for errors too.
    """
    with exporting(dataset, folder, link, size) as export:
        for split in export.splits:
            samples = export.place_images(split, Path("JPEGImages"))
            export.write(f"ImageSets/Main/{split}.txt", "".join(f"{stem(sample)}\n" for sample in samples))
            for sample in samples:
                export.write(f"Annotations/{stem(sample)}.xml", _xml(sample, dataset.classes, origin))
        classes = zip(dataset.classes.ids, dataset.classes.names, strict=True)
        export.write(CLASS_TABLE, format_table(["id", "name"], classes))
        return export.notes(outlines=False)


def _xml(sample: Sample, classes: Classes, origin: int) -> str:
    tree = ElementTree.Element("annotation")
    ElementTree.SubElement(tree, "filename").text = image_name(sample)
    _fill(tree, "size", width=sample.width, height=sample.height, depth=1)
    for box, label in zip(sample.target.boxes.tolist(), sample.target.labels, strict=True):
        item = ElementTree.SubElement(tree, "object")
        ElementTree.SubElement(item, "name").text = classes.name(int(label))
        x1, y1, x2, y2 = map(_short, (box[0] + origin, box[1] + origin, *box[2:]))
        _fill(item, "bndbox", xmin=x1, ymin=y1, xmax=x2, ymax=y2)
    ElementTree.indent(tree)
    return ElementTree.tostring(tree, encoding="unicode") + "\n"


def _fill(parent: ElementTree.Element, name: str, **values: object) -> None:
    element = ElementTree.SubElement(parent, name)
    for key, value in values.items():
        ElementTree.SubElement(element, key).text = str(value)


def _short(value: float) -> str:
    """Whole numbers without decimals, as VOC has them."""
    return str(int(value)) if value == int(value) else repr(value)
