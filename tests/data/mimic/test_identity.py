import hashlib
import hmac
import stat

import pytest

from mdfnet.data.mimic.identity import Identity, read_or_make_key
from mdfnet.errors import UserError


def test_names_are_hmacs():
    key = "k" * 64
    expected = hmac.new(key.encode(), b"film a-b", hashlib.sha256).hexdigest()
    assert expected.startswith(Identity(key).name("film", "a-b")) and len(Identity(key).name("film", "a-b")) == 16
    assert Identity(key).name("patient", 1) != Identity(key).name("film", 1), "the kind counts"
    assert Identity(key).name("patient", 1) != Identity("l" * 64).name("patient", 1), "the key counts"


def test_a_key_is_made_once_and_read_again(tmp_path):
    path = tmp_path / "keys" / "set.key"
    key, made = read_or_make_key(path, tmp_path / "set")
    assert made and len(key) == 64 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_make_key(path, tmp_path / "set") == (key, False)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param(
            "set/a.key", None, "the key would lie in the dataset folder; keep it elsewhere", id="in the folder"
        ),
        pytest.param("a.key", "secret", "too short for a key; give a secret of at least 32", id="short"),
        pytest.param("file/a.key", None, "the key cannot be written", id="no folder"),
    ],
)
def test_no_key(tmp_path, name, text, message):
    (tmp_path / "file").write_text("")
    if text:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_or_make_key(tmp_path / name, tmp_path / "set")
    assert "secret" not in str(error.value).replace("a secret of", "")
