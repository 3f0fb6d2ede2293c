"""Milliseconds and megabytes that refusing each hostile image takes; the files are those of
tests/data/images/test_hostile.py.

    python benchmarks/hostile_images.py

The claim: under 100 ms each, without taking the memory that they claim.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
import warnings
from importlib import util
from pathlib import Path
from types import ModuleType

from mdfnet.core.errors import UserError
from mdfnet.data.images.read import read_image

TESTS = Path(__file__).parents[1] / "tests"


def module(path: Path) -> ModuleType:
    """A test file as a module."""
    spec = util.spec_from_file_location(path.stem, path)
    loaded = util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def refuse(path: Path) -> tuple[float, float, str]:
    """Processor milliseconds, megabytes by which the process grew, and the reason."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        read_image(path)
        reason = "NOT REFUSED"
    except UserError as error:
        reason = error.what
    taken = time.process_time() - start
    return taken * 1000, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, reason


def main() -> None:
    """Measure each in a process of its own, so that memory is its own, and print."""
    warnings.simplefilter("ignore")
    hostile, image = module(TESTS / "data/images/test_hostile.py"), module(TESTS / "conftest.py").image.__wrapped__()
    print(f"{'file':36}{'kB':>8}{'ms':>8}{'MB':>7}  refused because")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.dcm"
        read_image(image(path))  # what is imported on the way does not count
        for case in hostile.HOSTILE:
            case.values[0](image, path)
            if os.fork() == 0:
                taken, grown, reason = refuse(path)
                size = path.stat().st_size / 1000
                print(f"{case.id:36}{size:>8.0f}{taken:>8.1f}{grown:>7.1f}  {reason}", flush=True)
                os._exit(0)
            os.wait()


if __name__ == "__main__":
    main()
