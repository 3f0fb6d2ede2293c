from collections import Counter, defaultdict

import numpy as np
import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample, Target
from mdfnet.data.split import split_by_fold, split_by_patient

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def samples(patients=200, seed=0):
    """One to four images a patient; four findings of very different frequency."""
    random = np.random.default_rng(seed)
    found = []
    for patient in range(patients):
        for image in range(random.integers(1, 5)):
            labels = 1 + np.flatnonzero(random.random(4) < [0.3, 0.1, 0.05, 0.03])
            target = Target.of([[0, 0, 1, 1]] * len(labels), labels)
            found.append(Sample(f"{patient}-{image}", None, 8, 8, target, None, patient=f"p{patient}"))
    return found


def test_no_patient_in_two_splits_and_every_image_in_one():
    split = defaultdict(set)
    for sample in split_by_patient(samples(), SHARES):
        split[sample.patient].add(sample.split)
    assert all(len(names) == 1 and names <= set(SHARES) for names in split.values())


@pytest.mark.parametrize("seed", range(5))
def test_each_finding_is_spread_as_asked(seed):
    having = defaultdict(lambda: defaultdict(set))
    for sample in split_by_patient(samples(seed=seed), SHARES, seed):
        for label in sample.target.labels.tolist() or [0]:
            having[label][sample.split].add(sample.patient)
    for label, by_split in having.items():
        total = sum(map(len, by_split.values()))
        for name, share in SHARES.items():
            assert abs(len(by_split[name]) - share * total) <= max(2, 0.07 * total), (label, name)


def test_same_seed_same_split_whatever_the_order():
    images = samples()
    first = {sample.id: sample.split for sample in split_by_patient(images, SHARES, 7)}
    assert first == {sample.id: sample.split for sample in split_by_patient(images[::-1], SHARES, 7)}
    assert first != {sample.id: sample.split for sample in split_by_patient(images, SHARES, 8)}


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param({"train": 1.0}, {"train": 200}, id="all in one"),
        pytest.param(
            {"train": 0.5, "val": 0.5, "test": 0.0}, {"train": 100, "val": 100}, id="an empty split stays empty"
        ),
    ],
)
def test_shares(shares, expected):
    split = {sample.patient: sample.split for sample in split_by_patient(samples(), shares)}
    counts = Counter(split.values())
    assert counts.keys() == expected.keys()
    assert all(abs(counts[name] - number) <= 4 for name, number in expected.items())


def test_folds_are_disjoint_even_and_cover_all():
    images, tested, patients = samples(), Counter(), []
    for fold in range(5):
        done = split_by_fold(images, 5, fold, seed=3)
        split = {sample.patient: sample.split for sample in done}
        assert all(split[sample.patient] == sample.split for sample in done) and {*split.values()} == {
            "train",
            "val",
            "test",
        }
        tested.update(patient for patient, name in split.items() if name == "test")
        patients.append({patient for patient, name in split.items() if name == "val"})
        assert abs(sum(name == "test" for name in split.values()) - 40) <= 3
    assert tested == dict.fromkeys({sample.patient for sample in images}, 1)
    assert sum(map(len, patients)) == len(set().union(*patients)) == 200, "each patient validates once, too"


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        pytest.param({"train": 0.5, "val": 0.4}, "do not add up", id="less than 1"),
        pytest.param({"train": 1.5, "val": -0.5}, "do not add up", id="negative"),
        pytest.param({}, "do not add up", id="none"),
        pytest.param({"training": 1.0}, "unknown split 'training'", id="unknown name"),
    ],
)
def test_wrong_shares(shares, message):
    with pytest.raises(UserError, match=message):
        split_by_patient(samples(3), shares)
