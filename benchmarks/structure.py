"""Counts the structure of the package: rooms, arrows between them, circles, depth, lines.

    python benchmarks/structure.py [SRC]

SRC is the folder that holds ``mdfnet``, such as the ``src`` of another checkout; default: this one's. A room is a
folder or a module at the root of the package. An arrow is a pair of which one imports the other. Imports for types
alone count, too.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import grimp
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROOT = "mdfnet"


def main() -> None:
    source = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "src").resolve()
    sys.path.insert(0, str(source))
    graph = grimp.build_graph(ROOT, cache_dir=None)
    imports = {(a, b) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)}
    arrows = {(room(a), room(b)) for a, b in imports if room(a) != room(b) and room(a) and room(b)}
    lines = sum(len(path.read_text().splitlines()) for path in (source / ROOT).rglob("*.py"))
    loose = {path.stem for path in (source / ROOT).glob("*.py")} - {"__init__", "__main__"}
    print(f"modules {len(graph.modules)}, imports {len(imports)}, lines {lines}")
    print(f"rooms {len(set(map(room, graph.modules)) - {'', '__main__'})}, of them loose modules {len(loose)}")
    for name, pairs in (("rooms", arrows), ("modules", imports)):
        circles, depth = measured(pairs)
        print(f"{name}: arrows {len(pairs)}, circles {circles}, longest chain {depth} arrows")


def room(module: str) -> str:
    """The part of a module's name below the package; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def measured(arrows: set[tuple[str, str]]) -> tuple[int, int]:
    """How many circles there are, and how many arrows the longest chain has; a circle counts as one place in it."""
    at = {name: k for k, name in enumerate(sorted({name for pair in arrows for name in pair}))}
    ends = np.array([(at[a], at[b]) for a, b in arrows]).T
    matrix = coo_array((np.ones(ends.shape[1]), ends), shape=(len(at),) * 2)
    count, part = connected_components(matrix, connection="strong")
    onward = {(part[a], part[b]) for a, b in ends.T if part[a] != part[b]}

    @cache
    def longest(start: int) -> int:
        return max((1 + longest(b) for a, b in onward if a == start), default=0)

    return int((np.bincount(part) > 1).sum()), max(map(longest, range(count)))


if __name__ == "__main__":
    main()
