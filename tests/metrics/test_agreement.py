"""Two readings of the same images: agreement against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from mdfnet.core.types import Target
from mdfnet.metrics.agreement import AGREEMENT, Readings, agreement

BOX, NEAR, INSIDE, FAR = [0, 0, 10, 10], [0, 0, 10, 8], [2, 2, 4, 4], [50, 50, 60, 60]


def readings(first, second, **options):
    each = [
        [Target.of([box for box, _ in image], [label for _, label in image]) for image in one]
        for one in (first, second)
    ]
    return Readings.of(*each, class_count=2, **options)


def test_by_hand():
    """Two of three marks are met, one box is on nothing."""
    first = [[(BOX, 1)], [(BOX, 1), (FAR, 2)], [], []]
    second = [[(NEAR, 1)], [(NEAR, 1)], [(FAR, 2)], []]
    found = agreement(readings(first, second))
    assert found["sensitivity"].tolist() == [1, 0, 2 / 3]
    assert found["precision"].tolist() == [1, 0, 2 / 3]
    assert found["false_positives_per_image"].tolist() == [0, 1 / 4, 1 / 4]
    assert found["kappa"].tolist() == [1, pytest.approx(-1 / 3), pytest.approx(1 / 3)]


@pytest.mark.parametrize(
    ("options", "sensitivity"),
    [
        pytest.param({}, 0.0, id="IoU is strict about size"),
        pytest.param({"overlap": "IoBB"}, 1.0, id="IoBB is not"),
        pytest.param({"threshold": 0.04}, 1.0, id="nor is a low IoU"),
    ],
)
def test_overlap(options, sensitivity):
    assert agreement(readings([[(BOX, 1)]], [[(INSIDE, 1)]], **options))["sensitivity"][0] == sensitivity


def test_identical_readings_agree_and_nothing_read_is_no_precision():
    first = [[(BOX, 1)], []]
    assert all(agreement(readings(first, first))[name][0] == 1 for name in ("sensitivity", "precision", "kappa"))
    none = agreement(readings(first, [[], []]))
    assert none["sensitivity"][0] == 0 and np.isnan(none["precision"][0]) and none["kappa"][0] == 0
    assert np.isnan(none["kappa"][1])


def test_kappa_and_weights():
    random = np.random.default_rng(0)
    flags = random.random((2, 50)) < 0.4
    flags[1] = np.where(random.random(50) < 0.7, flags[0], flags[1])
    first, second = ([[(BOX, 1)] if flag else [] for flag in one] for one in flags)
    weights = random.integers(0, 4, (3, 50))
    both = readings(first, second)
    expected = [cohen_kappa_score(*flags, sample_weight=row) for row in weights]
    found = agreement(both, weights)
    np.testing.assert_allclose(found["kappa"][:, 0], expected)
    for row, one in enumerate(weights):
        copies = [np.repeat(np.array(reading, object), one).tolist() for reading in (first, second)]
        alone = agreement(readings(*copies))
        for name in AGREEMENT:
            np.testing.assert_allclose(found[name][row], alone[name], err_msg=name)
