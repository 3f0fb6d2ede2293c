"""Export to COCO: a detection file per split."""

from __future__ import annotations

import json
from pathlib import Path

from mdfnet.data.dataset import Dataset, annotations_text
from mdfnet.data.exporters.export import exporting
from mdfnet.data.names import image_id


def export_coco(dataset: Dataset, folder: str | Path, *, link: bool = False, size: int | None = None) -> dict[str, int]:
    """Write ``annotations/instances_SPLIT.json`` and ``images/``; category ids and outlines are kept.

    Ids of images and annotations are unique over all files and those of the dataset's own ``annotations.json``.

    Args:
        dataset: What to export.
        folder: A new folder.
        link: Link to the images instead of copying them.
        size: Make the images smaller: longest side in pixels.

    Returns:
        What was changed or left out: sentence -> count.

    Raises:
        UserError: The folder holds something already, or an image cannot be read.
    """
    with exporting(dataset, folder, link, size) as export:
        content = json.loads(annotations_text(export.dataset))
        for split in export.splits:
            names = {sample.id for sample in export.place_images(split, Path("images"))}
            images = [image for image in content["images"] if image_id(image["file_name"]) in names]
            ids = {image["id"] for image in images}
            annotations = [one for one in content["annotations"] if one["image_id"] in ids]
            part = {"images": images, "annotations": annotations, "categories": content["categories"]}
            export.write(f"annotations/instances_{split}.json", json.dumps(part))
        return export.notes(outlines=True)
