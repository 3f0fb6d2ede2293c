import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import KEY_VARIABLE, Pseudonyms, default_key_file, quoted

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def own_home(monkeypatch, tmp_path):
    """No test reads or makes the key of whoever runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_it_is_hmac_sha256_and_each_kind_has_its_own():
    names = Pseudonyms(KEY.encode())
    expected = hmac.digest(KEY.encode(), b"patient\x004711", "sha256").hex()[:16]
    assert names.of("patient", " 4711 ") == f"patient-{expected}"
    assert hashlib.sha256(b"4711").hexdigest()[:16] not in names.of("patient", "4711")
    assert names.of("sample", "4711").removeprefix("sample-") != expected
    assert Pseudonyms(KEY[::-1].encode()).of("patient", "4711") != names.of("patient", "4711")
    assert KEY not in repr(names)
    with pytest.raises(ValueError, match="empty"):
        names.of("patient", " ")


def test_the_key_is_made_once_for_its_owner_alone():
    path = default_key_file()
    assert not path.exists()
    first = Pseudonyms.load()
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert Pseudonyms.load() == first == Pseudonyms.load(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert len(first.key) == 64


def test_two_processes_at_once_get_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: Pseudonyms.load(tmp_path / "new.key").key, range(8)))
    assert len(keys) == 1


def test_a_file_goes_before_the_variable_and_the_variable_before_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert Pseudonyms.load().key == KEY.encode() and not default_key_file().exists()
    assert Pseudonyms.load(tmp_path / "own.key").key != KEY.encode()


def written(path, text, mode=0o600):
    path.write_bytes(text)
    path.chmod(mode)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda p: written(p, b"short"), "has 5 characters, fewer than 32; take a random", id="short"),
        pytest.param(lambda p: written(p, KEY.encode(), 0o644), "others can read the key; chmod 600", id="readable"),
        pytest.param(lambda p: written(p, b"\xff" * 40), "the key is not text", id="binary"),
        pytest.param(lambda p: p.mkdir(mode=0o700), "cannot be read or made: Is a directory", id="a folder"),
    ],
)
def test_a_key_that_is_none(tmp_path, make, message):
    make(tmp_path / "bad.key")
    with pytest.raises(UserError, match=message):
        Pseudonyms.load(tmp_path / "bad.key")


def test_the_key_stays_out_of_the_dataset(tmp_path):
    with pytest.raises(UserError, match="inside the dataset folder"):
        Pseudonyms.load(tmp_path / "set" / "own.key", outside=tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_short_variable_is_refused(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with pytest.raises(UserError, match=f"variable {KEY_VARIABLE}: the key has 6 characters") as error:
        Pseudonyms.load()
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "value", ["1954-03-02", "20260101", "Doe^John", "Doe, John", "John Doe", "MRN004711", "x" * 13]
)
def test_what_may_identify_is_not_quoted(value):
    assert value not in quoted(value) and str(len(value)) in quoted(value)
