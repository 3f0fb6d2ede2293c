"""Images made smaller when a dataset is written keep their looks, and their boxes their places."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.core.types import Sample, Target
from mdfnet.data.dataset_folder import read_dataset, write_dataset
from mdfnet.data.images.read import read_image, read_sample_image
from mdfnet.data.images.resize import shrink_image, shrink_sample, shrunk_size


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        pytest.param((2544, 3056), 1024, (852, 1024), id="tall"),
        pytest.param((3056, 2544), 1024, (1024, 852), id="wide"),
        pytest.param((500, 400), 1024, (500, 400), id="small ones stay"),
        pytest.param((4000, 1), 100, (100, 1), id="no side vanishes"),
    ],
)
def test_size(size, longest, expected):
    assert shrunk_size(*size, longest) == expected


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_marked_square_stays_under_its_box(depth):
    """The oracle is geometry: a bright square on black, found again where its scaled box says."""
    white = np.iinfo(depth).max
    image = np.zeros((600, 400), depth)
    image[150:330, 80:200] = white
    sample = Sample(
        "a", Path("a.png"), 400, 600, Target.of([[80, 150, 200, 330]], [1], [[[80, 150], [200, 330], [80, 330]]]), None
    )
    small = shrink_sample(sample, 200)
    shown = shrink_image(image, (small.width, small.height))
    assert shown.dtype == depth and shown.shape == (200, 133) == (small.height, small.width)
    rows, columns = np.nonzero(shown > white // 2)
    x1, y1, x2, y2 = small.target.boxes[0]
    np.testing.assert_allclose(
        [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], [x1, y1, x2, y2], atol=0.6
    )
    np.testing.assert_allclose(small.target.polygons[0][1], [x2, y2], rtol=1e-6)
    assert abs(shown.mean() / image.mean() - 1) < 0.01


def smooth(size):
    """A picture as images are: little in the finest detail."""
    noise = np.random.default_rng(0).integers(0, 256, (size // 64, size // 64), np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


def test_a_jpeg_read_at_reduced_size_is_the_whole_one_made_smaller(tmp_path):
    smooth(1024).save(tmp_path / "a.jpg", quality=95)
    whole, reduced = read_image(tmp_path / "a.jpg"), read_image(tmp_path / "a.jpg", at_least=(128, 128))
    assert whole.shape == (1024, 1024) and reduced.shape == (256, 256)
    difference = np.abs(shrink_image(whole, (128, 128)).astype(int) - shrink_image(reduced, (128, 128)))
    assert difference.mean() < 0.5 and difference.max() <= 4


def test_a_dataset_is_written_smaller(tiny_dataset, tmp_path):
    tiny = tiny_dataset(size=64)  # 72 x 64
    written = write_dataset(tiny, tmp_path / "small", "png", size=36)
    again = read_dataset(tmp_path / "small")
    assert again.fingerprint == written.fingerprint != tiny.fingerprint
    for before, after in zip(tiny.samples, again.samples, strict=True):
        assert (after.id, after.width, after.height, after.image.suffix) == (before.id, 36, 32, ".png")
        np.testing.assert_allclose(after.target.boxes, before.target.boxes / 2, rtol=1e-6)
        np.testing.assert_array_equal(read_sample_image(after), shrink_image(read_sample_image(before), (36, 32)))
        assert [len(outline) for outline in after.target.polygons] == [3] * len(before.target)


def test_without_a_size_the_pixels_stay(tiny_dataset, tmp_path):
    tiny = tiny_dataset()
    for before, after in zip(tiny.samples, write_dataset(tiny, tmp_path / "png", "png").samples, strict=True):
        np.testing.assert_array_equal(read_sample_image(after), read_sample_image(before))


@pytest.mark.parametrize("size", [None, 32])
def test_an_image_that_is_not_of_its_size_leaves_no_dataset(tiny_dataset, tmp_path, size):
    tiny = tiny_dataset()
    wrong = replace(tiny, samples=(*tiny.samples[:-1], replace(tiny.samples[-1], width=80)))
    with pytest.raises(UserError, match=r"image11.png: the image has 72 x 64 pixels, its annotations are for 80 x 64"):
        write_dataset(wrong, tmp_path / "out", "png", size)
    assert not list(tmp_path.glob("*out*"))


def test_links_and_copies_have_no_size(tiny_dataset, tmp_path):
    with pytest.raises(UserError, match="only where they are written anew"):
        write_dataset(tiny_dataset(), tmp_path / "out", "link", size=32)
