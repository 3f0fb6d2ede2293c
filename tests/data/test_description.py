"""``dataset.yaml`` of this version and of those before, which people have on their disks."""

import pytest

from mdfnet.core.errors import UserError
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.description import FORMAT_VERSION, Description

#: As mdfnet 0.1 wrote it; never to be edited.
FORMAT_1 = """\
format_version: 1
name: tiny
classes:
- id: 3
  name: Atelectasis
- id: 13
  name: Effusion
clinical_schema:
  name: age-sex-view
  features:
  - name: age
    loinc: 30525-0
    meaning: Age at the time of the film
    kind: number
    unit: a
    low: 0.0
    high: 120.0
  - name: sex
    meaning: Administrative sex
    kind: category
    categories:
    - F
    - M
  - name: view
    meaning: Projection of the film
    kind: category
    categories:
    - PA
    - AP
source: made by a test
license: CC0-1.0
synthetic:
- films
- findings
intensity: as-is
provenance:
  made_by: mdfnet data build mimic
  releases:
    MIMIC-CXR-JPG: 2.1.0
  rules:
    window: 24.0
  flow:
  - step: frontal films
    counts:
      readings: 12
      films: 11
      patients: 5
    left_out:
      lateral: 1
"""


def described(tmp_path, text):
    path = tmp_path / "dataset.yaml"
    path.write_text(text)
    return Description.read(path)


def test_format_1_says_films_for_images(tmp_path):
    found = described(tmp_path, FORMAT_1)
    assert found.format_version == FORMAT_VERSION
    assert found.synthetic == ("images", "findings")
    assert found.known_classes().names == ("Atelectasis", "Effusion") and found.known_classes().ids == (3, 13)
    assert found.clinical_schema.names == ("age", "sex", "view")
    assert found.clinical_schema["age"].meaning == "Age at the time of the film"  # what people wrote stays
    (step,) = found.provenance.flow
    assert step.counts == {"readings": 12, "images": 11, "patients": 5} and step.step == "frontal films"


def test_a_folder_of_format_1_is_read_and_written_as_today(tiny_dataset, tmp_path):
    written = tiny_dataset()
    (written.folder / "dataset.yaml").write_text(FORMAT_1)
    old = read_dataset(written.folder)
    assert old.synthetic == ("images", "findings") and old.fingerprint == written.fingerprint
    again = read_dataset(write_dataset(old, tmp_path / "again").folder)
    assert again.fingerprint == old.fingerprint and again.provenance == old.provenance
    assert "format_version: 2" in (again.folder / "dataset.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("- films\n", "- movies\n", r"dataset.yaml: synthetic.0: Input should be 'images'", id="no part"),
        pytest.param("version: 1", "version: 2", r"dataset.yaml: synthetic.0", id="a word of format 1 in format 2"),
        pytest.param("version: 1", "version: 0.5", r"dataset.yaml: format_version", id="no version"),
        pytest.param("version: 1", "version: 3", r"version 3 is later than 2.*update mdfnet", id="later version"),
        pytest.param(
            "synthetic:\n- films\n- findings\n", "synthetic: films\n", r"dataset.yaml: synthetic", id="no list"
        ),
        pytest.param(FORMAT_1, "format_version\n", r"dataset.yaml: the whole", id="a text"),
        pytest.param(FORMAT_1, "", r"dataset.yaml: the whole", id="empty"),
    ],
)
def test_broken(tmp_path, old, new, message):
    assert old in FORMAT_1
    with pytest.raises(UserError, match=message):
        described(tmp_path, FORMAT_1.replace(old, new))
