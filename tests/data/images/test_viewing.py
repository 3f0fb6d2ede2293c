"""What a viewer gets is what the file holds, and the window goes with it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut

from mdfnet.data.images.read import read_image
from mdfnet.data.images.viewing import read_for_viewing

RANDOM = np.random.default_rng(0)
STORED = RANDOM.integers(0, 4096, (20, 30)).astype(np.uint16)
SIGNED = RANDOM.integers(-2048, 2048, (20, 30)).astype(np.int16)


@pytest.mark.parametrize(
    ("stored", "tags", "values", "bits", "window"),
    [
        pytest.param(STORED, {}, STORED, 12, (2048, 4096), id="nothing said: the full range"),
        pytest.param(STORED, {"WindowCenter": "1000", "WindowWidth": "300"}, STORED, 12, (1000, 300), id="a window"),
        pytest.param(
            STORED,
            {"WindowCenter": ["1000", "50"], "WindowWidth": ["300", "9"]},
            STORED,
            12,
            (1000, 300),
            id="the first of two windows",
        ),
        pytest.param(
            STORED,
            {"RescaleSlope": "1", "RescaleIntercept": "-1024", "WindowCenter": "0", "WindowWidth": "500"},
            STORED,
            12,
            (1024, 500),
            id="values below zero are raised, and the window with them",
        ),
        pytest.param(
            STORED, {"RescaleSlope": "2", "RescaleIntercept": "0"}, 2 * STORED, 13, (4095.5, 8191), id="a slope"
        ),
        pytest.param(SIGNED, {}, SIGNED.astype(np.int32) + 2048, 12, (2048, 4096), id="signed"),
    ],
)
def test_values_and_window(image, tmp_path, stored, tags, values, bits, window):
    _, seen, viewing = read_for_viewing(image(tmp_path / "image.dcm", stored, **tags))
    assert seen.dtype == np.uint16 and (seen == values).all()
    assert (viewing.bits, viewing.center, viewing.width) == (bits, *window)


def test_fractions_are_scaled_to_sixteen_bits(image, tmp_path):
    tags = {"RescaleSlope": "0.25", "RescaleIntercept": "3"}
    _, seen, viewing = read_for_viewing(image(tmp_path / "image.dcm", STORED, **tags))
    header = Dataset()
    header.RescaleSlope, header.RescaleIntercept = "0.25", "3"
    exact = (apply_modality_lut(STORED, header) - 3) * (65535 / (4095 * 0.25))
    assert np.abs(seen - exact).max() <= 0.5 and viewing.bits == 16


def test_the_models_image_is_that_of_read_image(image, tmp_path):
    path = image(
        tmp_path / "image.dcm", STORED, PhotometricInterpretation="MONOCHROME1", WindowCenter="9", WindowWidth="5"
    )
    seen, values, viewing = read_for_viewing(path)
    assert (seen == read_image(path)).all() and (values == STORED).all() and viewing.invert


@pytest.mark.parametrize(
    ("day", "time", "taken"),
    [
        pytest.param("20240301", "100502", datetime(2024, 3, 1, 10, 5, 2), id="whole"),
        pytest.param("20240301", "100502.123", datetime(2024, 3, 1, 10, 5, 2), id="with fractions"),
        pytest.param("20240301", "1005", datetime(2024, 3, 1, 10, 5), id="without seconds"),
        pytest.param("20240301", "", None, id="a day is no time"),
        pytest.param("", "100502", None, id="no day"),
    ],
)
def test_when_it_was_taken(image, tmp_path, day, time, taken):
    path = image(tmp_path / "image.dcm", STORED, StudyDate=day, StudyTime=time)
    assert read_for_viewing(path)[2].taken == taken
