import shutil

import pytest
from made_up_mimic import Release

from mdfnet.core.errors import UserError
from mdfnet.data.mimic.releases import find_releases


def small():
    release = Release()
    release.patient(10_000_001)
    release.stay(10_000_001, 1, "2150-03-08 01:00:00", "2150-03-08 20:00:00", acuity=2)
    release.reading(1, release.image(1, 10_000_001, "21500308", "93000.0"), 10_000_001)
    return release


@pytest.mark.parametrize(
    ("iv", "ed", "cxr", "compressed"),
    [
        pytest.param("1.0", "1.0", "2.0.0", True, id="the paper's: core/, stays without gender"),
        pytest.param("2.2", "2.2", "2.0.0", True, id="hosp/"),
        pytest.param("3.1", "2.2", "2.1.0", False, id="the latest, unpacked"),
    ],
)
def test_versions_by_folder(tmp_path, iv, ed, cxr, compressed):
    found = find_releases([small().write(tmp_path, iv, ed, cxr, compressed)])
    numbers = {name: version.split()[0] for name, version in found.versions.items()}
    assert numbers == {"MIMIC-CXR-JPG": cxr, "MIMIC-IV": iv, "MIMIC-IV-ED": ed, "REFLACX": "1.0.0"}
    kinds = {"images", "official", "patients", "edstays", "triage", "vitalsign", "readings"}
    assert found.tables.keys() == kinds and len(found.tables["readings"].files) == 3
    image = small().images[0]
    assert found.image(image[1], image[2], image[0]).is_file()
    assert found.ellipses("P300R000001", 10_000_001).is_file()


@pytest.mark.parametrize(
    ("iv", "ed", "expected"),
    [
        pytest.param("1.0", "1.0", ["1.0 or earlier (layout)", "1.0 (columns)"], id="early"),
        pytest.param("2.2", "2.2", ["2.0 or later (layout)", "2.0 or later (columns)"], id="late"),
    ],
)
def test_versions_by_layout_where_no_folder_tells(tmp_path, iv, ed, expected):
    small().write(tmp_path / "a", iv, ed)
    for number, folder in enumerate(("mimiciv", "mimic-iv-ed", "mimic-cxr-jpg", "reflacx-xray-localization")):
        inner = next((tmp_path / "a" / folder).iterdir())
        inner.rename(tmp_path / f"part {'abcd'[number]}")
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "part c" / "mimic-cxr-2.1.0-test-set-labeled.csv").write_text("study_id\n")
    versions = find_releases(sorted(tmp_path.iterdir())).versions
    assert [versions["MIMIC-IV"], versions["MIMIC-IV-ED"]] == expected
    assert versions["MIMIC-CXR-JPG"] == "2.1.0 (files)" and versions["REFLACX"] == "1.0.0 (layout)"


def test_images_elsewhere(tmp_path):
    found = find_releases([small().write(tmp_path / "tables")], tmp_path / "disk")
    assert found.image(12_345_678, 5, "a") == tmp_path / "disk/files/p12/p12345678/s5/a.jpg"


def test_plain_and_compressed_copy_are_one_table(tmp_path):
    folder = small().write(tmp_path)
    path = folder / "mimic-iv-ed/2.2/ed/triage.csv.gz"
    shutil.copy(path, path.with_name("triage.csv"))
    assert len(find_releases([folder]).tables["triage"].files) == 1


def test_mimic_eye(eye, made_up):
    found = find_releases([eye])
    assert found.by_patient and found.versions == {"MIMIC-Eye": "1.0.0 (layout)"}
    row = made_up[0].readings[3][0]
    study = next(image[2] for image in made_up[0].images if image[0] == row[4])
    assert found.image(row[5], study, row[4]).is_file() and found.ellipses(row[0], row[5]).is_file()


def remove(pattern):
    def change(folder):
        for path in [*folder.rglob(pattern)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def add(name):
    def change(folder):
        remove("mimic-cxr-jpg" if "cxr" in name else "mimiciv")(folder)
        (folder / "other").mkdir()
        (folder / "other" / name).write_text("subject_id\n")

    return change


def second_version(folder):
    small().write(folder, iv="3.1")


JPG = (
    r"no MIMIC-CXR-JPG below .*; expected mimic-cxr-2.0.0-metadata.csv.gz, from https://physionet.org/content/mimic-cxr"
)
TWICE = r"MIMIC-IV is there more than once: .*2.2/hosp, .*3.1/hosp; name the folders of one"
BROKEN = [
    pytest.param(remove("mimic-cxr-jpg"), JPG, id="no images"),
    pytest.param(remove("mimiciv"), r"no MIMIC-IV below .*; expected hosp/patients.csv.gz \(core/", id="no patients"),
    pytest.param(remove("edstays*"), "no table 'edstays' of MIMIC-IV-ED below .*; expected ed/", id="no stays"),
    pytest.param(remove("main_data"), "no REFLACX below .*; expected main_data/metadata_phase", id="no readings"),
    pytest.param(add("cxr-record-list.csv.gz"), "no MIMIC-CXR-JPG .*other looks like MIMIC-CXR in", id="DICOM"),
    pytest.param(add("PATIENTS.csv"), "no MIMIC-IV below .*other looks like MIMIC-III", id="MIMIC-III"),
    pytest.param(second_version, TWICE, id="two versions"),
    pytest.param(shutil.rmtree, "no such folder", id="no folder"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_what_is_missing(tmp_path, change, message):
    folder = small().write(tmp_path / "r", images=False)
    change(folder)
    with pytest.raises(UserError, match=message):
        find_releases([folder])


def test_mimic_eye_beside_other_releases_is_not_chosen_silently(tmp_path):
    small().write_eye(tmp_path / "eye")
    small().write(tmp_path / "r")
    with pytest.raises(UserError, match=r"both MIMIC-Eye, .*eye, and tables of other releases, such as .*; name"):
        find_releases([tmp_path])


def test_spreadsheets_of_mimic_eye_are_its_own(tmp_path):
    folder = small().write_eye(tmp_path / "eye")
    (folder / "spreadsheets").mkdir()
    (folder / "spreadsheets" / "edstays.csv").write_text("stay_id\n")
    assert find_releases([tmp_path]).by_patient


def test_mimic_eye_in_part(tmp_path):
    folder = small().write_eye(tmp_path / "eye")
    remove("triage.csv")(folder)
    with pytest.raises(UserError, match=r"eye: MIMIC-Eye without patient_\*/ED/triage.csv; get the whole of"):
        find_releases([folder])
