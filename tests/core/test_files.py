import errno
import os
import shutil
from pathlib import Path

import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.files import new_folder, read_text, replacing, replacing_folder

FAILURES = [
    pytest.param(OSError(errno.ENOSPC, "No space left on device"), UserError, id="disk full"),
    pytest.param(KeyboardInterrupt(), KeyboardInterrupt, id="interrupt"),
    pytest.param(ValueError("a fault of ours"), ValueError, id="any other exception"),
]


@pytest.mark.parametrize(("failure", "seen"), FAILURES)
def test_a_failure_leaves_the_former_file(tmp_path, failure, seen):
    path = tmp_path / "model.json"
    path.write_text("former")
    with pytest.raises(seen), replacing(path) as draft:
        draft.write_text("hal")
        raise failure
    assert path.read_text() == "former" and os.listdir(tmp_path) == ["model.json"]


@pytest.mark.parametrize(("failure", "seen"), FAILURES)
def test_a_failure_leaves_no_folder(tmp_path, failure, seen):
    with pytest.raises(seen), new_folder(tmp_path / "set") as draft:
        (draft / "images").mkdir()
        (draft / "images" / "a.png").write_text("hal")
        raise failure
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("failure", "seen"), FAILURES)
@pytest.mark.parametrize("renames", [None, 0, 1], ids=["while filling", "at the first renaming", "at the second"])
def test_a_failure_keeps_the_former_folder(tmp_path, monkeypatch, failure, seen, renames):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("former")
    rename, done = Path.rename, []

    def failing(path, target):
        done.append(path)
        if len(done) - 1 == renames:
            raise failure
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(seen), replacing_folder(tmp_path / "model") as draft:
        (draft / "weights").write_text("new")
        if renames is None:
            raise failure
    assert (tmp_path / "model" / "weights").read_text() == "former" and os.listdir(tmp_path) == ["model"]


def test_a_folder_is_replaced_whole(tmp_path):
    for text in ("former", "new"):
        with replacing_folder(tmp_path / "model") as draft:
            (draft / text).write_text(text)
    assert os.listdir(tmp_path) == ["model"] and os.listdir(tmp_path / "model") == ["new"]


def test_disk_full_says_what_and_where(tmp_path):
    message = r"model.json: cannot be written: No space left.*free space"
    with pytest.raises(UserError, match=message) as error, replacing(tmp_path / "model.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.exit_code == 2


def test_a_new_folder_may_exist_only_if_empty(tmp_path):
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as draft:
        (draft / "a").write_text("a")
    with pytest.raises(UserError, match="exists already"), new_folder(tmp_path / "empty"):
        pass
    shutil.rmtree(tmp_path / "empty")
    (tmp_path / "file").write_text("a")
    with pytest.raises(UserError, match="exists already"), new_folder(tmp_path / "file"):
        pass


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "no such file", id="absent"),
        pytest.param("a\nb\nä".encode("latin-1"), "row 3: not UTF-8", id="Latin-1"),
    ],
)
def test_unreadable_text(tmp_path, content, message):
    path = tmp_path / "t.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_text(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_text(tmp_path)
