"""Names that files of earlier versions use, brought up to date when such a file is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Key in a file of an earlier version -> the key that stands for it now.
KEYS = {
    "films": "images",
    "films_with_truths": "images_with_truths",
    "rois_per_film": "rois_per_image",
    "false_positives_per_film": "false_positives_per_image",
}

#: The same in ``explanation.json``.
EXPLANATION_KEYS = {"film": "image", "films": "images", "pull": "effect", "telling": "discrimination"}

#: Files of an evaluation's folder -> what they were called.
FILES = {"annotations.csv": "marks.csv", "images.csv": "films.csv"}


def with_current_keys(content: Any, keys: Mapping[str, str] = KEYS) -> Any:
    """What a JSON or YAML file holds, with the keys that are used now.

    Examples:
        >>> with_current_keys({"training": {"films": {"train": 9}}, "epochs": 3})
        {'training': {'images': {'train': 9}}, 'epochs': 3}
    """
    if isinstance(content, dict):
        return {keys.get(key, key): with_current_keys(value, keys) for key, value in content.items()}
    return [with_current_keys(value, keys) for value in content] if isinstance(content, list) else content


def as_written(path: Path) -> Path:
    """The file of this name, or the one of its former name where only that is there."""
    former = path.with_name(FILES.get(path.name, path.name))
    return former if former.is_file() and not path.is_file() else path


def with_current_parts(parts: Any) -> Any:
    """Which parts of a dataset are synthetic, in the words that are used now.

    Examples:
        >>> with_current_parts(["films", "clinical"])
        ['images', 'clinical']
    """
    return [KEYS.get(part, part) for part in parts] if isinstance(parts, list) else parts
