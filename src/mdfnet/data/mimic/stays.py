"""Which emergency stay an image was taken in: the join that the paper's notebooks lost 40 % of their images at.

All times are the hospital's clock without a zone, as MIMIC has them. They are compared as they are, so that hours
which daylight saving skips or repeats are neither lost nor moved.
"""

from __future__ import annotations

import duckdb

from mdfnet.core.errors import UserError
from mdfnet.data.mimic.rules import Rules, StayRule
from mdfnet.data.mimic.tables import ColumnKinds, TableFiles, interval, load, quoted

IMAGE_COLUMNS: ColumnKinds = {
    "dicom_id": "text",
    "subject_id": "key",
    "study_id": "key",
    "ViewPosition": "text",
    "StudyDate": "text",
    "StudyTime": "text",
}
STAY_COLUMNS: ColumnKinds = {"subject_id": "key", "stay_id": "key", "intime": "time", "outtime": "time"}

#: Outcomes of the match, in words.
MATCHED = "in one stay"
NO_TIME = "the image has no time"
NO_PATIENT = "the patient was never in the emergency department"
NO_STAY = "no stay at the image's time"
SEVERAL = "several stays at the image's time"


def load_images(database: duckdb.DuckDBPyConnection, source: TableFiles) -> int:
    """Table ``images`` of the CXR metadata, with ``time`` and ``unpadded``: whether StudyTime lost a leading zero.

    StudyDate is a number YYYYMMDD, StudyTime a number HHMMSS.fff whose leading zeros are lost: 93015.5 is 09:30:15.5
    and 0.0 is midnight. Returns the number of images.
    """
    count = load(database, source, IMAGE_COLUMNS, unique="dicom_id")
    database.execute(
        """CREATE OR REPLACE TABLE images AS
        WITH parts AS (
            SELECT *, nullif(regexp_extract(StudyDate, '^(\\d{8})(\\.0*)?$', 1), '') AS day,
                nullif(regexp_extract(StudyTime, '^(\\d{1,6})(\\.\\d*)?$', 1), '') AS clock,
                rpad(left(split_part(StudyTime, '.', 2), 6), 6, '0') AS fraction
            FROM images)
        SELECT file, row, dicom_id, subject_id, study_id, upper(ViewPosition) AS view,
            StudyDate IS NULL OR StudyTime IS NULL AS untimed, length(clock) < 6 AS unpadded,
            try_strptime(day || lpad(clock, 6, '0') || '.' || fraction, '%Y%m%d%H%M%S.%f') AS time
        FROM parts"""
    )
    wrong = database.execute(
        "SELECT file, row FROM images WHERE NOT untimed AND time IS NULL ORDER BY file, row LIMIT 1"
    ).fetchone()
    if wrong:
        fix = "they are numbers: YYYYMMDD, and HHMMSS.fff without leading zeros"
        raise UserError("StudyDate or StudyTime is not a date or time", where=source.place(*wrong), fix=fix)
    return count


def load_stays(database: duckdb.DuckDBPyConnection, source: TableFiles, rules: Rules) -> int:
    """Table ``edstays`` with ``until``: the end, or where there is none, ``open_stay`` hours or the next beginning."""
    count = load(database, source, STAY_COLUMNS, unique="stay_id")
    database.execute(
        f"""CREATE OR REPLACE TABLE edstays AS
        SELECT subject_id, stay_id, intime,
            CASE WHEN outtime > intime THEN outtime
                ELSE least(intime + {interval(rules.open_stay)},
                    coalesce(lead(intime) OVER (PARTITION BY subject_id ORDER BY intime), 'infinity'::TIMESTAMP))
            END AS until
        FROM edstays"""
    )
    return count


def match_stays(database: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Table ``matches``: for every image of ``images`` its ``stay_id``, NULL where there is not one, and ``outcome``.

    An image belongs to a stay if it was taken strictly between the stay's beginning and end, as in the paper; under the
    rules "window" and "nearest" up to ``before`` hours earlier and ``after`` hours later. Two stays that fit equally
    well are never chosen between. Needs the tables of `load_images` and `load_stays`.
    """
    inside = rules.stay == StayRule.inside
    before, after = (interval(0 if inside else hours) for hours in (rules.before, rules.after))
    best = "WHERE away = nearest" if rules.stay == StayRule.nearest else ""
    database.execute(
        f"""CREATE OR REPLACE TABLE matches AS
        WITH candidates AS (
            SELECT dicom_id, stay_id, greatest(intime - time, time - until, INTERVAL 0 SECOND) AS away,
                min(away) OVER (PARTITION BY dicom_id) AS nearest
            FROM images JOIN edstays USING (subject_id)
            WHERE time > intime - {before} AND time < until + {after}),
        chosen AS (
            SELECT dicom_id, count(*) AS number, any_value(stay_id) AS stay_id FROM candidates {best} GROUP BY dicom_id)
        SELECT dicom_id, CASE WHEN number = 1 THEN stay_id END AS stay_id,
            CASE WHEN number = 1 THEN {quoted(MATCHED)} WHEN number > 1 THEN {quoted(SEVERAL)}
                WHEN subject_id NOT IN (SELECT subject_id FROM edstays) THEN {quoted(NO_PATIENT)}
                WHEN time IS NULL THEN {quoted(NO_TIME)} ELSE {quoted(NO_STAY)} END AS outcome
        FROM images LEFT JOIN chosen USING (dicom_id)"""
    )
