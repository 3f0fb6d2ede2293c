"""A DICOM film gives the grey values that the films of its dataset have."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.core.types import Study, Target
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.images.intensity import AS_IS, MIMIC_CXR_JPG, WINDOW, equalization, mimic_cxr_jpg
from mdfnet.data.images.read import read_film, read_study_film

#: 12-bit pixels, and what the code of MIMIC-CXR-JPG's author (MIT-LCP/mimic-cxr issue 16) made of them with OpenCV 5.0.
RAW = [
    [1310, 1300, 1706, 819, 1323, 1116, 728],
    [845, 1122, 709, 1104, 2023, 161, 1002],
    [1227, 1031, 576, 2740, 1526, 398, 1163],
    [752, 641, 1155, 834, 1695, 693, 836],
]
AUTHORS = [
    [198, 189, 236, 76, 208, 142, 57],
    [104, 151, 47, 132, 246, 0, 113],
    [179, 123, 19, 255, 217, 9, 170],
    [66, 28, 161, 94, 227, 38, 94],
]
AUTHORS_INVERTED = [
    [57, 66, 19, 179, 47, 113, 198],
    [151, 104, 208, 123, 9, 255, 142],
    [76, 132, 236, 0, 38, 246, 85],
    [189, 227, 94, 170, 28, 217, 170],
]


def test_the_authors_figures():
    raw = np.array(RAW, np.uint16)
    assert mimic_cxr_jpg(raw, inverted=False).tolist() == AUTHORS
    assert mimic_cxr_jpg(raw, inverted=True).tolist() == AUTHORS_INVERTED


def equalized(grey):
    """Equalization by its definition: the share of pixels below, the darkest value counting as none."""
    values, counts = np.unique(grey, return_counts=True)
    below = dict(zip(values, (np.cumsum(counts) - counts[0]) / (grey.size - counts[0]) * 255, strict=True))
    return np.vectorize(below.__getitem__)(grey)


@pytest.mark.parametrize("deviation", [1, 20, 80])
def test_equalization_is_its_definition(deviation):
    grey = np.clip(np.random.default_rng(0).normal(90, deviation, (50, 60)), 0, 255).astype(np.uint8)
    ours = equalization(np.bincount(grey.ravel(), minlength=256))[grey]
    assert np.abs(ours - equalized(grey)).max() <= 0.5001


@pytest.mark.parametrize("value", [0, 700], ids=["black", "grey"])
def test_a_blank_film_stays_blank(value):
    assert np.ptp(mimic_cxr_jpg(np.full((4, 4), value, np.uint16), inverted=False)) == 0


def anatomy(size=256):
    """12-bit values spread as on a film: smooth, most of them in the dark half."""
    noise = np.random.default_rng(0).gamma(4, 200, (size // 16, size // 16)).astype(np.float32)
    smooth = np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))
    return np.clip(smooth, 0, 4095).astype(np.uint16)


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_dicom_equals_jpeg_up_to_jpeg_noise(film, tmp_path, polarity):
    """The JPEG is made as MIMIC-CXR-JPG was, by the definition of each step; the DICOM is read by the recipe."""
    raw = anatomy()
    tags = {"WindowCenter": 900, "WindowWidth": 300, "PhotometricInterpretation": polarity}
    dicom = film(tmp_path / "a.dcm", raw, **tags)
    shifted = raw.astype(np.float64) - raw.min()
    grey = (shifted / shifted.max() * 255).astype(np.uint8)
    Image.fromarray(np.rint(equalized(255 - grey if polarity == "MONOCHROME1" else grey)).astype(np.uint8)).save(
        tmp_path / "a.jpg", quality=95
    )
    jpeg = read_film(tmp_path / "a.jpg").astype(int)
    assert np.abs(read_film(dicom, MIMIC_CXR_JPG) - jpeg).mean() < 1.5
    windowed = read_film(dicom, WINDOW) / 257
    assert np.abs(windowed - jpeg).mean() > 20, "the recipe must matter for this test to tell something"
    np.testing.assert_array_equal(read_film(dicom, AS_IS), read_film(dicom, WINDOW))


@pytest.mark.parametrize("intensity", [WINDOW, MIMIC_CXR_JPG])
def test_real_dicom_equals_real_jpeg(shared_data, tmp_path, intensity):
    dicom = shared_data / "dicom" / "nih_MONO1_explicitLE.dcm"
    film = read_film(dicom, intensity)
    Image.fromarray(film).save(tmp_path / "a.jpg", quality=95)
    other = shared_data / "dicom" / "nih_MONO2_jpeg2000lossless.dcm"
    assert np.abs(read_film(tmp_path / "a.jpg").astype(int) - read_film(other, intensity)).mean() < 1.5


def test_the_dataset_says_how_its_films_are_read(film, tiny_dataset, tmp_path):
    path = film(tmp_path / "a.dcm", anatomy())
    study = Study("a", path, 256, 256, Target.of([], []), np.full(3, np.nan, np.float32))
    tiny = replace(tiny_dataset(), studies=(study,), intensity=MIMIC_CXR_JPG)
    for place in ("copy", "png"):
        again = read_dataset(write_dataset(tiny, tmp_path / place, place).folder)
        assert again.intensity == MIMIC_CXR_JPG
        np.testing.assert_array_equal(read_study_film(again.studies[0]), read_film(path, MIMIC_CXR_JPG))


def test_a_dataset_of_before_is_as_is(tiny_dataset):
    folder = tiny_dataset().folder
    text = (folder / "dataset.yaml").read_text()
    (folder / "dataset.yaml").write_text(text.replace("intensity: as-is\n", ""))
    assert "intensity" in text and read_dataset(folder).intensity == AS_IS


def test_an_unknown_recipe_is_named(tiny_dataset):
    folder = tiny_dataset().folder
    text = (folder / "dataset.yaml").read_text()
    (folder / "dataset.yaml").write_text(text.replace("as-is", "window/9"))
    with pytest.raises(UserError, match=r"dataset.yaml: intensity: .*'window/1'"):
        read_dataset(folder)
