import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_up_mimic import HEIGHT, WIDTH, Release

from mdfnet.core.errors import UserError
from mdfnet.core.pseudonyms import IMAGE, KEY_VARIABLE, Kept, Pseudonyms, default_key_file
from mdfnet.data.checks import check_dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.mimic import build as build_module
from mdfnet.data.mimic.build import ImageOptions, build_mimic, plan
from mdfnet.data.mimic.cases import LOST
from mdfnet.data.mimic.rules import AS_PAPER, Rules

KEY = Pseudonyms(b"k" * 64)


def build(folder, out, rules=None, names=KEY, images=None):
    return build_mimic([folder], out, rules, names, images, threads=1, log=lambda line: None)


def planned(folder, rules, names=KEY):
    return plan([folder], rules, lambda: names, ImageOptions(), threads=1, log=lambda line: None).dataset


def texts(folder):
    names = ("annotations.json", "clinical.csv", "splits.csv")
    return {name: (folder / name).read_text() for name in names}


@pytest.fixture(scope="module")
def built(releases, tmp_path_factory):
    """The random release with the default rules; not to be written to."""
    return build(releases, tmp_path_factory.mktemp("built") / "set")


@pytest.fixture(scope="module")
def paper(releases, tmp_path_factory):
    """The same as the paper."""
    return build(releases, tmp_path_factory.mktemp("paper") / "set", AS_PAPER)


def steps(dataset):
    return {step.step: step for step in dataset.provenance.flow}


def test_the_folder_reads_back_without_a_finding(built):
    read = read_dataset(built.folder)
    assert read.fingerprint == built.fingerprint and read.provenance == built.provenance
    assert [finding for finding in check_dataset(built.folder) if finding.severity == "error"] == []
    assert read.license.startswith("PhysioNet Credentialed") and read.synthetic == ()


def test_images_and_readings_are_those_of_the_truth(built, made_up):
    release, truth = made_up
    readings = [row for rows in release.readings.values() for row in rows]
    usable = [row for row in readings if not row[2]]
    kept = [row for row in usable if truth.stay[row[4]] is not None]
    flow = steps(built)
    assert flow["readings of REFLACX"].counts["readings"] == len(readings)
    assert flow["eye tracking not discarded"].counts["readings"] == len(usable)
    matched = flow["image belongs to one emergency stay (inside)"]
    assert matched.counts["readings"] == len(kept) and matched.counts["images"] == len(built)
    assert sum(matched.left_out.values()) == len(usable) - len(kept)
    assert {sample.id for sample in built.samples} == {KEY.of(IMAGE, row[4]) for row in kept}


def test_the_one_rule_explains_the_papers_gap(releases, made_up, paper):
    """Zero-padding alone makes the difference: with it every image in a stay is there, without it none before 10:00."""
    release, truth = made_up
    images = {row[4] for rows in release.readings.values() for row in rows if truth.stay[row[4]] is not None}
    early = images & truth.hard["in a stay, before 10:00"]
    padded = planned(releases, Rules())
    unpadded = planned(releases, Rules(study_time="unpadded"))
    assert (len(padded), len(unpadded)) == (len(images), len(images - early)) and early
    lost = steps(paper)["image belongs to one emergency stay (inside)"].left_out[LOST]
    assert f"{lost} readings before 10:00 lost their emergency stay" in paper.provenance.cautions[0]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda release, folder: release.write(folder, "1.0", "1.0"), id="MIMIC-IV and -ED 1.0"),
        pytest.param(lambda release, folder: release.write(folder, "3.1", "2.0", "2.1.0", False), id="newer, unpacked"),
        pytest.param(lambda release, folder: release.write_eye(folder), id="MIMIC-Eye"),
    ],
)
def test_every_layout_gives_the_same_dataset(made_up, built, tmp_path, write):
    folder = write(made_up[0], tmp_path / "r")
    again = build(folder, tmp_path / "out")
    order = {sample.id: sample for sample in built.samples}
    for sample in again.samples:  # MIMIC-Eye has its readings by patient, so in another order
        twin = order.pop(sample.id)
        assert (sample.patient, sample.split, sample.view) == (twin.patient, twin.split, twin.view)
        np.testing.assert_array_equal(sample.clinical, twin.clinical)
        np.testing.assert_array_equal(np.sort(sample.target.boxes, 0), np.sort(twin.target.boxes, 0))
        assert sample.image.read_bytes() == twin.image.read_bytes()
    assert order == {}


def test_same_key_same_bytes_other_key_other_names_but_the_same_splits(releases, built, tmp_path):
    assert texts(build(releases, tmp_path / "same").folder) == texts(built.folder)
    other = build(releases, tmp_path / "other", names=Pseudonyms(b"l" * 64))
    assert not {sample.id for sample in other.samples} & {sample.id for sample in built.samples}
    assert [sample.split for sample in other.samples] == [sample.split for sample in built.samples]


def identifying(release: Release) -> set[str]:
    """Every id and date of the release."""
    words = {str(row[0]) for row in release.patients} | {str(row[1]) for row in release.stays}
    for name, subject, study, *_, date, _, _, _, _ in release.images:
        words |= {name, str(subject), str(study), date, f"{date[:4]}-{date[4:6]}-{date[6:]}"}
    words |= {row[0] for rows in release.readings.values() for row in rows}
    return words | {stamp[:10] for row in release.stays for stamp in row[2:] if stamp}


def words_of(text: str) -> set[str]:
    return {*re.findall(r"[\w-]+", text), *re.findall(r"\d+-\d+-\d+|\d+", text)}


@pytest.mark.parametrize("link", [False, True], ids=["copied", "linked"])
def test_nothing_identifying_is_in_the_folder_or_said(made_up, releases, tmp_path, link):
    said, secret = [], identifying(made_up[0])
    out = tmp_path / "set"
    build_mimic([releases], out, None, KEY, ImageOptions(link=link), threads=1, log=said.append)
    for path in out.rglob("*"):
        assert not words_of(str(path.relative_to(out))) & secret and not path.is_symlink()
        if path.is_file() and path.suffix != ".jpg":
            assert not words_of(path.read_text()) & secret, path.name
    assert said and not words_of("\n".join(map(str, said))) & secret


def test_without_a_word_about_ids_they_are_hashed(made_up, releases, tmp_path, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    build_mimic([releases], tmp_path / "set", threads=1, log=lambda line: None)
    assert default_key_file().is_file()
    assert not words_of((tmp_path / "set" / "clinical.csv").read_text()) & identifying(made_up[0])


def test_ids_are_kept_on_request(made_up, releases, tmp_path):
    folder = build(releases, tmp_path / "kept", names=Kept()).folder
    assert words_of((folder / "clinical.csv").read_text()) & identifying(made_up[0])


def test_the_names_of_damaged_images_are_not_said(tmp_path):
    release = one()
    folder = release.write(tmp_path / "r")
    image = next(folder.rglob("*.jpg"))
    image.write_bytes(image.read_bytes()[:-60])
    with pytest.raises(UserError, match=r"^image of .*metadata_phase_3.csv row 2: the image is damaged") as error:
        build(folder, tmp_path / "out", images=ImageOptions(longest=40))
    assert not words_of(str(error.value)) & identifying(release)


def test_boxes_follow_the_images_size(releases, built, tmp_path):
    small = build(releases, tmp_path / "small", images=ImageOptions(longest=HEIGHT // 2))
    for half, whole in zip(small.samples, built.samples, strict=True):
        assert (half.width, half.height) == (WIDTH // 2, HEIGHT // 2)
        np.testing.assert_allclose(half.target.boxes, whole.target.boxes / 2, atol=1e-5)
    assert [finding for finding in check_dataset(small.folder) if finding.severity == "error"] == []


def test_as_the_paper(paper, made_up):
    readings = steps(paper)["image is there"].counts["readings"]
    assert len(paper) == readings > len({sample.id.split("-")[0] for sample in paper.samples})
    shares = Counter(sample.split for sample in paper.samples)
    assert shares["train"] == int(0.7 * readings) and abs(shares["val"] - shares["test"]) <= 1
    numbers = np.stack([sample.clinical for sample in paper.samples])
    assert not np.isnan(numbers).any() and paper.schema["temperature"].unit == "[degF]"
    assert np.median(numbers[:, paper.schema.index("temperature")]) > 90
    kinds = ("without its leading zeros", "rows were split", "mean of all rows", "not checked", "first of its labels")
    for kind in (*kinds, "each reading is a case"):
        assert sum(kind in caution for caution in paper.provenance.cautions) == 1, kind
    assert read_dataset(paper.folder).provenance == paper.provenance


def test_the_check_finds_the_papers_leak(paper):
    images = Counter(sample.id.split("-")[1] for sample in paper.samples)
    assert max(images.values()) == 5
    found = {finding.id for finding in check_dataset(paper.folder)}
    assert "image-across-splits" in found


def images(dataset):
    return len(dataset)


def boxes(dataset):
    return sum(len(sample.target) for sample in dataset.samples)


def known(dataset):
    return int((~np.isnan(np.stack([sample.clinical for sample in dataset.samples]))).sum())


MORE = [
    pytest.param(Rules(unmatched=True), images, id="images without a stay are kept"),
    pytest.param(Rules(discarded=True, readers="each"), images, id="discarded readings are kept"),
    pytest.param(Rules(readers="union"), boxes, id="the union has more boxes"),
    pytest.param(Rules(readers="each"), images, id="each reading is a case"),
    pytest.param(Rules(certainty=1), boxes, id="uncertain ellipses are kept"),
    pytest.param(Rules(findings="all"), boxes, id="all labels"),
    pytest.param(Rules(missing="mean"), known, id="means are filled in"),
]


@pytest.mark.parametrize(("rules", "amount"), MORE)
def test_options_that_give_more(releases, built, rules, amount):
    assert amount(planned(releases, rules)) > amount(built)


def test_triage_alone_knows_less(releases, built):
    assert known(planned(releases, Rules(vitals="triage"))) < known(built)


def test_official_split(releases, made_up):
    dataset = planned(releases, Rules(split="official"), Kept())
    official = {row[0]: row[3].replace("validate", "val") for row in made_up[0].splits}
    assert {sample.id: sample.split for sample in dataset.samples} == {
        sample.id: official[sample.id] for sample in dataset.samples
    }


def test_without_a_stay_age_and_sex_are_known(releases):
    dataset = planned(releases, Rules(unmatched=True))
    values = np.stack([sample.clinical for sample in dataset.samples])
    bare = np.isnan(values[:, dataset.schema.index("acuity")])
    assert bare.any() and not np.isnan(values[bare][:, [0, dataset.schema.index("gender")]]).any()


def one(**changes):
    """A release of one image in one stay, with its reading."""
    release = Release()
    release.patient(10_000_001)
    release.stay(10_000_001, 30_000_001, "2150-03-08 01:00:00", "2150-03-08 20:00:00", heartrate=70, acuity=2)
    name = release.image(1, 10_000_001, "21500308", changes.get("clock", "93000.0"), changes.get("view", "PA"))
    release.reading(
        1, changes.get("image", name), changes.get("subject", 10_000_001), [], 3, changes.get("gone", False)
    )
    return release


def no_jpg(folder):
    for path in folder.rglob("*.jpg"):
        path.unlink()


def no_ellipses(folder):
    for path in folder.rglob("anomaly_location_ellipses.csv"):
        path.unlink()


UNKNOWN = "'image is in MIMIC-CXR-JPG': image unknown to MIMIC-CXR-JPG (1); are MIMIC-CXR-JPG"
NO_STAY = "emergency stay (inside)': no stay at the image's time (1); are all releases of one"
ELLIPSES = "'ellipses are there': no file of ellipses (1); ellipses are looked for in main_data/*/ano"
JPG = "'image is there': no image file (1); images are looked for in files/p*/p*/s*/*.jpg below"
EMPTY = [
    pytest.param({"gone": True}, None, "'eye tracking not discarded': eye tracking discarded (1)", id="discarded"),
    pytest.param({"image": "x"}, None, UNKNOWN, id="reading without an image"),
    pytest.param({"subject": 10_000_002}, None, "another patient's in MIMIC-CXR-JPG (1)", id="another patient"),
    pytest.param({"view": "LATERAL"}, None, "'image is frontal': neither PA nor AP (1)", id="lateral"),
    pytest.param({"clock": "213000.0"}, None, NO_STAY, id="no stay"),
    pytest.param({}, no_ellipses, ELLIPSES, id="no ellipses"),
    pytest.param({}, no_jpg, JPG, id="no images"),
]


@pytest.mark.parametrize(("changes", "change", "message"), EMPTY)
def test_nothing_left_says_which_rule_dropped_everything(tmp_path, changes, change, message):
    folder = one(**changes).write(tmp_path / "r")
    if change:
        change(folder)
    with pytest.raises(UserError, match=f"nothing is left after the step .*{re.escape(message)}"):
        build(folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r"], "nothing half-written"


def test_vital_signs_are_needed_for_the_last_values(tmp_path):
    folder = one().write(tmp_path / "r")
    next(folder.rglob("vitalsign*")).unlink()
    with pytest.raises(UserError, match=r"no table of the vital signs; .* or choose --vitals triage"):
        build(folder, tmp_path / "out")
    assert len(build(folder, tmp_path / "out", Rules(vitals="triage"))) == 1


def test_an_image_without_a_reading_is_counted(tmp_path):
    release = one()
    release.image(2, 10_000_001, "21500308", "93000.0")
    flow = steps(build(release.write(tmp_path / "r"), tmp_path / "out"))
    assert flow["images of MIMIC-CXR-JPG"].counts["images"] == 2 and flow["cases written"].counts["images"] == 1


def test_a_full_disk_leaves_nothing(releases, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mdfnet.data.mimic.images.shutil.copyfile", full)
    with pytest.raises(UserError, match="No space left on device; free space"):
        build(releases, tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_an_interrupted_build_goes_on(releases, built, tmp_path, monkeypatch):
    placed, place = Counter(), build_module.place_image

    def tiring(source, target, *rest):
        if placed.total() == 10:
            monkeypatch.setattr(build_module, "place_image", counted)
            raise KeyboardInterrupt
        counted(source, target, *rest)

    def counted(source, target, *rest):
        placed[target.name] += 1
        place(source, target, *rest)

    monkeypatch.setattr(build_module, "place_image", tiring)
    with pytest.raises(KeyboardInterrupt):
        build(releases, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [".out-images-original"]
    done = build(releases, tmp_path / "out")
    assert texts(done.folder) == texts(built.folder) and [path.name for path in tmp_path.iterdir()] == ["out"]
    assert set(placed.values()) == {1} and len(placed) == len(built), "no image is placed twice"


def test_an_interrupt_at_the_last_moment_leaves_no_folder(releases, tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("mdfnet.data.dataset_folder._write_texts", stop)
    with pytest.raises(KeyboardInterrupt):
        build(releases, tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_holds_something_is_kept(releases, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        build(releases, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["mine.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"before": -1}, "before is -1 hours, not between 0 and a year", id="negative hours"),
        pytest.param({"within": float("nan")}, "within is nan hours", id="nan hours"),
        pytest.param({"certainty": 6}, "certainty is 6, not 1 to 5", id="certainty"),
        pytest.param({"overlap": 0}, "overlap is 0, not above 0 and up to 1", id="overlap"),
        pytest.param({"folds": 2}, "fold 0 of 2 folds is not possible; three folds or more", id="two folds"),
        pytest.param({"folds": 5, "fold": 5}, "fold 5 of 5 folds is not possible", id="fold too high"),
        pytest.param({"folds": 5, "split": "row"}, "folds are made by patient, not by split", id="row folds"),
    ],
)
def test_impossible_rules(options, message):
    with pytest.raises(UserError, match=re.escape(message)):
        Rules(**options)


def test_the_card_is_plain_text(paper):
    card = yaml.safe_load(Path(paper.folder / "dataset.yaml").read_text())["provenance"]
    assert card["rules"]["study_time"] == "unpadded" and card["rules"]["ids"] == "hashed"
    assert card["flow"][0]["counts"]["images"] == 600 and len(card["cautions"]) == 6
