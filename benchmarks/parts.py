"""A script of several measurements: which of them run is said on the command line; and what they cost."""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable, Mapping


def run(parts: Mapping[str, Callable[[argparse.Namespace], None]], about: str | None, **options: Mapping) -> None:
    """Run the parts named on the command line, or all, with options by their names as argparse takes them."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(parts)}; default: all")
    for name, option in options.items():
        parser.add_argument(f"--{name}", **option)
    chosen = parser.parse_args()
    for name in chosen.parts or parts:
        if name not in parts:
            parser.error(f"no part {name!r}; there are {', '.join(parts)}")
    for name in chosen.parts or parts:
        parts[name](chosen)


def peak() -> float:
    """Most memory this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
