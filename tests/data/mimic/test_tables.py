import gzip

import pytest

from mdfnet.core.errors import UserError
from mdfnet.data.mimic.tables import TableFiles, header_of, load, opened

COLUMNS = {"stay_id": "key", "intime": "time", "note": "text"}
GOOD = 'stay_id,intime,note\n1,2150-01-01 10:00:00,a\n2,,"b, ""c""\nd"\n3,2150-01-01 10:00:00.5, e \n'


def rows(path, text, columns=COLUMNS, **options):
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" and isinstance(text, str) else data)
    with opened(1) as database:
        load(database, TableFiles("stays", (path,)), columns, **options)
        return database.execute(f"SELECT row, {', '.join(columns)} FROM stays ORDER BY row").fetchall()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("a.csv", lambda text: text, id="plain"),
        pytest.param("a.csv.gz", lambda text: text, id="compressed"),
        pytest.param("a.csv", lambda text: "\ufeff" + text, id="byte-order mark"),
        pytest.param("a.csv", lambda text: text.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param("a b's.csv", lambda text: text, id="blank and quote in the path"),
    ],
)
def test_every_row_is_there(tmp_path, name, change):
    found = rows(tmp_path / name, change(GOOD))
    assert [(row, stay) for row, stay, *_ in found] == [(2, 1), (3, 2), (4, 3)]
    assert found[1][2] is None and found[1][3].replace("\r", "") == 'b, "c"\nd' and found[2][3] == "e"
    assert found[2][2].microsecond == 500_000


BROKEN = [
    pytest.param("a.csv.gz", gzip.compress(GOOD.encode() * 99)[:-40], "the file is cut short", id="cut short"),
    pytest.param("a.csv.gz", GOOD.encode(), "a.csv.gz: not a gzip file", id="only named .gz"),
    pytest.param("a.csv", "", "a.csv: the table is empty", id="empty"),
    pytest.param("a.csv", b"\xff\xfe\x00", "a.csv: not a table in UTF-8", id="binary"),
    pytest.param(
        "a.csv", GOOD.replace("intime", "outtime"), "no column 'intime'; did you mean 'outtime'", id="no column"
    ),
    pytest.param("a.csv", GOOD + "9,2150-01-01\n", "a.csv row 5: the row has more or fewer cells", id="too few cells"),
    pytest.param("a.csv", GOOD + '9,,"secret\n', "a.csv row 5: a quotation mark is not closed", id="open quote"),
    pytest.param("a.csv", GOOD.encode() + b"9,,\xe9\n", "a.csv: not a table in UTF-8", id="Latin-1"),
    pytest.param("a.csv", GOOD + "secret,,\n", "a.csv row 5: stay_id is empty or no whole number", id="key is text"),
    pytest.param("a.csv", GOOD + ",,\n", "a.csv row 5: stay_id is empty or no whole number", id="key is empty"),
    pytest.param("a.csv", GOOD + "1.5,,\n", "a.csv row 5: stay_id is empty or no whole number", id="key is a fraction"),
    pytest.param("a.csv", GOOD + "9,secret,\n", "a.csv row 5: intime is not a time", id="no time"),
    pytest.param("a.csv", GOOD + "9,2150-02-30 10:00:00,\n", "a.csv row 5: intime is not a time", id="30 February"),
    pytest.param("a.csv", GOOD + "9,2150-13-01,\n", "a.csv row 5: intime is not a time", id="month 13"),
    pytest.param("a.csv", GOOD + "9,2150-01-01 10:00:00+02:00,\n", "row 5: intime has a time zone", id="offset"),
    pytest.param("a.csv", GOOD + "9,2150-01-01T10:00:00Z,\n", "row 5: intime has a time zone", id="Z"),
    pytest.param("a.csv", GOOD + "9,2150-01-01 10:00:00 EST,\n", "row 5: intime has a time zone", id="named zone"),
    pytest.param(
        "a.csv", GOOD + "2,,secret\n", "a.csv row 5: the same stay_id as in .*a.csv row 3; keep one", id="key twice"
    ),
]


@pytest.mark.parametrize(("name", "text", "message"), BROKEN)
def test_broken_tables(tmp_path, name, text, message):
    with pytest.raises(UserError, match=message) as error:
        rows(tmp_path / name, text, unique="stay_id")
    said = f"{error.value.what} {error.value.fix}"
    assert "secret" not in said and "2150" not in said, "no cell in a message"


def test_whole_numbers_that_pandas_wrote(tmp_path):
    assert rows(tmp_path / "a.csv", "stay_id\n7.0\n", {"stay_id": "key"}) == [(2, 7)]


def test_many_files_with_other_columns(tmp_path):
    for number in range(3):
        path = tmp_path / f"patient_{number}.csv"
        path.write_text("stay_id,note\n1,a\n" if number else ",note,stay_id\n0,b,5\n1,c,6\n")
    source = TableFiles("stays", tuple(sorted(tmp_path.iterdir())), "patient_*.csv")
    with opened(1) as database:
        assert load(database, source, {"stay_id": "key", "note": "text"}) == 4
        found = database.execute("SELECT file, row, stay_id, note FROM stays ORDER BY ALL").fetchall()
        assert found == [(0, 2, 5, "b"), (0, 3, 6, "c"), (1, 2, 1, "a"), (2, 2, 1, "a")]
        with pytest.raises(
            UserError, match=r"^patient_\*.csv \(file 3 of 3\) row 2: the same stay_id as in pat.*2 of 3"
        ):
            load(database, source, {"stay_id": "key"}, unique="stay_id")


def test_a_broken_file_among_many_is_named_without_its_patient(tmp_path):
    (tmp_path / "patient_7.csv").write_text("stay_id\n1\n")
    (tmp_path / "patient_8.csv").write_text("stay_id\n1,2\n")
    source = TableFiles("stays", tuple(sorted(tmp_path.iterdir())), "patient_*.csv")
    with opened(1) as database, pytest.raises(UserError, match=r"^patient_\*.csv \(file 2 of 2\) row 2: the row has"):
        load(database, source, {"stay_id": "key"})


def test_header(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        header_of(tmp_path / "none.csv")


def test_an_interrupted_query_is_an_interrupt():
    """DuckDB turns Ctrl-C into a RuntimeError."""
    with pytest.raises(KeyboardInterrupt), opened(1):
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="something else"), opened(1):
        raise RuntimeError("something else")
