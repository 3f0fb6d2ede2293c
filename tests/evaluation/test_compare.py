"""Two models compared from what their evaluations wrote."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mdfnet.core.errors import UserError
from mdfnet.core.former_names import FILES, KEYS, with_current_keys
from mdfnet.core.types import Classes, Detections, Sample, Target
from mdfnet.evaluation.compare import compare_evaluations, write_comparison
from mdfnet.evaluation.prediction_files import read_annotations
from mdfnet.evaluation.score import Scored, write_scored
from mdfnet.metrics.measures import MEASURES

CLASSES = Classes(("Effusion", "Nodule"))
BOX, FAR = [0, 0, 10.1, 10], [50, 50, 60, 60.7]


def images(count=40, prefix="f"):
    marks = [Target.of([BOX], [1 + i % 2]) if i % 3 else Target.of([], []) for i in range(count)]
    return tuple(
        Sample(f"{prefix}{i}", None, 99, 99, marks[i], np.zeros(0), f"{prefix}p{i // 2}") for i in range(count)
    )


def write(folder, skill, seed=0, samples=None):
    """An evaluation of a model that finds so many of the marks."""
    random, found = np.random.default_rng(seed), []
    samples = samples or images()
    for sample in samples:
        hit = len(sample.target) > 0 and random.random() < skill
        label = int(sample.target.labels[0]) if hit else 1
        score = torch.tensor([0.3 * hit + 0.7 * random.random()], dtype=torch.float32)
        found.append(Detections(torch.tensor([BOX if hit else FAR]), torch.tensor([label]), score))
    scored = Scored("model", CLASSES, samples, tuple(range(len(samples))), tuple(found), 20)
    write_scored(scored, folder, {})
    return folder, scored


@pytest.fixture
def poor(tmp_path):
    return write(tmp_path / "poor", 0.2)[0]


@pytest.fixture
def good(tmp_path):
    return write(tmp_path / "good", 0.95, 1)[0]


def test_the_figures_are_the_evaluations_own(tmp_path):
    """What is read back from the tables gives every measure of the models, to the last digit."""
    (a, first), (b, second) = write(tmp_path / "a", 0.3), write(tmp_path / "b", 0.8, 1)
    comparison = compare_evaluations([a, b], MEASURES, replicates=10)
    for name in MEASURES:
        rows = comparison.of(name)
        for k, row in enumerate(rows[:-1]):
            values = [one.evaluation.measures[name][k] for one in (first, second)]
            np.testing.assert_array_equal([row.first, row.second], values)
        assert row.finding == "Nodule" and rows[-1].finding == "all"


def test_a_difference_is_shown_in_words(poor, good):
    comparison = compare_evaluations([poor, good], replicates=300)
    first, higher, lower, method = comparison.sentences()
    assert "AP@IoU=0.5 of the second is 0." in first and first.endswith("a difference is shown.")
    assert higher == "Findings shown to be higher, corrected over 2 findings: Effusion, Nodule."
    assert lower.endswith("findings: none.")
    assert "one seed each" in method and comparison.what == "40 images of 20 patients"


def test_no_difference_is_not_shown_in_words(poor):
    sentences = compare_evaluations([poor, poor], replicates=50).sentences()
    assert sentences[0].startswith("AP@IoU=0.5 of the second is the same")
    assert sentences[0].endswith("a difference is not shown, the interval includes zero.")


def test_several_seeds(tmp_path, poor, good):
    more = [
        write(tmp_path / f"{name}{seed}", skill, seed)[0] for seed in (5, 6) for name, skill in (("a", 0.2), ("b", 0.9))
    ]
    comparison = compare_evaluations([poor, good, *more], replicates=50)
    assert (comparison.seeds, comparison.folds, comparison.images) == (3, 1, 40)
    assert comparison.of("AP@IoU=0.5")[-1].seeds is not None
    assert "3 seeds" in comparison.what and "Satterthwaite" in comparison.sentences()[-1]


def test_folds(tmp_path):
    pairs = []
    for fold in range(3):
        samples = images(30, f"fold{fold}-")
        for name, skill in (("a", 0.3), ("b", 0.8)):
            pairs.append(write(tmp_path / f"{name}{fold}", skill, fold, samples)[0])
    comparison = compare_evaluations(pairs, replicates=50)
    assert (comparison.seeds, comparison.folds, comparison.images, comparison.patients) == (1, 3, 90, 45)
    assert comparison.truths == (30, 30) and "Nadeau and Bengio" in comparison.sentences()[-1]


def test_order_of_images_does_not_matter(tmp_path, poor, good):
    """Nor in a second pair: the same patients are drawn for both, so their differences cancel out."""
    content = json.loads((poor / "evaluation.json").read_text())
    content["evaluation"]["images"].reverse()
    turned = [shutil.copytree(folder, tmp_path / f"turned-{folder.name}") for folder in (poor, good)]
    (turned[0] / "evaluation.json").write_text(json.dumps(content))
    alone = compare_evaluations([poor, good], ["AP@IoU=0.5"], replicates=20).differences
    mixed = compare_evaluations([turned[0], good], ["AP@IoU=0.5"], replicates=20).differences
    both = compare_evaluations([poor, good, *turned], ["AP@IoU=0.5"], replicates=20).differences
    for one, other, pair in zip(alone, mixed, both, strict=True):
        assert one.value == pytest.approx(other.value) == pytest.approx(pair.value)
        assert one.patients == pytest.approx(pair.patients) and one.p == pair.p


def test_written_as_plain_json(tmp_path, poor, good):
    comparison = compare_evaluations([poor, good], ["AP@IoU=0.5"], replicates=20)
    write_comparison(comparison, tmp_path / "c.json")
    content = json.loads((tmp_path / "c.json").read_text(), parse_constant=pytest.fail)
    assert [row["finding"] for row in content["differences"]] == ["Effusion", "Nodule", "all"]
    assert content["differences"][0]["value"] == comparison.differences[0].value
    assert len(content["words"]) == 4 and math.isfinite(content["differences"][0]["p"])


def of_format_1(folder: Path) -> Path:
    """An evaluation's folder as earlier versions wrote it: two files and some keys had other names."""
    for name, former in FILES.items():
        (folder / name).rename(folder / former)
    path, before = folder / "evaluation.json", {now: former for former, now in KEYS.items()}
    path.write_text(json.dumps(with_current_keys(json.loads(path.read_text()), before)))
    return folder


def test_evaluations_of_earlier_versions_are_compared(poor, good):
    now = compare_evaluations([poor, good], ["AP@IoU=0.5"], replicates=20)
    former = compare_evaluations([of_format_1(poor), of_format_1(good)], ["AP@IoU=0.5"], replicates=20)
    assert "films_with_truths" in json.loads((poor / "evaluation.json").read_text())["evaluation"]
    assert former.to_dict() == now.to_dict()


@pytest.mark.parametrize("before", [lambda f: f, of_format_1], ids=["as written", "as earlier versions wrote it"])
def test_annotations_are_read_back_exactly(poor, before):
    annotations = read_annotations(before(poor), CLASSES)
    for sample in images():
        patient, target = annotations[sample.id]
        assert patient == sample.patient and target.labels.tolist() == sample.target.labels.tolist()
        assert target.boxes.tolist() == sample.target.boxes.tolist()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(
            lambda f: (f / "images.csv").unlink(), "images.csv is missing.*evaluate the model again", id="old"
        ),
        pytest.param(
            lambda f: (f / "annotations.csv").write_text("image,label,x1,y1,x2,y2\n"),
            "annotations.csv is not what was",
            id="annotations",
        ),
        pytest.param(
            lambda f: (f / "images.csv").write_text("image,patient\nf1,p\n"), "is no image of images.csv", id="images"
        ),
        pytest.param(
            lambda f: (f / "annotations.csv").write_text("image,label,x1,y1,x2,y2\nf1,Mass,1,1,2,2\n"),
            "annotations.csv row 2: unknown class 'Mass'",
            id="a class that is none",
        ),
    ],
)
def test_what_was_spoiled_is_named(poor, good, spoil, message):
    spoil(good)
    with pytest.raises(UserError, match=message):
        compare_evaluations([poor, good])


@pytest.mark.parametrize(
    ("count", "measures", "message"),
    [
        pytest.param(1, None, "1 evaluations are no pairs; give reference and model", id="one"),
        pytest.param(3, None, "3 evaluations are no pairs", id="three"),
        pytest.param(2, ["AP@IoU=.5"], "unknown measure 'AP@IoU=.5'; did you mean 'AP@IoU=0.5'", id="misspelled"),
    ],
)
def test_what_is_no_comparison(poor, count, measures, message):
    with pytest.raises(UserError, match=message):
        compare_evaluations([poor] * count, measures)


def test_neither_seeds_nor_folds(tmp_path, poor, good):
    """Other images of the same patients."""
    part = images()[:10]
    pair = [write(tmp_path / name, 0.5, 0, part)[0] for name in "ab"]
    with pytest.raises(UserError, match="share patients: neither seeds nor folds"):
        compare_evaluations([poor, good, *pair])


def test_folds_with_different_numbers_of_seeds(tmp_path, poor, good):
    pair = [write(tmp_path / name, 0.5, 0, images(20, "other"))[0] for name in "ab"]
    with pytest.raises(UserError, match="different numbers of seeds"):
        compare_evaluations([poor, good, good, poor, *pair])


def test_the_same_pair_twice_is_no_second_seed(poor, good):
    with pytest.raises(UserError, match="good: the same pair is given twice; a further pair is of another seed"):
        compare_evaluations([poor, good, poor, good])
