"""Random releases of MIMIC and REFLACX at any size, in which every image knows the stay it was made up for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from made_up_mimic import HEIGHT, LATER_PHASES, PHASE_1, SIGNS, WIDTH, Release, dicom


@dataclass(frozen=True)
class Sizes:
    """How large a random release is. Default: a miniature; `PUBLISHED` has the published counts."""

    images: int = 600
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


#: MIMIC-CXR-JPG 2.0.0, MIMIC-IV-ED, MIMIC-IV and REFLACX 1.0.0; 1,006 of REFLACX's 2,616 images lie in one stay.
PUBLISHED = Sizes(377_110, 425_087, 1_564_610, 299_712, 1_006, 1_600, 10, 109, 20, 0.01, 0.01, 0.002)


@dataclass
class Truth:
    """Image -> the stay it was made up for, None for none; and the images of each hard case."""

    stay: dict[str, int | None]
    hard: dict[str, set[str]]


def random_release(sizes: Sizes = Sizes(), seed: int = 0) -> tuple[Release, Truth]:
    """A release whose images were taken in a stay, at another time, by patients without stays, or in two stays at once.

    Times of day are spread evenly, midnight and hours that daylight saving skips are among them; some stays have no
    end, a few end before they begin.
    """
    random = np.random.default_rng(seed)
    release, truth = Release(), Truth({}, {})
    stays = _stays(release, sizes, random)
    _images(release, truth, stays, sizes, random)
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


def _images(release: Release, truth: Truth, stays: _Stays, sizes: Sizes, random: np.random.Generator) -> None:
    """Four in ten in a stay, among them midnights and skipped hours; the rest years away, of others, or in two."""
    count, double = sizes.images, np.flatnonzero(stays.overlapped)
    kind = random.choice(["in", "away", "never", "twice"], count, p=[0.44, 0.5, 0.05, 0.01])
    chosen = random.choice(np.flatnonzero(~stays.overlapped), count)
    chosen = np.where(kind == "twice", random.choice(double, count), chosen)
    time = stays.start[chosen] + 1 + (random.random(count) * (stays.end - stays.start - 2)[chosen]).astype(np.int64)
    midnight = (stays.start[chosen] // 86_400 + 1) * 86_400
    at_midnight = (kind == "in") & (random.random(count) < sizes.midnights) & (midnight < stays.end[chosen])
    time = np.where(at_midnight, midnight, time)
    time = np.where(kind == "away", time - 2 * 365 * 86_400, time)
    others = 10_000_000 + random.integers(sizes.patients * 2 // 3, sizes.patients, count)
    subject = np.where(kind == "never", others, stays.subject[chosen])
    in_both = _in_both(kind, chosen, time, stays)
    inside = (kind == "in") | ((kind == "twice") & ~in_both)
    second = time % 86_400
    clock = second // 3600 * 10_000 + second // 60 % 60 * 100 + second % 60
    names = np.array(_image_rows(release, subject, time, clock, at_midnight, random))
    truth.stay = {
        name: int(stay) if known else None
        for name, stay, known in zip(names.tolist(), stays.stay[chosen], inside, strict=True)
    }
    hard = {
        "in a stay, before 10:00": inside & (clock < 100_000),
        "in a stay, at midnight": inside & (clock == 0),
        "in a stay, in an hour that daylight saving skips": inside & (clock // 10_000 == 2) & _spring_forward(time),
        "in a stay without an end": inside & ~stays.ended[chosen],
        "in two stays at once": in_both,
        "in no stay": ~inside & ~in_both,
    }
    truth.hard = {case: set(names[images].tolist()) for case, images in hard.items()}


def _image_rows(
    release: Release,
    subject: np.ndarray,
    time: np.ndarray,
    clock: np.ndarray,
    whole: np.ndarray,
    random: np.random.Generator,
) -> list[str]:
    """Rows of the metadata and of the official split; StudyTime is a number, as published. Gives back the names."""
    count = len(subject)
    names, study = [dicom(number) for number in range(1, count + 1)], 50_000_000 + np.arange(count)
    fraction = np.where(whole, 0, random.choice([0, 5, 250, 531], count))
    clocks = [f"{hms}.{part:03d}" if part else f"{hms}.0" for hms, part in zip(clock, fraction, strict=True)]
    dates = np.char.replace(time.astype("datetime64[s]").astype("datetime64[D]").astype(str), "-", "")
    view = random.choice(["PA", "AP", "LATERAL", "LL"], count, p=[0.26, 0.39, 0.25, 0.1])
    blank, side = [""] * count, ([HEIGHT] * count, [WIDTH] * count)
    columns = (names, subject, study, blank, view, *side, dates, clocks, blank, blank, blank)
    release.images = list(zip(*columns, strict=True))
    split = np.array(["train", "validate", "test"])[subject % 10 // 8 + (subject % 10 == 9)]
    release.splits = list(zip(names, study, subject, split, strict=True))
    return names


def _spring_forward(time: np.ndarray) -> np.ndarray:
    """Whether a time is on the second Sunday of March, when clocks in Boston skip from 2:00 to 3:00."""
    day = time.astype("datetime64[s]").astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    march = month.astype(int) % 12 == 2
    sunday = (day.astype(int) + 4) % 7 == 0
    number = (day - month.astype("datetime64[D]")).astype(int)
    return march & sunday & (number >= 7) & (number < 14)


def _in_both(kind: np.ndarray, chosen: np.ndarray, time: np.ndarray, stays: _Stays) -> np.ndarray:
    """Whether an image of a doubled stay lies in its neighbor too."""
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
    """REFLACX's design: some images read by five, the others by one; eye tracking of a few readings is discarded, and
    no image loses all its readings by it. All images in a stay are in one that ends, so that no other rule plays into
    the paper's gap."""
    patients_with_stays = {int(row[0]) for row in release.stays}
    frontal = [row for row in release.images if row[4] in ("PA", "AP")]
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
