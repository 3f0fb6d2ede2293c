import numpy as np
import pytest

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.tables import read_clinical_table
from mdfnet.core.errors import UserError

SCHEMA = Schema.load("age-sex-view")
PLAIN = "image,age,sex,view\na,61.5,F,PA\nb,,M,\n"
EXPECTED = np.array([[61.5, 0, 0], [np.nan, 1, np.nan]], np.float32)


def read(tmp_path, content, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_clinical_table(path, SCHEMA, id_column="image", **options)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN, id="plain"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="byte-order mark"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(PLAIN.replace(",", ";"), id="semicolons"),
        pytest.param(PLAIN.replace(",", ";").replace("61.5", "61,5"), id="semicolons and decimal commas"),
        pytest.param(PLAIN.replace(",", "\t").replace("61.5", "61,5"), id="tabs and decimal commas"),
        pytest.param(PLAIN + "\n \n", id="blank lines at the end"),
        pytest.param(PLAIN.replace("a,61.5,F", '"a", 61.5 ,"F"'), id="quotation marks and blanks"),
        pytest.param("view,sex,image,age\nPA,F,a,61.5\n,M,b,\n", id="other order of columns"),
        pytest.param(PLAIN.rstrip("\n"), id="no line end at the end"),
    ],
)
def test_tables_as_people_save_them(tmp_path, content):
    table = read(tmp_path, content)
    assert table.ids == ("a", "b") and not table.invalid
    np.testing.assert_array_equal(table.values, EXPECTED)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "t.csv: the table is empty", id="zero bytes"),
        pytest.param("\n\n", "the table is empty", id="blank lines only"),
        pytest.param(PLAIN.replace("b,,", "a,,"), "row 3: the same image stands in row 2 already", id="duplicated id"),
        pytest.param(PLAIN.replace("b,,", ",,"), "row 3: 'image' is empty", id="empty id"),
        pytest.param(PLAIN.replace("image", "scan"), "no column 'image'", id="no id column"),
        pytest.param(PLAIN.replace("a,61.5", "a,61,5"), "row 2: 5 cells under 4 columns.*point", id="decimal comma"),
        pytest.param(
            PLAIN.replace("61.5", '"61,5"'), "row 2: age has a comma in a number.*semicolons", id="quoted decimal comma"
        ),
        pytest.param(PLAIN.replace("b,,M,", "b,,M"), "row 3: 3 cells under 4 columns", id="too few cells"),
        pytest.param(PLAIN.replace("sex", "age"), "row 1: column 'age' is duplicated", id="column twice"),
        pytest.param(PLAIN.replace("sex", "sexx"), "no column 'sex'.*'sexx'", id="misspelled column"),
        pytest.param(
            PLAIN.replace("\n", ",1\n").replace("view,1", "view,hight"), "unknown column", id="unknown column"
        ),
        pytest.param(PLAIN.replace("a,61.5", "ä,61.5").encode("latin-1"), "row 2: not UTF-8", id="Latin-1"),
        pytest.param(PLAIN.encode("utf-16"), "row 1: not UTF-8", id="UTF-16, as Excel's Unicode text"),
        pytest.param(PLAIN.replace("a", "\0"), "binary", id="zero bytes inside"),
        pytest.param(PLAIN.replace("61.5", "615"), "row 2: age is 615 a, outside", id="out of range"),
        pytest.param(PLAIN.replace("M", "X"), "row 3: sex is 'X', not one of F, M", id="unknown category"),
        pytest.param(PLAIN + '"c', "row 4: not a table", id="quotation mark never closed"),
        pytest.param("\n" + PLAIN, "row 1: there is no header", id="blank first line"),
        pytest.param("image," * 1 + "x" * 200_000, "row 1: not a table", id="one endless cell"),
        pytest.param("image,,sex,view\n", "row 1: column 2 has no name", id="nameless column"),
    ],
)
def test_broken_tables_say_where(tmp_path, content, message):
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, content)
    assert "t.csv" in str(error.value) and "\n" not in str(error.value)


def test_no_such_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_clinical_table(tmp_path / "none.csv", SCHEMA, id_column="image")


def test_invalid_values_become_missing_and_are_counted(tmp_path):
    table = read(tmp_path, "image,age,sex,view\na,615,F,PA\nb,-1,X,AP\nc,50,M,PA\n", invalid="missing")
    assert table.invalid == {"age": 2, "sex": 1}
    assert np.isnan(table.values).sum(0).tolist() == [2, 1, 0]


def test_columns_units_and_extra(tmp_path):
    content = "image,months,gender,view,ward\na,18,F,PA,7B\n"
    options = {"columns": {"age": "months", "sex": "gender"}, "units": {"age": "mo"}}
    table = read(tmp_path, content, extra=["ward"], **options)
    assert table.values[0, 0] == 1.5 and table.extra == {"ward": ("7B",)} and table.unused == ()
    assert read(tmp_path, content, unused="ignore", **options).unused == ("ward",)


def test_real_triage_table_is_refused_then_counted(shared_data):
    schema = Schema.load("mimic-ed")
    path = shared_data / "mimic_iv_ed_demo" / "ed_stays_joined.csv"
    options = {"id_column": "stay_id", "units": {"temperature": "[degF]"}, "unused": "ignore"}
    with pytest.raises(UserError, match=r"ed_stays_joined.csv row \d+: \w+ is "):
        read_clinical_table(path, schema, **options)
    table = read_clinical_table(path, schema, invalid="missing", **options)
    assert len(table) == 222 and 0 < sum(table.invalid.values()) < 100
    assert 36 < np.nanmedian(table.values[:, schema.index("temperature")]) < 38
