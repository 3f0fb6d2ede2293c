"""Writes ``src/mdfnet/models/detectors/sizes.yaml``: makes every detector that comes with the package, and measures it.

Usage: python scripts/detector_sizes.py
"""

from pathlib import Path

from mdfnet.models.detectors import sizes
from mdfnet.models.detectors.facts import facts
from mdfnet.models.detectors.registry import OWN

TABLE = Path(sizes.__file__).with_suffix(".yaml")


def main() -> None:
    """Write the table; a library that is missing is an error."""
    lines = []
    for entry in OWN:
        found = facts(entry)
        strides = "null" if found.strides is None else list(found.strides)
        lines.append(f"{entry.name}: {{parameters: {found.parameters}, strides: {strides}}}\n")
    TABLE.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
