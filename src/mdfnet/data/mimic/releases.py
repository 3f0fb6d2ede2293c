"""Finding the releases and their versions by their layout, as PhysioNet delivers them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdfnet.core.errors import UserError
from mdfnet.data.mimic.tables import TableFiles, header_of

#: Release -> tables it must have, where they lie, and where to get it.
EXPECTED = {
    "MIMIC-CXR-JPG": ("mimic-cxr-2.0.0-metadata.csv.gz", "mimic-cxr-jpg"),
    "MIMIC-IV": ("hosp/patients.csv.gz (core/patients.csv.gz in 1.0)", "mimiciv"),
    "MIMIC-IV-ED": ("ed/edstays.csv.gz, ed/triage.csv.gz, ed/vitalsign.csv.gz", "mimic-iv-ed"),
    "REFLACX": ("main_data/metadata_phase_1.csv, ..._2.csv, ..._3.csv", "reflacx-xray-localization"),
}

#: Tables by what they hold -> release and file name without suffix, and where MIMIC-Eye has them, one per patient.
TABLES = {
    "images": ("MIMIC-CXR-JPG", r"mimic-cxr-\d[\d.]*-metadata", "CXR-JPG/cxr_meta.csv"),
    "official": ("MIMIC-CXR-JPG", r"mimic-cxr-\d[\d.]*-split", "CXR-JPG/cxr_split.csv"),
    "patients": ("MIMIC-IV", r"patients", "{Hosp,Core}/patients.csv"),
    "edstays": ("MIMIC-IV-ED", r"edstays", "ED/edstays.csv"),
    "triage": ("MIMIC-IV-ED", r"triage", "ED/triage.csv"),
    "vitalsign": ("MIMIC-IV-ED", r"vitalsign", "ED/vitalsign.csv"),
    "readings": ("REFLACX", r"metadata_phase_\d", "REFLACX/metadata.csv"),
}
OPTIONAL = ("official", "vitalsign")

#: Folders that hold a patient, a study or a reading each, and no tables of a release.
_LEAF = re.compile(r"p\d{2}|p\d{8}|s\d{8}|P\d{3}R\d+|gaze_data|\..*")
_PATIENT = re.compile(r"patient_\d+")
_VERSION = re.compile(r"(?:^|[-_v])(\d+\.\d+(?:\.\d+)?)$")
_SUFFIX = re.compile(r"\.csv(\.gz)?$")
_DEEPEST = 7


@dataclass(frozen=True)
class Releases:
    """Where everything lies."""

    versions: Mapping[str, str]  #: Release -> version and how it is known
    tables: Mapping[str, TableFiles]  #: What it holds (see `TABLES`) -> its files
    images: Path  #: Folder below which the images lie
    readings: Path  #: Folder below which the readings lie
    by_patient: bool = False  #: Whether the layout is MIMIC-Eye's, one folder per patient

    def image(self, subject: int, study: int, image: str) -> Path:
        """Where an image lies."""
        if self.by_patient:
            return self.images / f"patient_{subject}" / "CXR-JPG" / f"s{study}" / f"{image}.jpg"
        return self.images / "files" / f"p{subject}"[:3] / f"p{subject}" / f"s{study}" / f"{image}.jpg"

    def ellipses(self, reading: str, subject: int) -> Path:
        """Where the ellipses of a reading lie."""
        folder = self.readings / f"patient_{subject}" / "REFLACX" if self.by_patient else self.readings
        return folder / "main_data" / reading / "anomaly_location_ellipses.csv"


def find_releases(folders: Sequence[Path], images: Path | None = None) -> Releases:
    """Find the four releases, or MIMIC-Eye, below some folders.

    Args:
        folders: Where to look; folders of single patients, studies and readings are not searched.
        images: Folder that has the images' ``files/`` (MIMIC-Eye: ``patient_*/``), where it is another than the
            tables'.
    """
    found: dict[str, dict[Path, Path]] = {name: {} for name in TABLES}
    eyes: list[Path] = []
    seen: set[str] = set()
    for folder in folders:
        if not folder.is_dir():
            raise UserError("no such folder", where=folder)
        for directory, names, files in _walk(folder, seen):
            if any(_PATIENT.fullmatch(name) for name in names):
                eyes.append(directory)
            for file in files:
                if kind := _kind(file, directory):  # a table and its compressed twin are one: either will do
                    found[kind][directory / _SUFFIX.sub("", file)] = directory / file
    if eyes:
        paths = [path for files in found.values() for path in files.values()]
        return _eye(eyes, images, [path for path in paths if not path.is_relative_to(eyes[0])])
    roots = {release: _one_root(release, found, folders) for release in EXPECTED}
    tables = {kind: TableFiles(kind, tuple(sorted(paths.values()))) for kind, paths in found.items() if paths}
    for kind, (release, *_) in TABLES.items():
        if kind not in tables and kind not in OPTIONAL:
            raise _missing(release, folders, f"no table {kind!r} of {release}")
    versions = {release: _version(release, root, tables) for release, root in roots.items()}
    main_data = roots["REFLACX"]
    readings = main_data.parent if main_data.name == "main_data" else main_data
    return Releases(versions, tables, images or roots["MIMIC-CXR-JPG"], readings)


def _walk(folder: Path, seen: set[str] | None = None) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Folders that may hold tables, each once, however many links lead to it."""
    seen = set() if seen is None else seen
    for directory, names, files in os.walk(folder, followlinks=True):
        path, real = Path(directory), os.path.realpath(directory)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        yield path, names, files
        depth = len(path.parts) - len(folder.parts)
        deeper = [name for name in names if not (_LEAF.fullmatch(name) or _PATIENT.fullmatch(name))]
        names[:] = sorted(deeper) if depth < _DEEPEST and path.name != "main_data" else []


def _kind(file: str, directory: Path) -> str | None:
    """What table a file is. MIMIC-IV and others have a ``patients``; that of MIMIC-IV lies in hosp or core."""
    stem = _SUFFIX.sub("", file)
    if stem == file or (stem == "patients" and directory.name not in ("hosp", "core")):
        return None
    return next((kind for kind, (_, name, _) in TABLES.items() if re.fullmatch(name, stem)), None)


def _one_root(release: str, found: Mapping[str, Mapping[Path, Path]], folders: Sequence[Path]) -> Path:
    kinds = [kind for kind, (owner, *_) in TABLES.items() if owner == release]
    roots = sorted({path.parent for kind in kinds for path in found[kind].values()})
    if not roots:
        raise _missing(release, folders, f"no {release}")
    if len(roots) > 1:
        what = f"{release} is there more than once: {', '.join(map(str, roots))}"
        raise UserError(what, fix="name the folders of one version of each")
    return roots[0]


def _missing(release: str, folders: Sequence[Path], what: str) -> UserError:
    expected, project = EXPECTED[release]
    other = next((note for folder in folders for note in _other_release(folder)), "")
    fix = f"expected {expected}, from https://physionet.org/content/{project}/{other}"
    return UserError(f"{what} below {', '.join(map(str, folders))}", fix=fix)


def _other_release(folder: Path) -> Iterator[str]:
    """What is there instead, where it is a release that is easily mistaken."""
    mistaken = {"cxr-record-list.csv": "MIMIC-CXR in DICOM", "patients.csv": "MIMIC-III or another MIMIC"}
    for directory, _, files in _walk(folder):
        for file in files:
            name = file.lower().removesuffix(".gz")
            if name in mistaken and directory.name not in ("hosp", "core"):
                yield f"; {directory} looks like {mistaken[name]}"


def _version(release: str, root: Path, tables: Mapping[str, TableFiles]) -> str:
    for folder in (root, *root.parents[:3]):
        if number := _VERSION.search(folder.name):
            return f"{number[1]} (folder's name)"
    if release == "MIMIC-CXR-JPG":
        labeled = any(root.glob("mimic-cxr-2.1.0-test-set-labeled.csv*"))
        return f"{'2.1.0' if labeled else '2.0.0 or later'} (files)"
    if release == "MIMIC-IV":
        return f"{'1.0 or earlier' if root.name == 'core' else '2.0 or later'} (layout)"
    if release == "MIMIC-IV-ED":
        later = "race" in header_of(tables["edstays"].files[0])
        return f"{'2.0 or later' if later else '1.0'} (columns)"
    return "1.0.0 (layout)"


def _eye(roots: Sequence[Path], images: Path | None, others: Sequence[Path]) -> Releases:
    if others:
        what = f"both MIMIC-Eye, {roots[0]}, and tables of other releases, such as {others[0]}"
        raise UserError(what, fix="name the folders of one or the other")
    if len(roots) > 1:
        what = f"MIMIC-Eye is there more than once: {', '.join(map(str, roots))}"
        raise UserError(what, fix="name one of the folders")
    root, tables = roots[0], {}
    for kind, (_, _, pattern) in TABLES.items():
        patterns = [pattern.replace("{Hosp,Core}", name) for name in ("Hosp", "Core")] if "{" in pattern else [pattern]
        files = sorted(path for each in patterns for path in root.glob(f"patient_*/{each}"))
        if files:
            tables[kind] = TableFiles(kind, tuple(files), f"{root}/patient_*/{pattern}")
        elif kind not in OPTIONAL:
            what = f"MIMIC-Eye without patient_*/{pattern}"
            raise UserError(
                what, where=root, fix="get the whole of https://physionet.org/content/mimic-eye-multimodal-datasets/"
            )
    return Releases({"MIMIC-Eye": _version("MIMIC-Eye", root, tables)}, tables, images or root, root, by_patient=True)
