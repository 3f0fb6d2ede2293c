"""Images with boxes: drawn in the right place, names inside the image, truth and prediction told apart."""

from __future__ import annotations

import numpy as np
import pytest

from mdfnet.core.types import Classes, Detections, Target
from mdfnet.report.colors import class_colors
from mdfnet.report.overlay import draw, font, free_place

CLASSES = Classes(("Enlarged cardiac silhouette", "Atelectasis", "Épanchement"))
GREY = np.full((256, 256), 128, np.uint8)


def found(boxes, labels, scores) -> Detections:
    return Detections(np.float32(boxes).reshape(-1, 4), np.array(labels, np.int64), np.float32(scores))


def pixels_of(picture, label: int) -> np.ndarray:
    """Where the picture has exactly the color of a class: ``[H, W]``."""
    return (np.asarray(picture) == class_colors(len(CLASSES))[label - 1]).all(-1)


@pytest.mark.parametrize(
    ("shape", "size", "drawn"),
    [
        pytest.param((256, 256), None, (512, 512), id="small images are enlarged"),
        pytest.param((600, 1200), None, (1200, 600), id="large images keep their size"),
        pytest.param((3056, 2544), 640, (533, 640), id="the longer side is as asked for"),
        pytest.param((1, 4000), 640, (640, 1), id="a sliver keeps one row"),
    ],
)
def test_size(shape, size, drawn):
    assert draw(np.zeros(shape, np.uint8), CLASSES, size=size).size == drawn


def test_sixteen_bit_images_look_like_eight_bit_ones():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    assert draw(ramp, CLASSES) == draw(ramp.astype(np.uint16) * 257, CLASSES)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((8, 8), np.float32), id="float"),
        pytest.param(np.zeros((8, 8, 3), np.uint8), id="color"),
        pytest.param(np.zeros((0, 8), np.uint8), id="no pixels"),
    ],
)
def test_what_is_not_an_image_is_refused(image):
    with pytest.raises(ValueError, match="uint8 or uint16"):
        draw(image, CLASSES)


def test_boxes_stand_where_they_were_found():
    picture = draw(GREY, CLASSES, detections=found([[50, 60, 150, 200]], [2], [0.9]))
    drawn = pixels_of(picture, 2)[122:, :]  # below the name
    rows, columns = np.nonzero(drawn)
    assert np.allclose([columns.min(), columns.max(), rows.max() + 122], [100, 300, 400], atol=2)


def test_truth_is_dashed_and_prediction_solid():
    box = [[50, 60, 200, 200]]
    solid = pixels_of(draw(GREY, CLASSES, detections=found(box, [2], [0.9])), 2)
    dashed = pixels_of(draw(GREY, CLASSES, target=Target.of(box, [2])), 2)
    left_edge = slice(160, 360), slice(98, 103)
    assert solid[left_edge].any(1).all()
    assert 0.3 < dashed[left_edge].any(1).mean() < 0.7


def test_an_outline_is_drawn_in_place_of_its_box():
    triangle = np.float32([[128, 40], [60, 180], [196, 180]])
    picture = draw(GREY, CLASSES, target=Target.of([[60, 40, 196, 180]], [2], [triangle]))
    drawn = pixels_of(picture, 2)
    assert not drawn[80:120, 110:130].any(), "the box's upper left corner is empty"
    assert drawn[80:120, 200:300].any(), "the apex is not"


def test_all_detections_are_drawn_the_surest_on_top():
    twice = found([[50, 60, 200, 200], [50, 60, 200, 200]], [2, 3], [0.9, 0.4])
    picture = draw(GREY, CLASSES, detections=twice)
    left_edge = slice(200, 360), slice(98, 103)
    assert pixels_of(picture, 2)[left_edge].any() and not pixels_of(picture, 3)[left_edge].any()
    assert pixels_of(picture, 3).any(), "its name is there all the same"


def test_the_record_is_a_strip_below_an_untouched_image():
    record = [(f"value {number}", "missing") for number in range(12)]
    plain, captioned = draw(GREY, CLASSES), draw(GREY, CLASSES, record=record, synthetic=["clinical"])
    assert captioned.crop((0, 0, *plain.size)) == plain
    assert captioned.width == plain.width
    strip = np.asarray(captioned)[plain.height :]
    assert strip.max() > 200, "light text"
    assert (strip[:, [0, -1]] == 24).all(), "on the strip's ground, nowhere cut off"


def test_names_at_any_box_stay_inside_the_picture():
    rng = np.random.default_rng(0)
    for _ in range(100):
        corner = rng.uniform(-50, 500, 2)
        box = (*corner, *(corner + rng.uniform(0, 300, 2)))
        x1, y1, x2, y2 = free_place(box, (150, 16), (512, 384), taken=[], below=bool(rng.integers(2)))
        assert x1 >= 0 and y1 >= 0 and x2 < 512 and y2 < 384


def test_names_of_one_box_stay_apart():
    taken = []
    for number in range(8):
        x1, y1, x2, y2 = free_place((100, 100, 300, 250), (90, 16), (512, 384), taken, below=number % 2 == 0)
        assert all(x2 <= left or right <= x1 or y2 <= top or bottom <= y1 for left, top, right, bottom in taken)
        taken.append((x1, y1, x2, y2))


def test_names_longer_than_the_image_are_cut():
    picture = draw(GREY, Classes(("Enlarged " * 20,)), detections=found([[0, 0, 9, 9]], [1], [0.5]))
    assert (np.asarray(picture)[:, -1] == 128).all(), "the last column is image"


def test_the_font_has_the_letters_that_names_have():
    letters = font(20)
    unknown = bytes(letters.getmask("\uffff"))
    assert all(bytes(letters.getmask(letter)) != unknown for letter in "éüßŒžΩЖ–°·…")
