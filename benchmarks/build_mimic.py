"""Time and memory of `mdfnet data build mimic` on made-up releases of the published sizes, and whether it is right.

    python benchmarks/build_mimic.py [--folder FOLDER] [--threads 2] [--demo ed]

The tables have the published numbers of rows (377,110 images, 425,087 stays and triage rows, 1,564,610 vitalsign rows,
299,712 patients, 3,052 readings of 2,616 images), and every image knows the stay it was made up for. The claims: under
60 seconds and 2 GB; no image matched wrongly or missed; the paper's 590 of about 1,006 images are what its one wrong
rule leaves. The images themselves are small here: what copying or resizing them costs is not measured.

With --demo, instead: what becomes of every cell of the MIMIC-IV-ED demo's two tables, beside the files' own counts.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from random_mimic import PUBLISHED, Truth, random_release

from mdfnet.clinical.schema import Schema
from mdfnet.data.mimic.releases import find_releases
from mdfnet.data.mimic.rules import Rules
from mdfnet.data.mimic.stays import load_images, load_stays, match_stays
from mdfnet.data.mimic.tables import TableFiles, load, opened
from mdfnet.data.mimic.vitals import MEASURED, TRIAGE_COLUMNS, VITALSIGN_COLUMNS, Fate, read_value

#: Builds -> options; the second differs from the first by the one rule that explains the paper's gap.
BUILDS = {
    "default rules": [],
    "default, time unpadded": ["--study-time", "unpadded"],
    "as the paper": ["--as-paper"],
    "as the paper, time padded": ["--as-paper", "--study-time", "padded"],
}


def make(folder: Path) -> Truth:
    """Write the releases."""
    release, truth = random_release(PUBLISHED)
    release.write(folder)
    return truth


def build(release: Path, out: Path, threads: int, options: list[str]) -> tuple[str, list[dict]]:
    """Seconds, processor seconds and peak megabytes of a build in a process of its own, and its flow chart."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "mdfnet", "data", "build", "mimic", release, "--out", out, "--threads", threads]
    process = subprocess.Popen([str(word) for word in [*command, *options]], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"the build failed: {command}")
    busy, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return f"{seconds:>6.1f} {busy:>6.1f} {memory:>6.0f}", yaml.safe_load((out / "dataset.yaml").read_text())[
        "provenance"
    ]["flow"]


def matches(release: Path, threads: int) -> dict[str, int | None]:
    """Image -> stay for every image of the release."""
    releases, rules = find_releases([release]), Rules()
    with opened(threads) as database:
        load_images(database, releases.tables["images"])
        load_stays(database, releases.tables["edstays"], rules)
        match_stays(database, rules)
        return dict(database.execute("SELECT dicom_id, stay_id FROM matches").fetchall())


def print_rightness(found: dict[str, int | None], truth: Truth) -> None:
    """Recall and precision of the match, and how often each hard case is among the images."""
    right = sum(stay is not None and truth.stay[image] == stay for image, stay in found.items())
    claimed = sum(stay is not None for stay in found.values())
    there = sum(stay is not None for stay in truth.stay.values())
    print(f"stays of {len(found):,} images: {there:,} there, {claimed:,} found, {right:,} right")
    print(f"recall {right / there:.6f}, precision {right / claimed:.6f}")
    for case, images in truth.hard.items():
        correct = sum(found[image] == truth.stay[image] for image in images)
        print(f"  {case}: {correct:,} of {len(images):,} right")


def print_demo(folder: Path) -> None:
    """Fates of the cells of triage and vitalsign, and what a plain reader counts in the files."""
    schema = Schema.load("mimic-ed")
    print(f"{'':<22} {'rows':>6} {'kept':>6} {'converted':>9} {'refused':>7} {'missing':>7}   file: rows, empty")
    for table, columns in (("triage", TRIAGE_COLUMNS), ("vitalsign", VITALSIGN_COLUMNS)):
        path = folder / f"{table}.csv.gz"
        with gzip.open(path, "rt", newline="") as file:
            own = list(csv.DictReader(file))
        with opened() as database:
            rows = load(database, TableFiles(table, (path,)), columns)
            for name in (name for name in MEASURED if name in columns):
                cells = database.execute(f"SELECT {name} FROM {table}").fetchall()
                fates = Counter(read_value(schema[name], cell)[1] for (cell,) in cells)
                counts = f"{fates[Fate.kept]:>6} {fates[Fate.converted]:>9} {fates[Fate.refused]:>7}"
                empty = sum(not row[name].strip() for row in own)
                print(f"{table + ' ' + name:<22} {rows:>6} {counts} {fates[Fate.missing]:>7}   {len(own)}, {empty}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where to write; removed at the end")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--demo", type=Path, help="folder ed/ of the MIMIC-IV-ED demo")
    options = parser.parse_args()
    if options.demo:
        return print_demo(options.demo)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mdfnet-benchmark-"))
    try:
        with get_context("spawn").Pool(1) as maker:  # a process of its own: its memory must not count as the builds'
            truth = maker.apply(make, (folder / "releases",))
        print(f"{'build':<27} {'s':>6} {'CPU s':>6} {'MB':>6} {'readings':>9} {'images in one stay':>18}")
        for number, (name, rules) in enumerate(BUILDS.items()):
            cost, flow = build(folder / "releases", folder / f"set{number}", options.threads, rules)
            step = next(step for step in flow if step["step"].startswith("image belongs"))["counts"]
            print(f"{name:<27} {cost} {step['readings']:>9,} {step['images']:>18,}", flush=True)
        print_rightness(matches(folder / "releases", options.threads), truth)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
