"""Names that files of earlier versions use, brought up to date when such a file is read."""

from __future__ import annotations

from typing import Any

#: Key in a file of an earlier version -> the key that stands for it now.
KEYS = {
    "films": "images",
    "rois_per_film": "rois_per_image",
    "false_positives_per_film": "false_positives_per_image",
}


def with_current_keys(content: Any) -> Any:
    """What a JSON or YAML file holds, with the keys that are used now.

    Examples:
        >>> with_current_keys({"training": {"films": {"train": 9}}, "epochs": 3})
        {'training': {'images': {'train': 9}}, 'epochs': 3}
    """
    if isinstance(content, dict):
        return {KEYS.get(key, key): with_current_keys(value) for key, value in content.items()}
    return [with_current_keys(value) for value in content] if isinstance(content, list) else content


def with_current_parts(parts: Any) -> Any:
    """Which parts of a dataset are synthetic, in the words that are used now.

    Examples:
        >>> with_current_parts(["films", "clinical"])
        ['images', 'clinical']
    """
    return [KEYS.get(part, part) for part in parts] if isinstance(parts, list) else parts
