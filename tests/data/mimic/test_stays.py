import time
from datetime import datetime, timedelta

import pytest
from made_up_mimic import Release, dicom

from mdfnet.core.errors import UserError
from mdfnet.data.mimic.releases import find_releases
from mdfnet.data.mimic.rules import Rules, StayRule
from mdfnet.data.mimic.stays import (
    IMAGE_COLUMNS,
    MATCHED,
    NO_PATIENT,
    NO_STAY,
    NO_TIME,
    SEVERAL,
    load_images,
    load_stays,
    match_stays,
)
from mdfnet.data.mimic.tables import TableFiles, opened

RULES = {
    "inside": Rules(),
    "window": Rules(stay=StayRule.window, before=2, after=24),
    "nearest": Rules(stay=StayRule.nearest, before=2, after=24),
    "open stays match nothing": Rules(open_stay=0),
}


def matches(folder, rules):
    """Image -> stay and outcome."""
    found = find_releases([folder])
    with opened(1) as database:
        load_images(database, found.tables["images"])
        load_stays(database, found.tables["edstays"], rules)
        match_stays(database, rules)
        rows = database.execute("SELECT dicom_id, stay_id, outcome FROM matches").fetchall()
    return {image: (stay, outcome) for image, stay, outcome in rows}


def on(day, begin, end):
    """Beginning and end of a stay in March 2150."""
    return tuple(f"2150-03-{day:02} {clock}" if clock else "" for clock in (begin, end))


DAY = [on(8, "01:00:00", "20:00:00")]  # clocks skip from 2:00 to 3:00 that day
EARLY, LATE = on(8, "01:00:00", "03:00:00"), on(8, "10:00:00", "12:00:00")

#: Rule, StudyTime on 8 March, stays, which of them it is (from 1), outcome where it is none, reason.
CASES = [
    ("inside", "20100.0", DAY, 1, "", "before 10:00: one zero lost"),
    ("inside", "93015.531", DAY, 1, "", "fraction of a second"),
    ("inside", "93015", DAY, 1, "", "no fraction"),
    ("inside", "10000.001", DAY, 1, "", "a millisecond after the beginning"),
    ("inside", "10000.0", DAY, None, NO_STAY, "at the beginning: not in it, as in the paper"),
    ("inside", "200000.0", DAY, None, NO_STAY, "at the end: not in it"),
    ("inside", "195959.999999", DAY, 1, "", "a microsecond before the end"),
    ("inside", "23000.0", DAY, 1, "", "an hour that daylight saving skips"),
    ("inside", "5900.0", DAY, None, NO_STAY, "00:59, before the stay: two zeros lost"),
    ("inside", "0.0", [("2150-03-07 23:00:00", "2150-03-08 02:00:00")], 1, "", "midnight: all zeros lost"),
    ("inside", "5.25", [("2150-03-07 23:00:00", "2150-03-08 00:00:06")], 1, "", "five seconds past midnight"),
    ("inside", "120000", [*DAY, on(8, "11:00:00", "14:00:00")], None, SEVERAL, "in two stays"),
    ("inside", "120000", [*DAY, on(8, "14:00:00", "15:00:00")], 1, "", "stays overlap, but not then"),
    ("inside", "120000", [on(8, "01:00:00", "")], 1, "", "no end: a day at most"),
    ("inside", "120000", [on(7, "11:59:00", "")], None, NO_STAY, "no end, begun more than a day ago"),
    ("inside", "120000", [on(8, "11:00:00", "10:00:00")], 1, "", "ends before it begins: as without an end"),
    (
        "inside",
        "120000",
        [on(8, "01:00:00", ""), on(8, "11:00:00", "13:00:00")],
        2,
        "",
        "no end, but the next has begun",
    ),
    ("inside", "120000", [on(8, "", "13:00:00")], None, NO_STAY, "no beginning"),
    ("inside", "120000", [], None, NO_PATIENT, "never in the department"),
    ("inside", "", DAY, None, NO_TIME, "image without a time"),
    ("open stays match nothing", "120000", [on(8, "01:00:00", "")], None, NO_STAY, "no end, as in the paper"),
    ("window", "93000", [LATE], 1, "", "half an hour before"),
    ("window", "75959", [LATE], None, NO_STAY, "more than two hours before"),
    ("window", "93000", [EARLY], 1, "", "hours after"),
    ("window", "93000", [EARLY, LATE], None, SEVERAL, "two stays in reach"),
    ("nearest", "93000", [EARLY, LATE], 2, "", "the later one is nearer"),
    ("nearest", "40000", [EARLY, LATE], 1, "", "the earlier one is nearer"),
    ("nearest", "110000", [EARLY, LATE], 2, "", "inside is nearer than after"),
    ("nearest", "110000", [LATE, LATE], None, SEVERAL, "inside two is not decided"),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Rule -> image -> stay and outcome; case ``i`` is image, patient and hundred of stays ``i``."""
    release = Release()
    for number, (_, clock, stays, *_) in enumerate(CASES):
        release.image(number, 10_000_000 + number, "21500308", clock)
        for order, times in enumerate(stays, 1):
            release.stay(10_000_000 + number, 100 * number + order, *times)
    release.reading(0, dicom(0), 10_000_000)
    release.patient(10_000_000)
    release.stay(20_000_000, 0, *DAY[0], acuity=1)
    folder = release.write(tmp_path_factory.mktemp("cases"), images=False)
    return {name: matches(folder, rules) for name, rules in RULES.items()}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{case[0]}: {case[-1]}" for case in CASES])
def test_match(outcomes, number):
    rule, _, _, order, outcome, _ = CASES[number]
    expected = (100 * number + order, MATCHED) if order else (None, outcome)
    assert outcomes[rule][dicom(number)] == expected


def test_the_machine_time_zone_does_not_matter(releases, monkeypatch):
    here = matches(releases, Rules())
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    assert matches(releases, Rules()) == here
    monkeypatch.undo()
    time.tzset()


def test_every_image_of_a_random_release_is_right(releases, made_up):
    truth = made_up[1]
    assert all(truth.hard[case] for case in truth.hard if "daylight" not in case), "every hard case is there"
    found = matches(releases, Rules())
    assert {image: stay for image, (stay, _) in found.items()} == truth.stay
    assert {image for image, (_, outcome) in found.items() if outcome == SEVERAL} == truth.hard["in two stays at once"]


@pytest.mark.parametrize("rules", [RULES["window"], RULES["nearest"]], ids=["window", "nearest"])
def test_agrees_with_a_search_through_all_stays(releases, made_up, rules):
    release, expected = made_up[0], {}
    for name, subject, *_, date, clock, _, _, _ in release.images:
        hms = clock.split(".")[0].zfill(6)
        taken = datetime.strptime(f"{date}{hms}", "%Y%m%d%H%M%S") + timedelta(seconds=float("0." + clock.split(".")[1]))
        expected[name] = search(taken, [row[1:] for row in release.stays if row[0] == subject], rules)
    assert {image: stay for image, (stay, _) in matches(releases, rules).items()} == expected


def search(taken, stays, rules):
    """The rule in plain Python."""
    spans = sorted((datetime.fromisoformat(intime), outtime, int(stay)) for stay, intime, outtime in stays)
    away = {}
    for number, (begin, outtime, stay) in enumerate(spans):
        end = datetime.fromisoformat(outtime) if outtime else begin
        if end <= begin:
            later = [spans[number + 1][0]] if number + 1 < len(spans) else []
            end = min([begin + timedelta(hours=rules.open_stay), *later])
        if begin - timedelta(hours=rules.before) < taken < end + timedelta(hours=rules.after):
            away[stay] = max(begin - taken, taken - end, timedelta())
    if rules.stay == StayRule.nearest and away:
        away = {stay: gap for stay, gap in away.items() if gap == min(away.values())}
    return next(iter(away)) if len(away) == 1 else None


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        pytest.param("21501301", "100000", id="month 13"),
        pytest.param("2150-03-08", "100000", id="date with dashes"),
        pytest.param("21500308", "246000", id="hour 24"),
        pytest.param("21500308", "96000", id="minute 60"),
        pytest.param("21500308", "1234567", id="seven digits"),
        pytest.param("21500308", "10:00:00", id="clock with colons"),
        pytest.param("21500308", "-1", id="negative"),
    ],
)
def test_times_that_are_none(tmp_path, date, clock):
    path = tmp_path / "metadata.csv"
    path.write_text(f"{','.join(IMAGE_COLUMNS)}\na,1,1,PA,{date},{clock}\n")
    with (
        opened(1) as database,
        pytest.raises(UserError, match="row 2: StudyDate or StudyTime is") as error,
    ):
        load_images(database, TableFiles("images", (path,)))
    assert clock not in error.value.what, "no cell in a message"
