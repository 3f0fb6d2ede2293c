"""An image of any size gets into the square and its boxes come back."""

import numpy as np
import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from mdfnet.core.settings import InputConfig
from mdfnet.models.preprocessing import Geometry, Preprocessing

SIZES = [
    pytest.param(64, 64, id="the network's own size"),
    pytest.param(300, 200, id="wide"),
    pytest.param(201, 333, id="tall and odd"),
    pytest.param(40, 30, id="smaller than the network"),
    pytest.param(1000, 1, id="a line"),
]


@pytest.mark.parametrize("fit", ["letterbox", "squash"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_boxes_come_back_to_original_pixels(fit, width, height):
    geometry = getattr(Geometry, fit)(width, height, 64)
    boxes = np.array([[0, 0, width, height], [0.25 * width, 0.1 * height, 0.5 * width, 0.9 * height]])
    inside = geometry.to_network(boxes)
    assert inside.min() >= 0 and inside.max() <= 64
    np.testing.assert_allclose(geometry.to_image(inside), boxes, atol=1e-9)
    tensor = geometry.to_image(geometry.to_network(torch.from_numpy(boxes)))
    np.testing.assert_allclose(tensor.numpy(), boxes, atol=1e-9)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_letterbox_is_black_outside_of_the_image(width, height):
    image, geometry = Preprocessing(InputConfig(size=64))(torch.ones(1, height, width))
    left, top = geometry.offset
    inner_width, inner_height = geometry.inner
    assert image.shape == (1, 64, 64)
    assert image.sum() == pytest.approx(inner_width * inner_height, rel=1e-5)
    assert image[:, top : top + inner_height, left : left + inner_width].min() == pytest.approx(1)


def test_a_bright_square_lands_where_the_geometry_says():
    radiograph = torch.zeros(1, 200, 100)
    radiograph[:, 40:80, 20:60] = 1
    image, geometry = Preprocessing(InputConfig(size=64))(radiograph)
    x1, y1, x2, y2 = geometry.to_network(np.array([20, 40, 60, 80.0]))
    rows, columns = np.nonzero(image[0].numpy() > 0.5)
    assert abs(columns.min() - x1) <= 1 and abs(columns.max() + 1 - x2) <= 1
    assert abs(rows.min() - y1) <= 1 and abs(rows.max() + 1 - y2) <= 1


def test_squash_is_torchvisions_fixed_size():
    image = torch.rand(3, 150, 90)
    oracle = GeneralizedRCNNTransform(800, 1333, [0.0] * 3, [1.0] * 3, fixed_size=(64, 64))
    theirs = oracle([image])[0].tensors[0]
    config = InputConfig(size=64, fit="squash", channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    ours, _ = Preprocessing(config)(image)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(torch.zeros(8, 8), id="no channel axis"),
        pytest.param(torch.zeros(2, 8, 8), id="two channels"),
        pytest.param(torch.zeros(1, 8, 8, dtype=torch.uint8), id="integers"),
    ],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="an image is float"):
        Preprocessing(InputConfig())(image)
