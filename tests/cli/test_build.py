import gzip
import shutil

import pytest
from random_mimic import random_release

from mdfnet.data.dataset_folder import read_dataset


@pytest.fixture(scope="module")
def mimic(tmp_path_factory):
    return random_release()[0].write(tmp_path_factory.mktemp("mimic"))


def build(program, release, out, *options):
    return program("data", "build", "mimic", release, "--out", out, "--threads", 1, *options)


def test_build_mimic(program, mimic, tmp_path):
    out = tmp_path / "set"
    answer = build(program, mimic, out, "--size", 40, "--key-file", tmp_path / "set.key")
    assert answer.code == 0, answer.err
    assert "found MIMIC-IV-ED 2.2" in answer.out
    assert "readings of REFLACX: 192 readings" in answer.out and "caution" not in answer.out
    assert max(sample.height for sample in read_dataset(out).samples) == 40
    assert program("data", "check", out).code == 0
    assert "image belongs to one emergency stay" in program("data", "info", out).out
    build(program, mimic, tmp_path / "again", "--key-file", tmp_path / "set.key", "--size", 40)
    assert (tmp_path / "again" / "clinical.csv").read_text() == (out / "clinical.csv").read_text()


def test_as_paper_keeps_the_rules_that_are_given(program, mimic, tmp_path):
    options = [
        "--as-paper",
        "--study-time",
        "padded",
        "--certainty",
        2,
        "--keep-ids",
        "--synonym",
        "Mass=Consolidation",
    ]
    answer = build(program, mimic, tmp_path / "set", *options)
    assert answer.code == 0, answer.err
    rules = read_dataset(tmp_path / "set").provenance.rules
    assert (rules["study_time"], rules["certainty"], rules["ids"]) == ("padded", 2, "kept")
    assert rules["synonyms"] == {"Mass": "Consolidation"}
    assert (rules["vitals"], rules["split"], rules["readers"], rules["missing"]) == ("triage", "row", "each", "mean")
    assert "caution rows were split" in answer.out and "zeros" not in answer.out


def test_dry_run_writes_nothing(program, mimic, tmp_path):
    answer = build(program, mimic, tmp_path / "set", "--dry-run", "--fraction", "train=1")
    assert answer.code == 0 and "cases written" in answer.out and [*tmp_path.iterdir()] == []


def cut_short(folder):
    path = next(folder.rglob("triage*"))
    path.write_bytes(path.read_bytes()[:-200])


def without_column(folder):
    path = next(folder.rglob("edstays*"))
    text = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(text.replace("intime", "arrival", 1).encode()))


BROKEN = [
    pytest.param(None, ["--certainty", 9], "certainty is 9, not 1 to 5", id="impossible rule"),
    pytest.param(None, ["--fraction", "val=x"], "--fraction is not SPLIT=SHARE", id="no share"),
    pytest.param(None, ["--fraction", "val=0.5"], "do not add up to 1", id="shares"),
    pytest.param(None, ["--synonym", "Mass"], "--synonym 'Mass' is not NAME=VALUE", id="no synonym"),
    pytest.param(
        None, ["--images", "nowhere"], "nothing is left after the step 'image is there'", id="images elsewhere"
    ),
    pytest.param(cut_short, [], "triage.csv.gz: the file is cut short; the file is damaged", id="gz cut short"),
    pytest.param(without_column, [], "edstays.csv.gz: no column 'intime'", id="column missing"),
]


@pytest.mark.parametrize(("change", "options", "message"), BROKEN)
def test_one_line_and_nothing_left(program, mimic, tmp_path, change, options, message):
    folder = mimic
    if change:
        folder = shutil.copytree(mimic, tmp_path / "copy")
        change(folder)
    answer = build(program, folder, tmp_path / "set", *options)
    assert answer.code == 2 and message in answer.err and answer.err.count("\n") == 1, answer
    assert {path.name for path in tmp_path.iterdir()} <= {"copy", "set.key"}


def test_no_such_folder(program, tmp_path):
    answer = build(program, tmp_path / "nowhere", tmp_path / "set")
    assert answer.code == 2 and answer.err == f"error: {tmp_path / 'nowhere'}: no such folder\n"
    assert [*tmp_path.iterdir()] == [], "no key either"


def test_ctrl_c(program, mimic, tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("mdfnet.data.mimic.build.place_image", stop)
    answer = build(program, mimic, tmp_path / "set")
    assert answer.code == 130 and "the same command goes on with the images that are placed" in answer.err
    assert not (tmp_path / "set").exists()
