"""From readings to cases: which readings are used, what was drawn in them, and what several of one image become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdfnet.core.conventions import VIEWS
from mdfnet.core.types import PAPER_CLASSES, Classes, Target
from mdfnet.data.mimic.flow import Flow
from mdfnet.data.mimic.images import fault_of
from mdfnet.data.mimic.readers import merge
from mdfnet.data.mimic.readings import FURTHER_LABELS, LabeledBoxes, Reading, label_order, read_boxes
from mdfnet.data.mimic.releases import Releases
from mdfnet.data.mimic.rules import Findings, Readers, Rules, StudyTime
from mdfnet.data.mimic.stays import MATCHED

#: What the steps of the flow chart count in readings.
UNITS: dict[str, Callable[[Reading], object]] = {
    "readings": lambda reading: reading.id,
    "images": lambda reading: reading.image,
    "studies": lambda reading: reading.study,
    "patients": lambda reading: reading.subject,
}

#: Why an image is lost where StudyTime is read as in the paper.
LOST = "taken before 10:00, which StudyTime without its zeros does not say"


@dataclass(frozen=True)
class MimicCase:
    """An image with its boxes: what becomes one sample of the dataset."""

    reading: Reading  #: The reading, or one of those of the image
    drawn: LabeledBoxes  #: The boxes of one or all of them
    number: int = 1  #: Which of the image's cases this is, from 1


def select(readings: Sequence[Reading], releases: Releases, rules: Rules, flow: Flow) -> list[Reading]:
    """The readings that can be used, step by step."""
    if not rules.discarded:
        step = "eye tracking not discarded"
        readings = flow.keep(step, readings, lambda one: "eye tracking discarded" if one.discarded else None)
    fix = "are MIMIC-CXR-JPG and REFLACX whole?"
    readings = flow.keep("image is in MIMIC-CXR-JPG", readings, _absent, fix)
    readings = flow.keep("image is frontal", readings, lambda one: None if one.view in VIEWS else "neither PA nor AP")
    readings = _with_stay(readings, rules, flow)

    def without_ellipses(one: Reading) -> str | None:
        return None if releases.ellipses(one.id, one.subject).is_file() else "no file of ellipses"

    fix = f"ellipses are looked for in main_data/*/anomaly_location_ellipses.csv below {releases.readings}"
    readings = flow.keep("ellipses are there", readings, without_ellipses, fix)
    layout = "patient_*/CXR-JPG/s*/*.jpg" if releases.by_patient else "files/p*/p*/s*/*.jpg"
    fix = f"images are looked for in {layout} below {releases.images}; --images names another folder"
    return flow.keep(
        "image is there", readings, lambda one: fault_of(image_of(one, releases), one.width, one.height), fix
    )


def cases_of(readings: Sequence[Reading], releases: Releases, rules: Rules, flow: Flow) -> tuple[list[MimicCase], int]:
    """One case per image, or per reading; and how many labels of ellipses the rule "first" left out."""
    fates: Counter[str] = Counter()
    by_image: dict[str, list[MimicCase]] = {}
    cases: list[MimicCase] = []
    for reading in readings:
        drawn = read_boxes(releases.ellipses(reading.id, reading.subject), reading, rules, fates)
        same_image = by_image.setdefault(reading.image, [])
        cases.append(MimicCase(reading, drawn, len(same_image) + 1))
        same_image.append(cases[-1])
    ellipses, further = fates.pop("ellipses", 0), fates.pop(FURTHER_LABELS, 0)
    boxes = sum(len(case.drawn) for case in cases)
    flow.note("ellipses drawn", {"ellipses": ellipses, "images": len(by_image)})
    flow.note("boxes of the findings", {"ellipses": ellipses - fates.total(), "boxes": boxes}, fates)
    if rules.readers != Readers.each:
        cases = [
            replace(same_image[0], drawn=merge([case.drawn for case in same_image], rules.readers, rules.overlap))
            for same_image in by_image.values()
        ]
    left = sum(len(case.drawn) for case in cases)
    counts = {"cases": len(cases), **flow.count([case.reading for case in cases]), "boxes": left}
    del counts["readings"]
    flow.note("cases written", counts, {"boxes merged with another reader's, or drawn by too few": boxes - left})
    return cases, further


def classes_of(cases: Sequence[MimicCase], rules: Rules) -> Classes:
    """The paper's five, or all labels that are there: the five first, the others by name."""
    if rules.findings == Findings.five:
        return PAPER_CLASSES
    found = {label for case in cases for label in case.drawn.labels} | set(PAPER_CLASSES.names)
    return Classes(tuple(sorted(found, key=label_order)))


def image_of(reading: Reading, releases: Releases) -> Path:
    """Where the image of a reading lies that MIMIC-CXR-JPG has."""
    assert reading.study is not None, "select() keeps no other"
    return releases.image(reading.subject, reading.study, reading.image)


def target_of(case: MimicCase, classes: Classes, size: tuple[int, int]) -> Target:
    """The boxes in pixels of the image at the size it is written in."""
    scale = np.array([size[0] / case.reading.width, size[1] / case.reading.height] * 2, np.float32)
    return Target.of(case.drawn.boxes * scale, [classes.label(label) for label in case.drawn.labels])


def _absent(reading: Reading) -> str | None:
    if reading.study is None:
        return "image unknown to MIMIC-CXR-JPG"
    return "another patient's in MIMIC-CXR-JPG" if reading.mismatch else None


def _with_stay(readings: Sequence[Reading], rules: Rules, flow: Flow) -> list[Reading]:
    if rules.study_time == StudyTime.unpadded:
        readings = [
            replace(reading, stay=None, outcome=LOST) if reading.unpadded and reading.outcome == MATCHED else reading
            for reading in readings
        ]
    flow.units["stays"] = lambda reading: reading.stay
    if rules.unmatched:
        flow.note("with or without an emergency stay", flow.count(readings))
        return list(readings)
    step = f"image belongs to one emergency stay ({rules.stay})"
    fix = "are all releases of one version? see --stay for other rules"
    return flow.keep(step, readings, lambda one: None if one.outcome == MATCHED else one.outcome, fix)
