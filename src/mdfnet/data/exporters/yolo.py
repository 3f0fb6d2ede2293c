"""Export to YOLO, in the layout of Ultralytics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from mdfnet.core.types import Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.exporters.export import exporting, stem


def export_yolo(dataset: Dataset, folder: str | Path, *, link: bool = False, size: int | None = None) -> dict[str, int]:
    """Write ``data.yaml``, ``images/SPLIT/`` and ``labels/SPLIT/``. A line is a box: outlines are left out.

    YOLO numbers classes from 0 without gaps; the original ids are in ``data.yaml`` as ``category_ids``, where
    `mdfnet.data.importers.import_yolo` finds them.

    Args and errors: see `export_coco`.
    """
    with exporting(dataset, folder, link, size) as export:
        for split in export.splits:
            for sample in export.place_images(split, Path("images") / split):
                export.write(f"labels/{split}/{stem(sample)}.txt", _lines(sample))
        content: dict[str, object] = {split: f"images/{split}" for split in export.splits}
        content |= {"names": dict(enumerate(dataset.classes.names)), "category_ids": list(dataset.classes.ids)}
        export.write("data.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
        return export.notes(outlines=False)


def _lines(sample: Sample) -> str:
    boxes = sample.target.boxes.astype(np.float64)
    image = np.array([sample.width, sample.height])
    shares = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2 / image, (boxes[:, 2:] - boxes[:, :2]) / image], 1)
    lines = zip(sample.target.labels, shares.tolist(), strict=True)
    return "".join(f"{label - 1} {' '.join(map(repr, share))}\n" for label, share in lines)
