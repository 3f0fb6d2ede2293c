"""Processor time until the command line answers: a typo in six verbs, the list of detectors, the help.

Usage: python benchmarks/answers.py [--repeats 3]

For another version, put its sources first: PYTHONPATH=/path/to/other/src python benchmarks/answers.py
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

#: What is asked; {set}: a dataset folder of synthetic images, {image}: one of them, {here}: an empty folder.
QUESTIONS = {
    "train, key": "train {set} epoch=3 --out {here}/run",
    "evaluate, split": "evaluate demo {set} --split vall --out {here}/out",
    "predict, image": "predict demo {here}/nowhere.png --out {here}/out",
    "calibrate, model": "calibrate {here}/nowhere {set}",
    "explain, case": "explain demo {set} --case phantom-0000 --out {here}/out",
    "compare, folder": "compare {here} {here}",
    "models": "models",
    "--help": "--help",
}


def main() -> None:
    """Print user and system seconds of the whole process, the least of several runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as here:
        images = Path(here) / "set"
        _run(f"data phantom --count 40 --size 64 --out {images}")
        for name, question in QUESTIONS.items():
            words = question.format(set=images, here=here)
            print(f"{name:18} {min(_run(words) for _ in range(repeats)):5.2f} s", flush=True)


def _run(words: str) -> float:
    before = _spent()
    subprocess.run([sys.executable, "-m", "mdfnet", *words.split()], capture_output=True)
    return _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
