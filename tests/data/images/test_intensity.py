"""A DICOM image gives the gray values that the images of its dataset have."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample, Target
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.images.intensity import AS_IS, MIMIC_CXR_JPG, WINDOW, equalization, mimic_cxr_jpg
from mdfnet.data.images.read import read_image, read_sample_image

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


def equalized(gray):
    """Equalization by its definition: the share of pixels below, the darkest value counting as none."""
    values, counts = np.unique(gray, return_counts=True)
    below = dict(zip(values, (np.cumsum(counts) - counts[0]) / (gray.size - counts[0]) * 255, strict=True))
    return np.vectorize(below.__getitem__)(gray)


@pytest.mark.parametrize("deviation", [1, 20, 80])
def test_equalization_is_its_definition(deviation):
    gray = np.clip(np.random.default_rng(0).normal(90, deviation, (50, 60)), 0, 255).astype(np.uint8)
    ours = equalization(np.bincount(gray.ravel(), minlength=256))[gray]
    assert np.abs(ours - equalized(gray)).max() <= 0.5001


@pytest.mark.parametrize("value", [0, 700], ids=["black", "gray"])
def test_a_blank_image_stays_blank(value):
    assert np.ptp(mimic_cxr_jpg(np.full((4, 4), value, np.uint16), inverted=False)) == 0


def anatomy(size=256):
    """12-bit values spread as on an image: smooth, most of them in the dark half."""
    noise = np.random.default_rng(0).gamma(4, 200, (size // 16, size // 16)).astype(np.float32)
    smooth = np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC))
    return np.clip(smooth, 0, 4095).astype(np.uint16)


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_dicom_equals_jpeg_up_to_jpeg_noise(image, tmp_path, polarity):
    """The JPEG is made as MIMIC-CXR-JPG was, by the definition of each step; the DICOM is read by the recipe."""
    raw = anatomy()
    tags = {"WindowCenter": 900, "WindowWidth": 300, "PhotometricInterpretation": polarity}
    dicom = image(tmp_path / "a.dcm", raw, **tags)
    shifted = raw.astype(np.float64) - raw.min()
    gray = (shifted / shifted.max() * 255).astype(np.uint8)
    Image.fromarray(np.rint(equalized(255 - gray if polarity == "MONOCHROME1" else gray)).astype(np.uint8)).save(
        tmp_path / "a.jpg", quality=95
    )
    jpeg = read_image(tmp_path / "a.jpg").astype(int)
    assert np.abs(read_image(dicom, MIMIC_CXR_JPG) - jpeg).mean() < 1.5
    windowed = read_image(dicom, WINDOW) / 257
    assert np.abs(windowed - jpeg).mean() > 20, "the recipe must matter for this test to tell something"
    np.testing.assert_array_equal(read_image(dicom, AS_IS), read_image(dicom, WINDOW))


@pytest.mark.parametrize("intensity", [WINDOW, MIMIC_CXR_JPG])
def test_real_dicom_equals_real_jpeg(shared_data, tmp_path, intensity):
    dicom = shared_data / "dicom" / "nih_MONO1_explicitLE.dcm"
    image = read_image(dicom, intensity)
    Image.fromarray(image).save(tmp_path / "a.jpg", quality=95)
    other = shared_data / "dicom" / "nih_MONO2_jpeg2000lossless.dcm"
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - read_image(other, intensity)).mean() < 1.5


def test_the_dataset_says_how_its_images_are_read(image, tiny_dataset, tmp_path):
    path = image(tmp_path / "a.dcm", anatomy())
    sample = Sample("a", path, 256, 256, Target.of([], []), np.full(3, np.nan, np.float32))
    tiny = replace(tiny_dataset(), samples=(sample,), intensity=MIMIC_CXR_JPG)
    for place in ("copy", "png"):
        again = read_dataset(write_dataset(tiny, tmp_path / place, place).folder)
        assert again.intensity == MIMIC_CXR_JPG
        np.testing.assert_array_equal(read_sample_image(again.samples[0]), read_image(path, MIMIC_CXR_JPG))


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
