"""Made-up releases in the published layouts: MIMIC-CXR-JPG, MIMIC-IV, MIMIC-IV-ED, REFLACX, and MIMIC-Eye.

Nothing in them is about a person. `Release` is filled row by row by tests; `random_release` fills one at any size and
knows which stay every film belongs to.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

PHASE_1 = ("Atelectasis", "Consolidation", "Enlarged cardiac silhouette", "Mass", "Nodule", "Pleural effusion")
LATER_PHASES = ("Atelectasis", "Consolidation", "Enlarged cardiac silhouette", "Fracture", "Lung nodule or mass")
LATER_PHASES += ("Pleural abnormality", "Pulmonary edema")
SIGNS = ("temperature", "heartrate", "resprate", "o2sat", "sbp", "dbp")
WIDTH, HEIGHT = 64, 80

FILM_HEADER = (
    *("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows", "Columns"),
    *("StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning", "ViewCodeSequence_CodeMeaning"),
    "PatientOrientationCodeSequence_CodeMeaning",
)
PATIENT_HEADER = ["subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod"]
READING_HEADER = (
    *("id", "split", "eye_tracking_data_discarded", "image", "dicom_id", "subject_id"),
    *("image_size_x", "image_size_y"),
)
TRIAGE_HEADER = ("subject_id", "stay_id", *SIGNS, "pain", "acuity", "chiefcomplaint")
VITAL_HEADER = ("subject_id", "stay_id", "charttime", *SIGNS, "rhythm", "pain")


def dicom(number: int) -> str:
    """A name in the form of MIMIC's film names."""
    return "-".join(f"{number * factor % 16**8:08x}" for factor in (1, 7, 11, 13, 17))


@dataclass
class Release:
    """Rows of all tables; the methods add one with what tests do not care about filled in."""

    patients: list[Sequence] = field(default_factory=list)
    stays: list[Sequence] = field(default_factory=list)
    triage: list[Sequence] = field(default_factory=list)
    vitals: list[Sequence] = field(default_factory=list)
    films: list[Sequence] = field(default_factory=list)
    splits: list[Sequence] = field(default_factory=list)
    readings: dict[int, list[Sequence]] = field(default_factory=lambda: {1: [], 2: [], 3: []})
    ellipses: dict[str, list[dict]] = field(default_factory=dict)

    def patient(self, subject: int, gender="F", age=60, year=2150) -> None:
        self.patients.append((subject, gender, age, year, "2011 - 2013", ""))

    def stay(self, subject: int, stay: int, intime: str, outtime: str, **triage) -> None:
        self.stays.append((subject, stay, intime, outtime))
        if triage:
            cells = (triage.get(name, "") for name in (*SIGNS, "pain", "acuity"))
            self.triage.append((subject, stay, *cells, "COUGH, FEVER"))

    def vital(self, subject: int, stay: int, time: str, **signs) -> None:
        self.vitals.append((subject, stay, time, *(signs.get(n, "") for n in SIGNS), "", signs.get("pain", "")))

    def film(self, number: int, subject: int, date: str, time: str, view="PA", split="train") -> str:
        study, name = 50_000_000 + number, dicom(number)
        self.films.append((name, subject, study, "", view, HEIGHT, WIDTH, date, time, "", "", ""))
        self.splits.append((name, study, subject, split))
        return name

    def reading(self, number: int, film: str, subject: int, ellipses: Iterable[dict] = (), phase=3, discarded=False):
        """``ellipses``: dicts of ``box``, ``labels`` and ``certainty``."""
        name = f"P{phase}00R{number:06d}"
        size = (WIDTH, HEIGHT)
        self.readings[phase].append((name, "train", discarded, "files/x.dcm", film, subject, *size))
        self.ellipses[name] = list(ellipses)

    def write(self, folder: Path, iv="2.2", ed="2.2", cxr="2.0.0", compressed=True, films=True) -> Path:
        """As PhysioNet's ``wget`` leaves them."""
        suffix = ".csv.gz" if compressed else ".csv"
        jpg = folder / f"mimic-cxr-jpg/{cxr}"
        hospital = folder / "mimiciv" / iv / ("core" if iv.startswith("1") else "hosp")
        emergency = folder / "mimic-iv-ed" / ed / "ed"
        write(jpg / f"mimic-cxr-2.0.0-metadata{suffix}", FILM_HEADER, self.films)
        write(jpg / f"mimic-cxr-2.0.0-split{suffix}", ("dicom_id", "study_id", "subject_id", "split"), self.splits)
        write(hospital / f"patients{suffix}", PATIENT_HEADER, self.patients)
        write(emergency / f"edstays{suffix}", *self._edstays(ed))
        write(emergency / f"triage{suffix}", TRIAGE_HEADER, self.triage)
        write(emergency / f"vitalsign{suffix}", VITAL_HEADER, self.vitals)
        self._write_readings(folder / "reflacx-xray-localization/1.0.0/main_data")
        if films:
            self._write_films(lambda row: jpg / "files" / f"p{row[1]}"[:3] / f"p{row[1]}" / f"s{row[2]}")
        return folder

    def write_eye(self, folder: Path) -> Path:
        """As MIMIC-Eye has it: one folder per patient."""
        tables = {
            "Hosp/patients.csv": (PATIENT_HEADER, self.patients, 0),
            "ED/edstays.csv": (*self._edstays("2.2"), 0),
            "ED/triage.csv": (TRIAGE_HEADER, self.triage, 0),
            "ED/vitalsign.csv": (VITAL_HEADER, self.vitals, 0),
            "CXR-JPG/cxr_meta.csv": (FILM_HEADER, self.films, 1),
            "CXR-JPG/cxr_split.csv": (("dicom_id", "study_id", "subject_id", "split"), self.splits, 2),
        }
        for name, (header, rows, column) in tables.items():
            for subject in {row[column] for row in rows}:
                mine = [row for row in rows if row[column] == subject]
                write(folder / f"patient_{subject}" / name, header, mine)
        readings = [row for rows in self.readings.values() for row in rows]
        for subject in {row[5] for row in readings}:
            mine = [row for row in readings if row[5] == subject]
            base = folder / f"patient_{subject}" / "REFLACX"
            write(base / "metadata.csv", (*READING_HEADER, *LATER_PHASES), [(*row, *([0] * 7)) for row in mine])
            for row in mine:
                self._write_ellipses(base / "main_data" / row[0], row[0], PHASE_1 + LATER_PHASES[3:])
        self._write_films(lambda row: folder / f"patient_{row[1]}" / "CXR-JPG" / f"s{row[2]}")
        return folder

    def _edstays(self, version: str):
        if version.startswith("1"):
            rows = [(subject, "", stay, *times) for subject, stay, *times in self.stays]
            return ("subject_id", "hadm_id", "stay_id", "intime", "outtime"), rows
        rows = [(subject, "", stay, *times, "F", "OTHER", "WALK IN", "HOME") for subject, stay, *times in self.stays]
        header = "subject_id,hadm_id,stay_id,intime,outtime,gender,race,arrival_transport,disposition"
        return header.split(","), rows

    def _write_readings(self, folder: Path) -> None:
        for phase, rows in self.readings.items():
            labels = PHASE_1 if phase == 1 else LATER_PHASES
            filled = [(*row, *([0] * len(labels)), "") for row in rows]
            write(folder / f"metadata_phase_{phase}.csv", (*READING_HEADER, *labels, "Other"), filled)
            for row in rows:
                self._write_ellipses(folder / row[0], row[0], labels)

    def _write_ellipses(self, folder: Path, reading: str, labels: Sequence[str]) -> None:
        rows = [
            (*mark["box"], mark.get("certainty", 5), *(label in mark["labels"] for label in labels))
            for mark in self.ellipses[reading]
        ]
        header = ("xmin", "ymin", "xmax", "ymax", "certainty", *labels)
        write(folder / "anomaly_location_ellipses.csv", header, rows)

    def _write_films(self, folder_of) -> None:
        read = {row[4] for rows in self.readings.values() for row in rows}
        random = np.random.default_rng(0)
        for row in self.films:
            if row[0] in read:
                path = folder_of(row) / f"{row[0]}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = random.integers(0, 256, (HEIGHT // 8, WIDTH // 8), np.uint8).repeat(8, 0).repeat(8, 1)
                Image.fromarray(pixels).save(path, "JPEG")


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    """A CSV table, compressed by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)


@dataclass(frozen=True)
class Sizes:
    """How large a random release is. Default: a miniature; `PUBLISHED` has the published counts."""

    films: int = 600
    stays: int = 300
    vitals: int = 900
    patients: int = 200
    in_stay: int = 60
    elsewhere: int = 90
    never: int = 10
    five_readers: int = 8
    discarded: int = 3
    midnights: float = 0.2
    no_end: float = 0.05
    doubled: float = 0.03


#: MIMIC-CXR-JPG 2.0.0, MIMIC-IV-ED, MIMIC-IV and REFLACX 1.0.0; 1,006 of REFLACX's 2,616 films lie in one stay.
PUBLISHED = Sizes(377_110, 425_087, 1_564_610, 299_712, 1_006, 1_600, 10, 109, 20, 0.01, 0.01, 0.002)


@dataclass
class Truth:
    """Film -> the stay it was made up for, None for none; and the films of each hard case."""

    stay: dict[str, int | None]
    hard: dict[str, set[str]]


def random_release(sizes: Sizes = Sizes(), seed: int = 0) -> tuple[Release, Truth]:
    """A release whose films were taken in a stay, at another time, by patients without stays, or in two stays at once.

    Times of day are spread evenly, midnight and hours that daylight saving skips are among them; some stays have no
    end, a few end before they begin.
    """
    random = np.random.default_rng(seed)
    release, truth = Release(), Truth({}, {})
    stays = _stays(release, sizes, random)
    _films(release, truth, stays, sizes, random)
    _vitals(release, stays, sizes, random)
    _readings(release, truth, sizes, random)
    return release, truth


@dataclass
class _Stays:
    """Arrays by stay: patient, id, beginning and end in seconds, whether the end is known, and the stay alone."""

    subject: np.ndarray
    stay: np.ndarray
    start: np.ndarray
    end: np.ndarray
    ended: np.ndarray
    overlapped: np.ndarray


def _text(seconds: np.ndarray) -> np.ndarray:
    return np.char.replace(seconds.astype("datetime64[s]").astype(str), "T", " ")


def _stays(release: Release, sizes: Sizes, random: np.random.Generator) -> _Stays:
    """Stays of one patient begin in months of their own; some are doubled by one that overlaps."""
    subjects = 10_000_000 + np.arange(sizes.patients)
    gender = random.choice(["F", "M"], sizes.patients)
    age, anchor = random.integers(18, 92, sizes.patients), random.integers(2110, 2190, sizes.patients)
    rows = zip(subjects, gender, age, anchor, strict=True)
    release.patients = [(*row, "2011 - 2013", "") for row in rows]
    owner = np.sort(random.integers(0, sizes.patients * 2 // 3, sizes.stays))
    rank = np.arange(sizes.stays) - np.searchsorted(owner, owner)
    begin = (anchor[owner] - 1970).astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    start = begin + rank * 30 * 86_400 + random.integers(0, 20 * 86_400, sizes.stays)
    end = start + (random.lognormal(9.8, 0.7, sizes.stays).clip(600, 3 * 86_400)).astype(np.int64)
    no_end = random.random(sizes.stays) < sizes.no_end
    backwards = ~no_end & (random.random(sizes.stays) < 0.0005)
    doubled = ~no_end & ~backwards & (random.random(sizes.stays) < sizes.doubled) & (np.arange(sizes.stays) > 0)
    twin = np.flatnonzero(doubled & ~np.roll(doubled, -1) & np.append(np.diff(owner) == 0, False))
    start[twin + 1] = start[twin] + (end[twin] - start[twin]) // 2  # the next stay begins in the middle of this one
    end[twin + 1] = end[twin] + 3600
    no_end[twin + 1] = backwards[twin + 1] = False
    out = np.where(no_end, "", _text(np.where(backwards, start - 60, end)))
    end = np.where(no_end | backwards, start + 86_400, end)
    overlapped = np.zeros(sizes.stays, bool)
    overlapped[twin] = overlapped[twin + 1] = True
    identifier = 30_000_000 + random.permutation(sizes.stays)
    release.stays = list(zip(subjects[owner], identifier, _text(start), out, strict=True))
    return _Stays(subjects[owner], identifier, start, end, ~(no_end | backwards), overlapped)


def _films(release: Release, truth: Truth, stays: _Stays, sizes: Sizes, random: np.random.Generator) -> None:
    """Four in ten in a stay, among them midnights and skipped hours; the rest years away, of others, or in two."""
    count = sizes.films
    kind = random.choice(["in", "away", "never", "twice"], count, p=[0.44, 0.5, 0.05, 0.01])
    alone, double = np.flatnonzero(~stays.overlapped), np.flatnonzero(stays.overlapped)
    if not len(double):
        kind[kind == "twice"] = "away"
        double = alone
    chosen = np.where(kind == "twice", random.choice(double, count), random.choice(alone, count))
    time = stays.start[chosen] + 1 + (random.random(count) * (stays.end - stays.start - 2)[chosen]).astype(np.int64)
    midnight = (stays.start[chosen] // 86_400 + 1) * 86_400
    at_midnight = (kind == "in") & (random.random(count) < sizes.midnights) & (midnight < stays.end[chosen])
    time = np.where(at_midnight, midnight, time)
    time = np.where(kind == "away", time - 2 * 365 * 86_400, time)
    subject = stays.subject[chosen]
    first = 10_000_000 + sizes.patients * 2 // 3
    subject = np.where(kind == "never", random.integers(first, 10_000_000 + sizes.patients, count), subject)
    stay = [int(one) if is_in else None for one, is_in in zip(stays.stay[chosen], kind == "in", strict=True)]
    kept = _in_both(kind, chosen, time, stays)
    stay = [None if both else one for one, both in zip(stay, kept, strict=True)]
    for index in np.flatnonzero((kind == "twice") & ~kept):
        stay[index] = int(stays.stay[chosen[index]])
    second = time % 86_400
    clock = second // 3600 * 10_000 + second // 60 % 60 * 100 + second % 60
    fraction = np.where(at_midnight, 0, random.choice([0, 5, 250, 531], count))
    names = [dicom(number) for number in range(1, count + 1)]
    clocks = [f"{hms}.{part:03d}" if part else f"{hms}.0" for hms, part in zip(clock, fraction, strict=True)]
    dates = time.astype("datetime64[s]").astype("datetime64[D]").astype(str)
    dates = np.char.replace(dates, "-", "")
    view = random.choice(["PA", "AP", "LATERAL", "LL"], count, p=[0.26, 0.39, 0.25, 0.1])
    study = 50_000_000 + np.arange(count)
    blank, side = [""] * count, ([HEIGHT] * count, [WIDTH] * count)
    release.films = list(
        zip(names, subject, study, blank, view, *side, dates, clocks, blank, blank, blank, strict=True)
    )
    split = np.array(["train", "validate", "test"])[subject % 10 // 8 + (subject % 10 == 9)]
    release.splits = list(zip(names, study, subject, split, strict=True))
    truth.stay = dict(zip(names, stay, strict=True))
    day = time.astype("datetime64[s]").astype("datetime64[D]")
    inside = np.array([one is not None for one in stay])
    hard = {
        "in a stay, before 10:00": inside & (clock < 100_000),
        "in a stay, at midnight": inside & (clock == 0),
        "in a stay, in an hour that daylight saving skips": inside & (clock // 10_000 == 2) & _spring_forward(day),
        "in a stay without an end": inside & ~stays.ended[chosen],
        "in two stays at once": kept,
        "in no stay": ~inside & ~kept,
    }
    truth.hard = {case: set(np.array(names)[films].tolist()) for case, films in hard.items()}


def _spring_forward(day: np.ndarray) -> np.ndarray:
    """Whether a day is the second Sunday of March, when clocks in Boston skip from 2:00 to 3:00."""
    month = day.astype("datetime64[M]")
    march = month.astype(int) % 12 == 2
    sunday = (day.astype(int) + 4) % 7 == 0
    number = (day - month.astype("datetime64[D]")).astype(int)
    return march & sunday & (number >= 7) & (number < 14)


def _in_both(kind: np.ndarray, chosen: np.ndarray, time: np.ndarray, stays: _Stays) -> np.ndarray:
    """Whether a film of a doubled stay lies in its neighbour too."""
    both = np.zeros(len(kind), bool)
    for step in (-1, 1):
        other = np.clip(chosen + step, 0, len(stays.stay) - 1)
        inside = (stays.start[other] < time) & (time < stays.end[other])
        both |= (kind == "twice") & (stays.subject[other] == stays.subject[chosen]) & inside
    return both


def _vitals(release: Release, stays: _Stays, sizes: Sizes, random: np.random.Generator) -> None:
    """Triage of every stay, and later measurements; with gaps, degrees Celsius, impossible values and words."""

    def cells(count: int) -> list[np.ndarray]:
        means = (98.1, 85.7, 18.5, 97.6, 132.3, 72.4)
        columns = []
        for name, mean in zip(SIGNS, means, strict=True):
            number = (mean + random.normal(0, mean / 40, count)).round(1 if name == "temperature" else 0)
            if name == "o2sat":
                number = number.clip(80, 100)
            if name == "temperature":
                number = np.where(random.random(count) < 0.01, 37.1, number)
            if name == "dbp":
                number = np.where(random.random(count) < 0.001, 879, number)
            columns.append(np.where(random.random(count) < 0.1, "", number.astype(str)))
        return columns

    pain = np.array(["0", "5", "10", "13", "unable", "7/10", ""])
    number = sizes.stays
    acuity, said = random.integers(1, 6, number).astype(str), random.choice(pain, number)
    keys, complaint = (stays.subject, stays.stay), ["CHEST PAIN"] * number
    release.triage = list(zip(*keys, *cells(number), said, acuity, complaint, strict=True))
    which = random.integers(0, number, sizes.vitals)
    at = stays.start[which] + (random.random(sizes.vitals) * (stays.end - stays.start)[which]).astype(np.int64)
    blank, said = [""] * sizes.vitals, random.choice(pain, sizes.vitals)
    keys = (stays.subject[which], stays.stay[which], _text(at))
    release.vitals = list(zip(*keys, *cells(sizes.vitals), blank, said, strict=True))


def _readings(release: Release, truth: Truth, sizes: Sizes, random: np.random.Generator) -> None:
    """REFLACX's design: some films read by five, the others by one; eye tracking of a few readings is discarded, and no
    film loses all its readings by it. All films in a stay are in one that ends, so that no other rule plays into the
    paper's gap."""
    patients_with_stays = {int(row[0]) for row in release.stays}
    frontal = [row for row in release.films if row[4] in ("PA", "AP")]
    groups = {"in": [], "away": [], "never": []}
    for row in frontal:
        known = int(row[1]) in patients_with_stays
        if row[0] in truth.hard["in a stay without an end"]:
            continue
        groups["in" if truth.stay[row[0]] is not None else "away" if known else "never"].append(row)
    wanted = (("in", sizes.in_stay), ("away", sizes.elsewhere), ("never", sizes.never))
    rows = [groups[name][index] for name, count in wanted for index in random.permutation(len(groups[name]))[:count]]
    rows = [rows[index] for index in random.permutation(len(rows))]
    many, number = sizes.five_readers, 0
    discarded = set(range(0, 5 * sizes.discarded, 5))
    for position, row in enumerate(rows):
        phase = 3 if position >= many else 1 if position < many * 59 // 109 else 2
        labels = PHASE_1 if phase == 1 else LATER_PHASES
        for _ in range(5 if position < many else 1):
            ellipses = [_ellipse(labels, random) for _ in range(random.integers(0, 4))]
            release.reading(number, row[0], int(row[1]), ellipses, phase, number in discarded)
            number += 1


def _ellipse(labels: Sequence[str], random: np.random.Generator) -> dict:
    x, y = random.integers(0, WIDTH - 20), random.integers(0, HEIGHT - 20)
    width, height = random.integers(8, 20, 2)
    drawn = random.choice(labels, random.integers(1, 3), replace=False).tolist()
    return {"box": (x, y, x + width, y + height), "labels": drawn, "certainty": int(random.integers(1, 6))}
