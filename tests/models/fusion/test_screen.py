"""What the schema calls impossible never gets past the screen; everything else does, to the bit."""

import numpy as np
import pytest
import torch

from mdfnet.clinical.records import format_value, read_record
from mdfnet.clinical.schema import Schema
from mdfnet.models.fusion.screen import Screen

MIMIC = Schema.load("mimic-ed")
NAN, INF = float("nan"), float("inf")
RECORD = [61, 37, 80, 16, 97, 120, 70, 3, 2, 1]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        pytest.param({}, [], id="a plausible record"),
        pytest.param({"age": NAN, "gender": NAN}, [], id="missing is not refused"),
        pytest.param({"temperature": 25, "o2sat": 100, "gender": 0}, [], id="ends of the ranges are inside"),
        pytest.param({"temperature": 98.6}, ["temperature"], id="Fahrenheit"),
        pytest.param({"o2sat": 0.97}, ["o2sat"], id="a fraction"),
        pytest.param({"age": -1, "pain": 11}, ["age", "pain"], id="below and above"),
        pytest.param({"heartrate": INF, "resprate": -INF}, ["heartrate", "resprate"], id="infinite"),
        pytest.param({"gender": 2}, ["gender"], id="beyond the last category"),
        pytest.param({"gender": -1}, ["gender"], id="before the first category"),
        pytest.param({"gender": 0.5}, ["gender"], id="between two categories"),
        pytest.param({"sbp": 70, "dbp": 120}, ["sbp", "dbp"], id="pressures swapped"),
        pytest.param({"sbp": 120, "dbp": 879}, ["dbp"], id="an impossible pressure does not spoil the other"),
    ],
)
def test_screen(changes, refused):
    values = dict(zip(MIMIC.names, RECORD, strict=True)) | changes
    given = torch.tensor([RECORD, list(values.values())])
    before = given.clone()
    kept = Screen(MIMIC)(given)
    assert torch.equal(kept[0], given[0].float()), "one patient's values do not touch another's"
    expected = [NAN if name in refused else value for name, value in values.items()]
    torch.testing.assert_close(kept[1], torch.tensor(expected, dtype=torch.float32), rtol=0, atol=0, equal_nan=True)
    assert torch.equal(given.nan_to_num(-9), before.nan_to_num(-9)), "what was given is not changed"


def test_screen_and_reader_agree():
    """Two ways into the model, one meaning: what a table may say, a tensor may."""
    random, screen = np.random.default_rng(0), Screen(MIMIC)
    for feature in MIMIC.features[:5]:
        span = feature.high - feature.low
        for value in np.float32(random.uniform(feature.low - span / 2, feature.high + span / 2, 100)):
            record = {feature.name: format_value(feature, value)}
            row = torch.full((1, 10), NAN)
            row[0, MIMIC.index(feature.name)] = float(value)
            read = torch.from_numpy(read_record(MIMIC, record, invalid="missing").values)
            torch.testing.assert_close(screen(row)[0], read, rtol=0, atol=0, equal_nan=True)


def test_the_screen_is_no_part_of_the_weights():
    assert Screen(MIMIC).state_dict() == {}
