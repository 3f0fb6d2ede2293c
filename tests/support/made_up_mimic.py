"""Made-up releases in the published layouts: MIMIC-CXR-JPG, MIMIC-IV, MIMIC-IV-ED, REFLACX, and MIMIC-Eye.

Nothing in them is about a person. `Release` is filled row by row by tests, and by `random_mimic` at any size.
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

IMAGE_HEADER = (
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
    """A name in the form of MIMIC's image names."""
    return "-".join(f"{number * factor % 16**8:08x}" for factor in (1, 7, 11, 13, 17))


@dataclass
class Release:
    """Rows of all tables; the methods add one with what tests do not care about filled in."""

    patients: list[Sequence] = field(default_factory=list)
    stays: list[Sequence] = field(default_factory=list)
    triage: list[Sequence] = field(default_factory=list)
    vitals: list[Sequence] = field(default_factory=list)
    images: list[Sequence] = field(default_factory=list)
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

    def image(self, number: int, subject: int, date: str, time: str, view="PA", split="train") -> str:
        study, name = 50_000_000 + number, dicom(number)
        self.images.append((name, subject, study, "", view, HEIGHT, WIDTH, date, time, "", "", ""))
        self.splits.append((name, study, subject, split))
        return name

    def reading(self, number: int, image: str, subject: int, ellipses: Iterable[dict] = (), phase=3, discarded=False):
        """``ellipses``: dicts of ``box``, ``labels`` and ``certainty``."""
        name = f"P{phase}00R{number:06d}"
        size = (WIDTH, HEIGHT)
        self.readings[phase].append((name, "train", discarded, "files/x.dcm", image, subject, *size))
        self.ellipses[name] = list(ellipses)

    def write(self, folder: Path, iv="2.2", ed="2.2", cxr="2.0.0", compressed=True, images=True) -> Path:
        """As PhysioNet's ``wget`` leaves them."""
        suffix = ".csv.gz" if compressed else ".csv"
        jpg = folder / f"mimic-cxr-jpg/{cxr}"
        hospital = folder / "mimiciv" / iv / ("core" if iv.startswith("1") else "hosp")
        emergency = folder / "mimic-iv-ed" / ed / "ed"
        write(jpg / f"mimic-cxr-2.0.0-metadata{suffix}", IMAGE_HEADER, self.images)
        write(jpg / f"mimic-cxr-2.0.0-split{suffix}", ("dicom_id", "study_id", "subject_id", "split"), self.splits)
        write(hospital / f"patients{suffix}", PATIENT_HEADER, self.patients)
        write(emergency / f"edstays{suffix}", *self._edstays(ed))
        write(emergency / f"triage{suffix}", TRIAGE_HEADER, self.triage)
        write(emergency / f"vitalsign{suffix}", VITAL_HEADER, self.vitals)
        self._write_readings(folder / "reflacx-xray-localization/1.0.0/main_data")
        if images:
            self._write_images(lambda row: jpg / "files" / f"p{row[1]}"[:3] / f"p{row[1]}" / f"s{row[2]}")
        return folder

    def write_eye(self, folder: Path) -> Path:
        """As MIMIC-Eye has it: one folder per patient."""
        tables = {
            "Hosp/patients.csv": (PATIENT_HEADER, self.patients, 0),
            "ED/edstays.csv": (*self._edstays("2.2"), 0),
            "ED/triage.csv": (TRIAGE_HEADER, self.triage, 0),
            "ED/vitalsign.csv": (VITAL_HEADER, self.vitals, 0),
            "CXR-JPG/cxr_meta.csv": (IMAGE_HEADER, self.images, 1),
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
        self._write_images(lambda row: folder / f"patient_{row[1]}" / "CXR-JPG" / f"s{row[2]}")
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

    def _write_images(self, folder_of) -> None:
        read = {row[4] for rows in self.readings.values() for row in rows}
        random = np.random.default_rng(0)
        for row in self.images:
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
