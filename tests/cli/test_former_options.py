"""Options of earlier versions: what they mean now, and the note that says so."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from mdfnet.cli import app

IMPORTS = [("data", "import", kind) for kind in ("csv", "coco", "yolo", "voc", "dicom")]
CLINICAL = [("data", "clinical", kind) for kind in ("omop", "fhir")]
OTHERS = [("serve",), ("data", "info"), ("explain",), ("experiment", "explain"), ("data", "build", "mimic")]


def help_of(*verb: str) -> str:
    return CliRunner().invoke(app, [*verb, "--help"], catch_exceptions=False).output


@pytest.mark.parametrize(
    ("verb", "former", "now"),
    [
        *((verb, "--films", "--metadata") for verb in (*IMPORTS, *CLINICAL)),
        *((verb, "--films", "--images") for verb in OTHERS),
        (("serve",), "--film-memory", "--image-memory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_every_former_option_is_understood_with_a_note_and_not_shown(verb, former, now):
    answer = CliRunner().invoke(app, [*verb, former, "7"])
    assert answer.stderr.splitlines()[0] == f"note: {former} is now {now}"
    assert "No such option" not in answer.stderr
    assert former not in help_of(*verb) and now in help_of(*verb)


def test_the_former_option_does_what_the_present_one_does(program, phantom_set, tmp_path):
    """Its value may stand behind it or behind an equals sign."""
    options = ("--annotations", phantom_set / "annotations.json", "--images", phantom_set / "images")
    table = ("--column", "image_id=image", "--keep-ids")
    for name, given in {
        "a": ("--films", phantom_set / "clinical.csv"),
        "b": (f"--films={phantom_set}/clinical.csv",),
    }.items():
        answer = program("data", "import", "coco", *options, *given, *table, "--out", tmp_path / name)
        assert answer.code == 0 and answer.err == "note: --films is now --metadata\n"
        assert (tmp_path / name / "clinical.csv").read_bytes() == (phantom_set / "clinical.csv").read_bytes()


def test_elsewhere_it_is_no_option(program):
    answer = program("predict", "demo", "image.png", "--films", "x")
    assert answer.code == 2 and "No such option" in answer.err and "note" not in answer.err


def test_what_follows_two_dashes_is_no_option(program):
    answer = program("data", "info", "--", "--films")
    assert answer.code == 2 and "note" not in answer.err and "--films: no such folder" in answer.err
