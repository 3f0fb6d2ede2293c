import numpy as np
import pytest

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer

SCHEMA = Schema.load("age-sex-view")
NAN = np.nan


@pytest.mark.parametrize(
    ("ages", "mean", "std"),
    [
        pytest.param([40, 60], 50, 10, id="two values"),
        pytest.param([40, NAN, 60], 50, 10, id="missing does not count"),
        pytest.param([50, 50, NAN], 50, 1, id="constant"),
        pytest.param([0.1] * 10, 0.1, 1, id="constant whose computed deviation is not exactly 0"),
        pytest.param([NAN, NAN], 60, 1, id="altogether missing: middle of the plausible range"),
    ],
)
def test_fit_of_numbers(ages, mean, std):
    values = np.array([[age, 1, NAN] for age in ages])
    fitted = Standardizer.fit(SCHEMA, values)
    assert fitted.mean[0] == pytest.approx(mean) and fitted.std[0] == pytest.approx(std)


def test_survives_json():
    import json

    fitted = Standardizer.fit(SCHEMA, np.array([[61.3, 0, 1], [70.7, 1, 1], [NAN, 1, NAN]]))
    back = Standardizer.from_dict(json.loads(json.dumps(fitted.to_dict())), json.loads(json.dumps(fitted.seen)))
    for name in ("mean", "std", "mode"):
        assert np.array_equal(getattr(back, name), getattr(fitted, name))
    assert fitted.mode.tolist() == [0, 1, 1]
    assert back.seen == fitted.seen


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        pytest.param([[61, 0, NAN], [44, 1, NAN]], ((44, 61), (0, 1), ()), id="smallest and largest, which categories"),
        pytest.param([[61, 1, 0]], ((61, 61), (1,), (0,)), id="a single image"),
        pytest.param([[NAN] * 3], ((), (), ()), id="nothing was ever known"),
    ],
)
def test_what_training_had(values, seen):
    assert Standardizer.fit(SCHEMA, np.array(values)).seen == seen
    assert Standardizer.of_ranges(SCHEMA).seen is None, "before training nothing is known of it"
