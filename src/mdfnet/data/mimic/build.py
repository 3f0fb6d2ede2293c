"""``mdfnet data build mimic`` on one page: find the releases, join them, choose, write."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import duckdb
import numpy as np

from mdfnet.core.arrays import Floats
from mdfnet.core.errors import UserError
from mdfnet.core.files import new_folder
from mdfnet.core.pseudonyms import IMAGE, Kept, Pseudonyms
from mdfnet.core.types import Classes, Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import write_dataset
from mdfnet.data.images.intensity import MIMIC_CXR_JPG
from mdfnet.data.images.resize import shrunk_size
from mdfnet.data.mimic.cases import LOST, UNITS, MimicCase, cases_of, classes_of, image_of, select, target_of
from mdfnet.data.mimic.cautions import cautions
from mdfnet.data.mimic.flow import Flow
from mdfnet.data.mimic.images import place_image
from mdfnet.data.mimic.readings import Reading, load_readings
from mdfnet.data.mimic.releases import Releases, find_releases
from mdfnet.data.mimic.rules import Missing, Rules, SplitRule
from mdfnet.data.mimic.splits import read_official, split_samples
from mdfnet.data.mimic.stays import load_images, load_stays, match_stays
from mdfnet.data.mimic.tables import opened
from mdfnet.data.mimic.vitals import Fate, fill_with_means, load_vitals, records, schema_of
from mdfnet.data.names import IMAGES, image_name
from mdfnet.data.provenance import Provenance

LICENSE = "PhysioNet Credentialed Health Data License 1.5.0: not to be shared"
SOURCE = (
    "MIMIC-CXR-JPG (Johnson et al., 2019), MIMIC-IV and MIMIC-IV-ED (Johnson et al., 2023), REFLACX (Bigolin Lanfredi "
    "et al., 2022), PhysioNet (Goldberger et al., 2000); cite all"
)


@dataclass(frozen=True)
class ImageOptions:
    """How the images are to lie in the dataset folder.

    Args:
        folder: Where the releases' images are, if not beside their tables.
        longest: Longer side in pixels; None keeps the original.
        link: Hard links instead of copies.
    """

    folder: Path | None = None
    longest: int | None = None
    link: bool = False


@dataclass(frozen=True)
class PlannedDataset:
    """A dataset that is not written yet: its samples point to the images of the release."""

    dataset: Dataset
    places: tuple[str, ...]  #: What to call each image in messages


@dataclass(frozen=True)
class _Gathered:
    """What the tables say: readings to use, the record of each image, the official splits where they are asked for."""

    readings: list[Reading]
    records: dict[str, Floats]
    fates: dict[str, Counter[Fate]]
    official: dict[str, str]


def build_mimic(
    folders: Sequence[Path],
    out: Path,
    rules: Rules | None = None,
    names: Pseudonyms | Kept | Path | None = None,
    images: ImageOptions | None = None,
    *,
    threads: int | None = None,
    log: Callable[[str], object] = print,
) -> Dataset:
    """Build a dataset folder from the releases below some folders.

    Args:
        folders: Where MIMIC-CXR-JPG, MIMIC-IV, MIMIC-IV-ED and REFLACX lie, or MIMIC-Eye.
        out: A new or empty folder.
        rules: All choices. Default: the safe ones.
        names: What turns ids into names, or the file of its key. Default: the user's own key, see
            :meth:`mdfnet.core.pseudonyms.Pseudonyms.load`.
        images: How the images are written.
        threads: CPU threads of the joins. Default: all.
        log: Where lines of progress go.

    Returns:
        The dataset as it lies in ``out``, with its provenance.

    Raises:
        UserError: A release, file or column is missing, a table is malformed, nothing is left after a step, an image is
            damaged, ``out`` holds something, or the disk is full; nothing half-written is left. After an interrupt the
            images that were placed already wait for the next build.
    """
    images = images or ImageOptions()

    def name() -> Pseudonyms | Kept:
        return Pseudonyms.load(names, outside=out) if names is None or isinstance(names, Path) else names

    with new_folder(out) as draft:
        planned = plan(folders, rules or Rules(), name, images, threads=threads, log=log)
        log(f"placing {len(planned.places)} images")
        staged = _staged(planned, out, images)
        staged.rename(draft / IMAGES)
        drafted = replace(planned.dataset, name=out.name, samples=_moved(planned.dataset, draft))
        write_dataset(drafted, draft, "keep")
    return replace(drafted, samples=_moved(drafted, out), folder=out)


def plan(
    folders: Sequence[Path],
    rules: Rules,
    name: Callable[[], Pseudonyms | Kept],
    images: ImageOptions,
    *,
    threads: int | None = None,
    log: Callable[[str], object] = print,
) -> PlannedDataset:
    """The whole dataset except for placing the images; ``name`` is called once the tables turned out to be good."""
    releases, flow = find_releases(folders, images.folder), Flow(dict(UNITS))
    for release, number in releases.versions.items():
        log(f"found {release} {number}")
    with opened(threads) as database:
        gathered = _gather(database, releases, rules, flow, log)
    cases, further = cases_of(gathered.readings, releases, rules, flow)
    images_of_cases = [case.reading.image for case in cases]
    measured = np.stack([gathered.records[image] for image in images_of_cases])
    schema = schema_of(rules)
    clinical, filled = fill_with_means(schema, measured) if rules.missing == Missing.mean else (measured, {})
    classes, names = classes_of(cases, rules), name()
    samples = [
        _sample(case, record, classes, releases, names, images) for case, record in zip(cases, clinical, strict=True)
    ]
    done = split_samples(samples, images_of_cases, rules, gathered.official)
    lost = sum(step.left_out.get(LOST, 0) for step in flow.steps) + sum(case.reading.outcome == LOST for case in cases)
    warnings = cautions(rules, done, images_of_cases, measured, lost=lost, filled=filled, further=further)
    provenance = Provenance(
        made_by=f"mdfnet {version('mdfnet')} data build mimic",
        releases=dict(releases.versions),
        rules={**rules.card(), "longest": images.longest, "ids": "kept" if isinstance(names, Kept) else "hashed"},
        flow=tuple(flow.steps),
        values={name: {str(fate): fates[fate] for fate in Fate} for name, fates in gathered.fates.items()},
        cautions=tuple(warnings),
    )
    own = rules.split == SplitRule.row  # it cuts patients in two, so each row is its own patient
    patients = [sample.id if own else names.of("patient", sample.patient) for sample in done]
    dataset = Dataset(
        name="mimic",
        classes=classes,
        schema=schema,
        samples=tuple(replace(sample, patient=patient) for sample, patient in zip(done, patients, strict=True)),
        folder=Path(),
        source=SOURCE,
        license=LICENSE,
        provenance=provenance,
        intensity=MIMIC_CXR_JPG,
    )
    return PlannedDataset(dataset, tuple(f"image of {case.reading.place}" for case in cases))


def _gather(
    database: duckdb.DuckDBPyConnection,
    releases: Releases,
    rules: Rules,
    flow: Flow,
    log: Callable[[str], object],
) -> _Gathered:
    """Everything that is asked of the tables."""
    counts = {
        "images": load_images(database, releases.tables["images"]),
        "edstays": load_stays(database, releases.tables["edstays"], rules),
        **load_vitals(database, releases.tables, rules),
    }
    match_stays(database, rules)
    readings = load_readings(database, releases.tables["readings"])
    counts["readings"] = len(readings)
    log("read " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    query = "SELECT count(*), count(DISTINCT study_id), count(DISTINCT subject_id) FROM images"
    (whole,) = database.execute(query).fetchall()
    flow.note("images of MIMIC-CXR-JPG", dict(zip(("images", "studies", "patients"), whole, strict=True)))
    flow.note("readings of REFLACX", flow.count(readings))
    readings = select(readings, releases, rules, flow)
    names = sorted({reading.image for reading in readings})
    database.execute("CREATE TABLE wanted AS SELECT unnest($names) AS dicom_id", {"names": names})
    found, fates = records(database, schema_of(rules), rules)
    official = read_official(database, releases.tables) if rules.split == SplitRule.official else {}
    return _Gathered(readings, found, fates, official)


def _sample(
    case: MimicCase,
    record: Floats,
    classes: Classes,
    releases: Releases,
    names: Pseudonyms | Kept,
    images: ImageOptions,
) -> Sample:
    """A case as a sample, under its new name; its patient is still the original one."""
    reading = case.reading
    size = shrunk_size(reading.width, reading.height, images.longest or max(reading.width, reading.height))
    name = names.of(IMAGE, reading.image) + (f"-{case.number}" if case.number > 1 else "")
    target, patient = target_of(case, classes, size), str(reading.subject)
    return Sample(name, image_of(reading, releases), *size, target, record, patient, view=reading.view)


def _staged(planned: PlannedDataset, out: Path, images: ImageOptions) -> Path:
    """A hidden folder beside ``out`` with the images under their names.

    An interrupt or a damaged image leaves it for the next build; a full disk does not, for the space is needed.
    """
    folder = out.with_name(f".{out.name}-images-{images.longest or 'original'}")
    wanted = {folder / image_name(sample): sample for sample in planned.dataset.samples}
    try:
        for (target, sample), place in zip(wanted.items(), planned.places, strict=True):
            if not target.exists():
                place_image(sample.image, target, (sample.width, sample.height), images.link, place)
        for stray in set(folder.iterdir()) - set(wanted):
            stray.unlink()
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _moved(dataset: Dataset, folder: Path) -> tuple[Sample, ...]:
    return tuple(replace(sample, image=folder / IMAGES / image_name(sample)) for sample in dataset.samples)
